"""Container logs: one file per run, each line with its time, as container runtimes keep them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_LONGEST = 16 * 1024  # a longer line is split
_LARGEST = 10 * 1024 * 1024  # a file that grew this large moves aside, as kubelet rotates
_POLL = 0.1


class LogWriter(asyncio.Protocol):
    """The reading end of a container's output; writes it line by line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.closed = asyncio.Event()
        self._file = path.open("ab", buffering=0)
        self._size = 0
        self._rest = b""
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where the output comes from."""
        self._transport = transport

    def stop(self) -> None:
        """Read no further."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Take output as it comes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        while len(self._rest) > _LONGEST:
            lines.append(self._rest[:_LONGEST])
            self._rest = self._rest[_LONGEST:]
        self._write(lines)

    def connection_lost(self, exc: Exception | None) -> None:
        """Write what is left without a line's end."""
        if self._rest:
            self._write([self._rest])
        self._rest = b""
        self._file.close()
        self.closed.set()

    def _write(self, lines: list[bytes]) -> None:
        if not lines:
            return
        nanoseconds = time.time_ns()
        whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(nanoseconds // 10**9))
        stamp = f"{whole}.{nanoseconds % 10**9:09}Z ".encode()
        text = b"".join(stamp + line + b"\n" for line in lines)
        self._file.write(text)
        self._size += len(text)
        if self._size > _LARGEST:
            self._file.close()
            self.path.replace(self.path.with_suffix(".old"))
            self._file, self._size = self.path.open("ab", buffering=0), 0


@dataclass(frozen=True)
class LogRequest:
    """Which lines somebody wants."""

    follow: bool = False
    timestamps: bool = False
    tail: int | None = None
    since: datetime | None = None


async def read(
    path: Path, request: LogRequest, running: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """Yield a log's lines; when following, until `running` says that no more will come."""
    position, rest = 0, b""
    first = True
    while True:
        more = running()
        chunk, position = _read_from(path, position)
        *lines, rest = (rest + chunk).split(b"\n")
        wanted = [line for line in lines if _is_recent(line, request.since)]
        if first and request.tail is not None:
            wanted = wanted[-request.tail :] if request.tail else []
        first = False
        text = b"".join(_shown(line, request.timestamps) + b"\n" for line in wanted)
        if text:
            yield text
        if not (request.follow and more):
            return
        await asyncio.sleep(_POLL)


def _read_from(path: Path, position: int) -> tuple[bytes, int]:
    """Return what came after `position`; from the start again when the file was replaced."""
    if path.stat().st_size < position:
        position = 0
    with path.open("rb") as file:
        file.seek(position)
        chunk = file.read()
    return chunk, position + len(chunk)


def _is_recent(line: bytes, since: datetime | None) -> bool:
    return since is None or datetime.fromisoformat(line[:19].decode() + "+00:00") >= since


def _shown(line: bytes, timestamps: bool) -> bytes:
    return line if timestamps else line.partition(b" ")[2]


def last_lines(path: Path, lines: int, size: int) -> str:
    """Return the end of a log, without times."""
    if not path.exists():
        return ""
    chunk, _ = _read_from(path, max(path.stat().st_size - 4 * size, 0))
    shown = [_shown(line, False) for line in chunk.splitlines()[-lines:]]
    return b"\n".join(shown)[-size:].decode(errors="replace")
