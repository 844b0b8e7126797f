"""Times as the API writes them."""

from __future__ import annotations

from datetime import UTC, datetime

SECONDS = "%Y-%m-%dT%H:%M:%SZ"


def now() -> str:
    """Return the current time in RFC 3339, to the second."""
    return datetime.now(UTC).strftime(SECONDS)


def parse(text: str) -> datetime:
    """Read an RFC 3339 time; raises ValueError."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def age(text: str | None) -> str:
    """Return how long ago a time is the way kubectl prints it: `45s`, `3m20s`, `5h`, `12d`."""
    if not text:
        return "<unknown>"
    return duration(max(0, int((datetime.now(UTC) - parse(text)).total_seconds())))


def duration(seconds: int) -> str:
    """Print seconds as kubectl's HumanDuration does."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    return _two(days, "d", hours % 24, "h") if days < 8 else f"{days}d"


def _two(big: int, unit: str, small: int, part: str) -> str:
    return f"{big}{unit}{small}{part}" if small else f"{big}{unit}"
