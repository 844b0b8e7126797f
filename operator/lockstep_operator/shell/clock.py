"""The time of day, which tests may turn."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time of day, aware."""
    return datetime.now(UTC)
