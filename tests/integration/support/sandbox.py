"""A sandbox for the time of a test session, in a folder inside the checkout."""

import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from integration.support.cluster import BIN, ROOT


@contextmanager
def work_folder() -> Iterator[Path]:
    """Yield a folder below .sandbox; nothing is left of it."""
    folder = ROOT / ".sandbox" / f"t-{uuid.uuid4().hex[:6]}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def running_sandbox(folder: Path, *flags: str) -> Iterator[Path]:
    """Start a sandbox, yield its kubeconfig, and stop it."""
    _lockstep("up", "--dir", str(folder), *flags)
    try:
        yield folder / "kubeconfig"
    finally:
        _lockstep("down", "--dir", str(folder))


def _lockstep(*arguments: str) -> None:
    command = [str(BIN / "lockstep"), "sandbox", *arguments]
    subprocess.run(command, check=True, timeout=90, stdout=sys.stderr)
