#!/bin/sh
# Create the virtual environment of an image: tools/image_env.sh operator|runtime DEST
# Needs what requirements/tools.txt installs on PATH. The Dockerfile and tests/integration use it.
set -eu
part=$1
dest=$2
python=$(command -v python3)

python3 -m venv --without-pip "$dest"
uv pip sync --quiet --python "$dest/bin/python" --require-hashes --no-build "requirements/$part.txt"

wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
uv build --quiet --wheel --no-build-isolation --python "$python" --out-dir "$wheels" .
uv pip install --quiet --python "$dest/bin/python" --no-deps --no-index "$wheels"/*.whl
