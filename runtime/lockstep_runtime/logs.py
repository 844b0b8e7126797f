"""Logs on stderr, one line per event: JSON in a cluster, plain text for people.

Fields travel as `extra={"fields": {...}}`. Request payloads are never logged.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime

# Clients of HTTP tell of addresses, which may be signed.
_CLIENTS = ("httpx", "httpcore", "httpx2", "httpcore2", "urllib3", "huggingface_hub")
_QUIET = ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio", *_CLIENTS)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    fields = getattr(record, "fields", {})
    return dict(fields) if isinstance(fields, dict) else {}


class JsonFormatter(logging.Formatter):
    """One JSON object per line: ts, level, logger, msg and the event's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """`level: message key=value …`, for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        pairs = "".join(f" {key}={value}" for key, value in _fields(record).items())
        text = f"{record.levelname.lower()}: {record.getMessage()}{pairs}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def configure(level: str, form: str) -> None:
    """Send all logs to stderr; `level` is a logging level name, `form` is json or text."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))


def failure_fields(error: BaseException) -> dict[str, object]:
    """Return fields that say where it failed, but not the message: it may quote the payload."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return {
        "error": type(error).__name__,
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
