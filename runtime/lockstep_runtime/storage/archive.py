"""Unpacking a model that is an archive: .tar, .tar.gz, .tgz or .zip.

An archive is somebody else's input. What it holds may be plain files, folders, and links to files
in it, which become files; everything else is refused, and so is a name that leads out, a name that
is there twice, and more bytes or names than the limits allow. Nothing is trusted but what was
counted while it was written.
"""

import gzip
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import IO, BinaryIO, cast

from lockstep_runtime.errors import FetchFailure, first_line
from lockstep_runtime.storage.limits import SizeLimit, TransferLimits
from lockstep_runtime.storage.transfer import check_path

_CHUNK = 1 << 20
_READ_BYTES = 16 << 20
_DEEPEST = 100
_LINK_BYTES = 4096
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, gzip.BadGzipFile)


def is_archive(name: str) -> bool:
    """Tell whether a file's name says that it is an archive."""
    return name.lower().endswith((".tar", ".tar.gz", ".tgz", ".zip"))


def unpack(archive: Path, name: str, root: Path, limits: TransferLimits) -> None:
    """Unpack below the folder `root`, which may hold files already.

    `name`: the archive's, as it says how it is packed.

    Raises:
        FetchFailure: damaged, too large, or it holds what it must not.
    """
    unpacking = _Unpacking(root, name, limits)
    try:
        if name.lower().endswith(".zip"):
            _unpack_zip(archive, unpacking)
        else:
            _unpack_tar(archive, unpacking)
        unpacking.resolve_links()
    except _DAMAGE as error:
        reason = first_line(error)
        raise FetchFailure(f"{name} is no archive, or a damaged one: {reason}") from error
    except (NotImplementedError, RuntimeError) as error:  # zipfile: compression, encryption
        raise FetchFailure(f"cannot unpack {name}: {first_line(error)}") from error
    except OSError as error:
        raise FetchFailure(f"cannot unpack {name}: {error}") from error


class _Unpacking:
    """Where the members go; counts them."""

    def __init__(self, root: Path, name: str, limits: TransferLimits) -> None:
        self._root = root
        self._name = name
        self._left = limits.max_files
        self._most = limits.max_files
        self._budget = SizeLimit(limits.max_bytes, f"{name}, unpacked,")
        self._links: dict[str, str] = {}

    def refuse(self, reason: str) -> FetchFailure:
        """Return the error for this archive."""
        return FetchFailure(f"{self._name} is refused: {reason}")

    def count(self) -> None:
        """Count a member, of whatever kind."""
        self._left -= 1
        if self._left < 0:
            raise self.refuse(f"it has more than {self._most} members")

    def folder(self, path: str) -> None:
        """Make a folder; the archive's own top is there already."""
        if path.strip("./"):
            (self._root / self._checked(path)).mkdir(parents=True, exist_ok=True)

    def file(self, path: str, reader: IO[bytes]) -> None:
        """Write a file."""
        with self._claim(self._checked(path)).open("xb") as writer:
            while chunk := reader.read(_CHUNK):
                self._budget.add(len(chunk))
                writer.write(chunk)

    def link(self, path: str, target: str) -> None:
        """Remember a link to `target`, a path from the archive's top."""
        path = self._checked(path)
        end = normpath(target)
        if end.startswith(("/", "../")) or end == "..":
            raise self.refuse(f"{path!r} is a link that leads out of it, to {target!r}")
        self._claim(path)
        self._links[path] = end

    def resolve_links(self) -> None:
        """Make files of the links, now that all files are there."""
        for path in self._links:
            origin = self._root / self._end_of(path)
            if not origin.is_file():
                raise self.refuse(f"{path!r} is a link to {self._links[path]!r}, no file in it")
            self._budget.add(origin.stat().st_size)  # it is copied later, when not now
            os.link(origin, self._root / path)

    def _end_of(self, path: str) -> str:
        for _ in self._links:
            path = self._links[path]
            if path not in self._links:
                return path
        raise self.refuse(f"{path!r} is a link to itself")

    def _checked(self, path: str) -> str:
        plain = path.removesuffix("/")
        while plain.startswith("./"):
            plain = plain[2:].lstrip("/")
        check_path(plain, f"{self._name} is refused")
        if plain.count("/") > _DEEPEST:
            raise self.refuse(f"{plain[:80]!r}… is over {_DEEPEST} folders deep")
        return plain

    def _claim(self, path: str) -> Path:
        """Return where a new member goes."""
        target = self._root / path
        if path in self._links or target.exists():
            raise self.refuse(f"{path!r} is in it twice")
        target.parent.mkdir(parents=True, exist_ok=True)
        return target


class _Guard:
    """A file that hands out no more at once than an honest archive needs.

    tarfile reads an extended header, and zipfile its directory, in one piece of the size that the
    archive claims.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.seek = stream.seek
        self.tell = stream.tell
        self.seekable = stream.seekable

    def read(self, size: int = -1) -> bytes:
        """Read; -1 means the rest, which only a zip archive's tail is asked for."""
        data = self._stream.read(size if 0 <= size <= _READ_BYTES else _READ_BYTES + 1)
        if len(data) > _READ_BYTES:
            raise tarfile.ReadError(f"it has a header of over {_READ_BYTES} bytes")
        return data


def _unpack_tar(archive: Path, unpacking: _Unpacking) -> None:
    with _plain(archive) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
        while (member := tar.next()) is not None:
            unpacking.count()
            if member.isdir():
                unpacking.folder(member.name)
            elif member.isfile():
                unpacking.file(member.name, cast("IO[bytes]", tar.extractfile(member)))
            elif member.issym():
                unpacking.link(member.name, _beside(member.name, member.linkname))
            elif member.islnk():
                unpacking.link(member.name, member.linkname)
            else:
                raise unpacking.refuse(f"{member.name!r} is a device, a pipe or the like")
        # tarfile takes a damaged header, and the end of the file, for the end of the archive.
        stream.seek(tar.offset)
        if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("it does not end like one")


@contextmanager
def _plain(archive: Path) -> Iterator[IO[bytes]]:
    with archive.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not packed:
            yield cast("IO[bytes]", _Guard(file))
            return
        with gzip.GzipFile(fileobj=file) as stream:
            yield cast("IO[bytes]", _Guard(cast("BinaryIO", stream)))


def _unpack_zip(archive: Path, unpacking: _Unpacking) -> None:
    with (
        archive.open("rb") as file,
        zipfile.ZipFile(cast("IO[bytes]", _Guard(file))) as packed,
    ):
        for member in packed.infolist():
            unpacking.count()
            mode = member.external_attr >> 16
            if member.is_dir():
                unpacking.folder(member.filename)
            elif stat.S_ISLNK(mode):
                with packed.open(member) as reader:
                    target = os.fsdecode(reader.read(_LINK_BYTES))
                unpacking.link(member.filename, _beside(member.filename, target))
            elif stat.S_IFMT(mode) in (0, stat.S_IFREG):
                with packed.open(member) as reader:
                    unpacking.file(member.filename, reader)
            else:
                raise unpacking.refuse(f"{member.filename!r} is a device, a pipe or the like")


def _beside(path: str, target: str) -> str:
    """Return where a symbolic link leads to, from the archive's top."""
    return join(dirname(path), target)
