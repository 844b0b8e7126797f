"""A cache of fetched models on a node, keyed by digest, for several pods at once.

An entry is a folder `DIGEST` (a tree) or `DIGEST-URI` (a single file: its name and the golden
requests beside it belong to the URI), each of them hex digits, with `content/` and perhaps
`golden.json` in it. It appears and disappears by a rename, so nobody sees half of one, and nobody
needs a lock. What is taken is hashed first: bytes that are not those of the digest are thrown away
and fetched anew, whoever wrote them. The time of an entry's folder is its last use.

A cache that cannot be used costs time and fails nothing: it says so in the log.
"""

import logging
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from lockstep_runtime.errors import FetchFailure
from lockstep_runtime.storage.digest import tree_digest
from lockstep_runtime.storage.golden import GOLDEN
from lockstep_runtime.storage.manifest import CONTENT, uri_sha256
from lockstep_runtime.storage.placing import place_file, place_tree

_COMING, _GOING = ".coming-", ".going-"
_ABANDONED_SECONDS = 24 * 3600.0
_URI_DIGITS = 16
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelCache:
    """The cache in the folder `root`, of at most `max_bytes`."""

    root: Path
    max_bytes: int

    def take(self, digest: str, uri: str, incoming: Path) -> bool | None:
        """Fill `incoming` from the cache; return whether it is a tree, None when it is not there.

        Whatever is in `incoming` when it is not there is of no use.
        """
        for name, directory in ((_hex(digest), True), (_file_entry(digest, uri), False)):
            entry = self.root / name
            try:
                if not entry.is_dir():
                    continue
                found = _take(entry, incoming, directory=directory)
                if found == digest:
                    self._touch(entry)
                    _log.info("model is in the cache", extra={"fields": {"digest": digest}})
                    return directory
                self._discard(entry)
                self._warn(f"entry {name} was damaged and is gone")
            except (OSError, FetchFailure) as error:
                self._warn(str(error))
        return None

    def put(self, digest: str, uri: str, fetched: Path, *, directory: bool) -> None:
        """Keep what `fetched` holds (like a model directory), if there is room for it."""
        entry = self.root / (_hex(digest) if directory else _file_entry(digest, uri))
        coming = self.root / f"{_COMING}{uuid4().hex}"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self._clean()
            if entry.is_dir() or not self._make_room(_size(fetched)):
                return
            place_tree(fetched / CONTENT, coming / CONTENT)
            if (fetched / GOLDEN).exists() and not directory:
                place_file(fetched / GOLDEN, coming / GOLDEN)
            coming.rename(entry)
        except OSError as error:
            if not entry.is_dir():  # else another pod was faster
                self._warn(str(error))
        finally:
            shutil.rmtree(coming, ignore_errors=True)

    def _touch(self, entry: Path) -> None:
        try:
            os.utime(entry)
        except OSError as error:  # of another user: it may go earlier than it should
            self._warn(f"cannot note that {entry.name} was used: {error}")

    def _make_room(self, size: int) -> bool:
        if size > self.max_bytes:
            self._warn(f"the model has {size} bytes, the cache's limit is {self.max_bytes}")
            return False
        entries = sorted(self._entries(), key=lambda entry: entry[0])
        used = sum(bytes_ for _, bytes_, _ in entries)
        for _, bytes_, path in entries:
            if used + size <= self.max_bytes:
                break
            self._discard(path)
            used -= bytes_
            fields = {"entry": path.name, "bytes": bytes_}
            _log.info("cache entry removed for a newer one", extra={"fields": fields})
        return True

    def _entries(self) -> Iterator[tuple[float, int, Path]]:
        """Yield (last use, bytes, folder)."""
        for path in self.root.iterdir():
            if path.name.startswith("."):
                continue
            try:
                yield path.stat().st_mtime, _size(path), path
            except FileNotFoundError:  # another pod makes room too
                continue

    def _discard(self, entry: Path) -> None:
        """Let an entry disappear at once, then remove it; a pod that reads it now starts over."""
        going = self.root / f"{_GOING}{uuid4().hex}"
        try:
            entry.rename(going)
        except FileNotFoundError:  # another pod did it
            return
        shutil.rmtree(going, ignore_errors=True)  # what is left is cleaned up later

    def _clean(self) -> None:
        """Remove what killed pods have left."""
        for path in self.root.glob(".*ing-*"):
            try:
                age = time.time() - path.stat().st_mtime
            except FileNotFoundError:
                continue
            if path.name.startswith(_GOING) or age > _ABANDONED_SECONDS:
                shutil.rmtree(path, ignore_errors=True)

    def _warn(self, reason: str) -> None:
        fields = {"cache": str(self.root), "reason": reason}
        _log.warning("the cache is of no use for this", extra={"fields": fields})


def _take(entry: Path, incoming: Path, *, directory: bool) -> str:
    shutil.rmtree(incoming / CONTENT, ignore_errors=True)
    digests = place_tree(entry / CONTENT, incoming / CONTENT)
    if directory:
        return tree_digest(digests)
    if (entry / GOLDEN).exists():
        place_file(entry / GOLDEN, incoming / GOLDEN)
    return next(iter(digests.values())) if len(digests) == 1 else ""


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")


def _file_entry(digest: str, uri: str) -> str:
    return f"{_hex(digest)}-{uri_sha256(uri)[:_URI_DIGITS]}"


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
