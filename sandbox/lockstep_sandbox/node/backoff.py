"""Kubelet's restart back-off."""

from __future__ import annotations

import time
from collections.abc import Callable


class BackOff:
    """The first restart is immediate, the next ones wait, each twice as long, up to a limit.

    A run longer than twice the limit clears the record.
    """

    def __init__(
        self, base: float, limit: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._base = base
        self._limit = limit
        self._clock = clock
        self._delay = 0.0
        self._updated = clock()

    def next(self) -> float:
        """Return the seconds to wait after an end that happened now."""
        now = self._clock()
        if now - self._updated > 2 * self._limit:
            self._delay = 0.0
        delay = self._delay
        self._delay = min(max(self._base, 2 * delay), self._limit)
        self._updated = now + delay
        return delay
