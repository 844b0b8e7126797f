"""Putting a tree of files in a second place: linked where that can be, else copied; hashed."""

import hashlib
import os
import stat
from pathlib import Path

from lockstep_runtime.storage.digest import file_digest

_CHUNK = 1 << 20
_READ_ONLY = 0o444  # two places may share the bytes


def place_tree(origin: Path, target: Path) -> dict[str, str]:
    """Put all files of a folder into the new folder `target`; return their digests by path.

    Raises:
        OSError: one cannot be read or written.
    """
    digests = {}
    target.mkdir(parents=True)
    for path in sorted(origin.rglob("*")):
        relative = path.relative_to(origin)
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            (target / relative).mkdir(exist_ok=True)
        elif stat.S_ISREG(mode):
            digests[relative.as_posix()] = place_file(path, target / relative)
        else:
            raise OSError(f"{path} is no plain file")
    return digests


def place_file(origin: Path, target: Path) -> str:
    """Link or copy a file, never over another, and return the digest of what is there now.

    Raises:
        OSError: it cannot be read or written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(origin, target)
    except OSError:  # another file system or mount, or links are not for us: a copy does
        return _copy(origin, target)
    if target.stat().st_mode & 0o222:
        target.chmod(_READ_ONLY)
    return file_digest(target)


def _copy(origin: Path, target: Path) -> str:
    sha256 = hashlib.sha256()
    with origin.open("rb") as reader, target.open("xb") as writer:
        while chunk := reader.read(_CHUNK):
            sha256.update(chunk)
            writer.write(chunk)
    target.chmod(_READ_ONLY)
    return "sha256:" + sha256.hexdigest()
