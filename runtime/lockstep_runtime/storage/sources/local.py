"""Models on a mounted file system: `file:///PATH` and `pvc://CLAIM/PATH`."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from lockstep_runtime.errors import FetchFailure
from lockstep_runtime.storage.golden import GOLDEN
from lockstep_runtime.storage.source import Found, SourceFile, SourceOptions, Stream

_CLAIM = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_CHUNK = 1 << 20


def parse(uri: str, options: SourceOptions) -> "LocalSource":
    """Take a file or pvc URI apart.

    Raises:
        FetchFailure: it is malformed, or pvc:// without a `pvc_root` to find the claim in.
    """
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return _file_source(uri, parts.netloc, unquote(parts.path))
    return _pvc_source(uri, parts.netloc, unquote(parts.path), options.pvc_root)


@dataclass(frozen=True, slots=True)
class LocalSource:
    """A file or a directory on a mounted file system.

    `boundary`: a symbolic link must not lead out of this folder (None: links may lead anywhere).
    """

    path: Path
    display: str
    boundary: Path | None = None

    @property
    def moving(self) -> None:
        """Nothing: a path is the identity of what lies there."""
        return

    def at(self, version: str) -> "LocalSource":
        """Return itself."""
        return self

    def find(self) -> Found:
        """List the file or the tree.

        Raises:
            FetchFailure: nothing there, unreadable, or a link leads out of the boundary.
        """
        try:
            if self.path.is_dir():
                return self._tree()
            file = self._file(self.path, self.path.name)
            golden = self.path.with_name(GOLDEN)
            beside = self._file(golden, GOLDEN) if golden.is_file() else None
            return Found((file,), golden=None if golden == self.path else beside)
        except FileNotFoundError as error:
            which = "" if error.filename == str(self.path) else f" ({error.filename})"
            raise FetchFailure(f"{self.display}: no such file or directory{which}") from error
        except OSError as error:
            raise FetchFailure(f"cannot read {self.display}: {error}") from error

    def close(self) -> None:
        """Nothing is open."""

    def _tree(self) -> Found:
        self._within(self.path)
        files = tuple(self._file(self.path / path, path) for path in _walk(self.path))
        if not files:
            raise FetchFailure(f"{self.display}: the directory holds no file")
        return Found(files, directory=True)

    def _file(self, origin: Path, path: str) -> SourceFile:
        self._within(origin)
        if origin.exists() and not origin.is_file():
            raise FetchFailure(f"{self.display}: {origin.name!r} is no regular file")
        display = self.display if origin == self.path else f"{path} of {self.display}"
        return SourceFile(path, display, partial(_open, origin), origin.stat().st_size)

    def _within(self, path: Path) -> None:
        if self.boundary and not path.resolve().is_relative_to(self.boundary.resolve()):
            raise FetchFailure(f"{self.display}: {path.name!r} is a link that leaves the claim")


@contextmanager
def _open(origin: Path, offset: int, _mark: str | None) -> Iterator[Stream]:
    with origin.open("rb") as reader:
        reader.seek(offset)
        yield Stream(iter(lambda: reader.read(_CHUNK), b""), offset)


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


def _file_source(uri: str, host: str, path: str) -> LocalSource:
    if host not in ("", "localhost") or not path.startswith("/"):
        raise FetchFailure(
            f"model URI {uri!r}: a file URI has three slashes and an absolute path, "
            "like file:///models/model.skops"
        )
    return LocalSource(Path(path), uri)


def _pvc_source(uri: str, claim: str, path: str, root: Path | None) -> LocalSource:
    if not _CLAIM.fullmatch(claim):
        raise FetchFailure(f"model URI {uri!r}: {claim!r} is no name of a PersistentVolumeClaim")
    if ".." in PurePosixPath(path).parts:
        raise FetchFailure(f"model URI {uri!r}: the path must not contain '..'")
    if root is None:
        raise FetchFailure(f"model URI {uri!r}: pvc:// needs --pvc-root, where claims are mounted")
    mount = root / claim
    if not mount.is_dir():
        raise FetchFailure(f"model URI {uri!r}: claim {claim!r} is not mounted at {mount}")
    return LocalSource(mount / path.lstrip("/"), uri, boundary=mount)
