"""Bounds of a transfer: bytes, files, seconds, attempts."""

from dataclasses import dataclass
from threading import Lock

from lockstep_runtime.errors import FetchFailure


@dataclass(frozen=True, slots=True)
class TransferLimits:
    """How much, how long and how often; times in seconds.

    Attributes:
        max_bytes: of all files together; of what an archive unpacks to, too.
        max_files: of a tree or an archive.
        total_timeout: of the transfer as a whole.
        connect_timeout, read_timeout: of one connection, and between two pieces of data.
        attempts: how often in a row one thing may fail before it fails for good; an attempt that
            got further than all before begins a new row.
        backoff: before the second attempt; twice as long before each further one.
        connections: how many files of a tree are brought at the same time.
    """

    max_bytes: int = 10 << 30
    max_files: int = 100_000
    total_timeout: float = 600.0
    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    attempts: int = 4
    backoff: float = 0.5
    connections: int = 8


class SizeLimit:
    """Counts bytes, from several threads, and refuses the one too many."""

    def __init__(self, limit: int, what: str) -> None:
        self._left = limit
        self._reason = f"{what} is larger than the limit of {limit} bytes"
        self._lock = Lock()

    def add(self, size: int) -> None:
        """Count `size` bytes; a negative number gives some back.

        Raises:
            FetchFailure: the limit is passed.
        """
        with self._lock:
            self._left -= size
            if self._left < 0:
                raise FetchFailure(self._reason)

    def expect(self, size: int) -> None:
        """Refuse `size` more bytes before they come, without counting them.

        Raises:
            FetchFailure: they would pass the limit.
        """
        if size > self._left:
            raise FetchFailure(self._reason)
