"""Files that change all at once, in the layout of kubelet's AtomicWriter.

DIR/..2026_11_23_18_00_00.0123456789/key   the files
DIR/..data -> ..2026_11_23_18_00_00.0123456789   swapped by one rename
DIR/key -> ..data/key   what the pod opens
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

DATA = "..data"


@dataclass(frozen=True)
class File:
    """A projected file."""

    content: bytes
    mode: int


def check_path(path: str) -> str:
    """Return a relative path that stays inside its volume.

    Raises:
        ValueError: it does not.
    """
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or path.startswith(".."):
        raise ValueError(f"{path!r} must be a relative path without '..'")
    return path


def write(folder: Path, files: Mapping[str, File]) -> bool:
    """Make the volume hold exactly these files; return whether anything changed."""
    for path in files:
        check_path(path)
    if _read(folder) == dict(files):
        return False
    before = folder / DATA
    old = before.readlink() if before.is_symlink() else None
    stamp = datetime.now(UTC).strftime("..%Y_%m_%d_%H_%M_%S.") + str(secrets.randbelow(10**10))
    fresh = folder / stamp
    fresh.mkdir(parents=True)
    for path, file in files.items():
        _place(fresh / path, file)
    swap = folder / "..data_tmp"
    swap.unlink(missing_ok=True)
    swap.symlink_to(stamp)
    swap.rename(before)
    _link(folder, {PurePosixPath(path).parts[0] for path in files})
    if old is not None:
        shutil.rmtree(folder / old)
    return True


def _read(folder: Path) -> dict[str, File] | None:
    data = folder / DATA
    if not data.exists():
        return None
    found = {}
    for parent, _, names in os.walk(data):
        for path in (Path(parent, name) for name in names):
            mode = path.stat().st_mode & 0o777
            found[str(path.relative_to(data))] = File(path.read_bytes(), mode)
    return found


def _place(path: Path, file: File) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.content)
    path.chmod(file.mode)


def _link(folder: Path, names: set[str]) -> None:
    """Have one link per wanted name and none that leads nowhere."""
    for name in names:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"{DATA}/{name}")
    for path in folder.iterdir():
        stale = path.name not in names and path.is_symlink() and path.name != DATA
        if stale and str(path.readlink()).startswith(f"{DATA}/"):
            path.unlink()
