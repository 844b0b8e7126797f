"""Bringing files here: limits, retries, going on where it broke off, digests on the way."""

import hashlib
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path, PurePosixPath
from threading import Event
from typing import BinaryIO

from lockstep_runtime.errors import FetchFailure
from lockstep_runtime.storage.limits import SizeLimit, TransferLimits
from lockstep_runtime.storage.progress import Progress
from lockstep_runtime.storage.retry import give_up_or_pause
from lockstep_runtime.storage.source import Changed, SourceFile, Transient


class _Stopped(Exception):
    """Another file of the same model has failed already."""


class _Part:
    """As much of a file as is here, with the hash so far."""

    def __init__(self, writer: BinaryIO) -> None:
        self._writer = writer
        self._sha256 = hashlib.sha256()
        self.received = 0
        self.farthest = 0
        self.mark: str | None = None

    @property
    def digest(self) -> str:
        return "sha256:" + self._sha256.hexdigest()

    def write(self, chunk: bytes) -> None:
        self._writer.write(chunk)
        self._sha256.update(chunk)
        self.received += len(chunk)
        self.farthest = max(self.farthest, self.received)

    def restart(self) -> int:
        """Forget everything; return how many bytes that were."""
        lost, self.received, self.mark = self.received, 0, None
        self._writer.seek(0)
        self._writer.truncate()
        self._sha256 = hashlib.sha256()
        return lost


class Transfer:
    """Brings the files of one model within one set of limits.

    `what`: the model's name in messages.
    """

    def __init__(self, files: Iterable[SourceFile], what: str, limits: TransferLimits) -> None:
        self._files = tuple(files)
        self._limits = limits
        self._what = what
        self._budget = SizeLimit(limits.max_bytes, what)
        self._deadline = time.monotonic() + limits.total_timeout
        self._stop = Event()
        sizes = [file.size for file in self._files if file.size is not None]
        total = sum(sizes) if len(sizes) == len(self._files) else None
        self._progress = Progress(what, total, len(self._files))
        if len(self._files) > limits.max_files:
            raise FetchFailure(f"{what} has more than {limits.max_files} files")
        self._budget.expect(sum(sizes))

    def run(self, root: Path) -> dict[str, str]:
        """Write all files below the folder `root`; return their digests by relative path.

        Raises:
            FetchFailure: one cannot be brought, or they pass the limits.
        """
        targets = self._targets(root)
        if len(self._files) == 1:
            digests = {self._files[0].path: self._bring(self._files[0], targets[0])}
        else:
            digests = self._bring_all(targets)
        self._progress.finish()
        return digests

    def _targets(self, root: Path) -> list[Path]:
        targets = []
        seen: set[str] = set()
        for file in self._files:
            check_path(file.path, self._what)
            if file.path in seen:
                raise FetchFailure(f"{self._what}: {file.path!r} is there twice")
            seen.add(file.path)
            targets.append(root / file.path)
        try:
            for folder in sorted({target.parent for target in targets}):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FetchFailure(f"cannot store {self._what}: {error}") from error
        return targets

    def _bring_all(self, targets: list[Path]) -> dict[str, str]:
        with ThreadPoolExecutor(self._limits.connections, "fetch") as pool:
            waiting = [
                pool.submit(self._bring, file, target)
                for file, target in zip(self._files, targets, strict=True)
            ]
            try:
                wait(waiting, return_when=FIRST_EXCEPTION)
            finally:  # all are done, or one failed, or somebody pressed Ctrl-C
                if not all(future.done() for future in waiting):
                    self._stop.set()
                pool.shutdown(cancel_futures=True)
        ended = [future for future in waiting if not future.cancelled()]
        failures = [error for future in ended if (error := future.exception())]
        # Those that were stopped have nothing to say.
        for error in sorted(failures, key=lambda error: isinstance(error, _Stopped)):
            raise error
        return {
            file.path: future.result() for file, future in zip(self._files, waiting, strict=True)
        }

    def _bring(self, file: SourceFile, target: Path) -> str:
        try:
            return self._checked(file, target)
        except BaseException:
            self._stop.set()  # the others need not go on
            raise

    def _checked(self, file: SourceFile, target: Path) -> str:
        try:
            with target.open("wb") as writer:
                part = _Part(writer)
                self._until_whole(file, part)
        except OSError as error:
            raise FetchFailure(f"cannot store {file.display}: {error}") from error
        if file.digest and part.digest != file.digest:
            raise FetchFailure(
                f"{file.display} came damaged: it is {part.digest}, but its source says that it "
                f"is {file.digest}"
            )
        self._progress.file_done()
        return part.digest

    def _until_whole(self, file: SourceFile, part: _Part) -> None:
        attempt, farthest = 0, 0
        while True:
            try:
                self._attempt(file, part)
                return
            except Transient as error:
                attempt = 1 if part.farthest > farthest else attempt + 1
                farthest = part.farthest
                give_up_or_pause(error, attempt, file.display, self._limits, self._stop.wait)
                if part.mark is None or isinstance(error, Changed):
                    self._restart(part)

    def _attempt(self, file: SourceFile, part: _Part) -> None:
        self._check_time()
        with file.open(part.received, part.mark) as stream:
            if stream.offset != part.received:
                self._restart(part)
            part.mark = stream.mark
            size = file.size if stream.size is None else stream.size
            if size is not None:
                self._budget.expect(size - part.received)
            for chunk in stream.chunks:
                self._check_time()
                self._budget.add(len(chunk))
                part.write(chunk)
                self._progress.add(len(chunk))
        if size is not None and part.received != size:
            received = part.received
            if received > size:
                self._restart(part)
            raise Transient(f"got {received} of {size} bytes")

    def _restart(self, part: _Part) -> None:
        lost = part.restart()
        self._budget.add(-lost)
        self._progress.add(-lost)

    def _check_time(self) -> None:
        if self._stop.is_set():
            raise _Stopped
        if time.monotonic() > self._deadline:
            raise FetchFailure(f"{self._what} took over {self._limits.total_timeout:g} s")


def check_path(path: str, what: str) -> None:
    """Refuse a relative path that does not stay where it is put.

    Raises:
        FetchFailure: it is empty, absolute, or has segments like `..`.
    """
    segments = path.split("/")
    if PurePosixPath(path).is_absolute() or any(part in ("", ".", "..") for part in segments):
        raise FetchFailure(f"{what}: {path!r} is no relative path of a file")
    if not path.isprintable() or "\\" in path:
        raise FetchFailure(
            f"{what}: file name {path!r} has a backslash, control or non-UTF-8 character"
        )
