"""Telling the log how far a transfer is."""

import logging
import time
from threading import Lock

_log = logging.getLogger(__name__)


class Progress:
    """Counts bytes and files from several threads; a log line every `interval` seconds."""

    def __init__(self, what: str, total: int | None, files: int, interval: float = 5.0) -> None:
        self._what = what
        self._total = total
        self._files = files
        self._interval = interval
        self._bytes = 0
        self._done = 0
        self._began = self._told = time.monotonic()
        self._told_bytes = 0
        self._lock = Lock()

    def add(self, size: int) -> None:
        """Count bytes; a negative number when some have to come again."""
        with self._lock:
            self._bytes += size
            now = time.monotonic()
            if now - self._told < self._interval:
                return
            rate = max(self._bytes - self._told_bytes, 0) / (now - self._told)
            self._told, self._told_bytes = now, self._bytes
            fields = self._fields(rate)
        _log.info("fetching", extra={"fields": fields})

    def file_done(self) -> None:
        """Count a file."""
        with self._lock:
            self._done += 1

    def finish(self) -> None:
        """Say that all is here."""
        seconds = time.monotonic() - self._began
        rate = self._bytes / seconds if seconds > 0 else 0.0
        fields = self._fields(rate) | {"seconds": round(seconds, 3)}
        _log.info("fetched", extra={"fields": fields})

    def _fields(self, rate: float) -> dict[str, object]:
        return {
            "what": self._what,
            "bytes": self._bytes,
            "total": self._total,
            "bytes_per_second": round(rate),
            "files": self._done,
            "files_total": self._files,
        }
