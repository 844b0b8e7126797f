"""Copying a model from a mounted file system, digest on the way."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from lockstep_runtime.errors import FetchFailure
from lockstep_runtime.storage.digest import tree_digest
from lockstep_runtime.storage.golden import GOLDEN
from lockstep_runtime.storage.source import LocalSource

_CHUNK = 1 << 20


class SizeLimit:
    """Counts bytes and refuses the one too many; also used for downloads."""

    def __init__(self, limit: int, what: str) -> None:
        self._left = limit
        self._reason = f"{what} is larger than the limit of {limit} bytes"

    def add(self, size: int) -> None:
        """Count `size` bytes.

        Raises:
            FetchFailure: the limit is passed.
        """
        self._left -= size
        if self._left < 0:
            raise FetchFailure(self._reason)


def copy_local(source: LocalSource, target: Path, limit: int) -> tuple[str, bool]:
    """Copy a file into, or a directory as, the folder `target`; return (digest, is a directory).

    Raises:
        FetchFailure: nothing there, unreadable, too large, or a link leads out of the boundary.
    """
    budget = SizeLimit(limit, source.display)
    try:
        if source.path.is_dir():
            return _copy_tree(source, target, budget), True
        return _copy_file(source, source.path, target / source.path.name, budget), False
    except FileNotFoundError as error:
        which = "" if error.filename == str(source.path) else f" ({error.filename})"
        raise FetchFailure(f"{source.display}: no such file or directory{which}") from error
    except OSError as error:
        raise FetchFailure(f"cannot copy {source.display}: {error}") from error


def copy_golden(source: LocalSource, target: Path, limit: int) -> None:
    """Copy the golden requests beside a single file into the folder `target`, if there are any.

    Raises:
        FetchFailure: unreadable, too large, or a link that leads out of the boundary.
    """
    origin = source.path.with_name(GOLDEN)
    try:
        if origin.is_file():
            budget = SizeLimit(limit, f"{GOLDEN} beside {source.display}")
            _copy_file(source, origin, target / GOLDEN, budget)
    except OSError as error:
        raise FetchFailure(f"cannot copy {GOLDEN} beside {source.display}: {error}") from error


def _copy_tree(source: LocalSource, target: Path, budget: SizeLimit) -> str:
    _within(source, source.path)
    digests = {
        path: _copy_file(source, source.path / path, target / path, budget)
        for path in _walk(source.path)
    }
    if not digests:
        raise FetchFailure(f"{source.display}: the directory holds no file")
    return tree_digest(digests)


def _walk(root: Path) -> Iterator[str]:
    """Yield relative paths of all files; a linked folder is refused, it might be a loop."""
    for folder, folders, files in os.walk(root, onerror=_raise):
        # Kubernetes keeps its own `..data` links beside the files of projected volumes.
        folders[:] = [name for name in folders if not name.startswith("..")]
        for name in folders:
            if Path(folder, name).is_symlink():
                raise FetchFailure(f"{Path(folder, name)} is a link to a folder; copy it instead")
        for name in files:
            yield Path(folder, name).relative_to(root).as_posix()


def _raise(error: OSError) -> None:
    raise error


def _within(source: LocalSource, path: Path) -> None:
    if source.boundary and not path.resolve().is_relative_to(source.boundary.resolve()):
        raise FetchFailure(f"{source.display}: {path.name!r} is a link that leaves the claim")


def _copy_file(source: LocalSource, origin: Path, target: Path, budget: SizeLimit) -> str:
    _within(source, origin)
    if origin.exists() and not origin.is_file():
        raise FetchFailure(f"{source.display}: {origin.name!r} is no regular file")
    sha256 = hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    with origin.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(_CHUNK):
            budget.add(len(chunk))
            sha256.update(chunk)
            writer.write(chunk)
    return "sha256:" + sha256.hexdigest()
