"""Keys that wait to be worked on: each at most once, one worker per key, failures back off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from lockstep_sandbox.client import ApiError
from lockstep_sandbox.objects import Key

log = logging.getLogger(__name__)

Sync = Callable[[Key], Awaitable[float | None]]  # returns seconds until it wants to run again

_FIRST_RETRY = 0.02
_LAST_RETRY = 10.0


class WorkQueue:
    """Runs `sync` for each added key."""

    def __init__(self, name: str, sync: Sync) -> None:
        self._name = name
        self._sync = sync
        self._waiting: asyncio.Queue[Key] = asyncio.Queue()
        self._queued: set[Key] = set()
        self._busy: set[Key] = set()
        self._again: set[Key] = set()
        self._failures: dict[Key, int] = {}

    def add(self, key: Key) -> None:
        """Have the key worked on, after the work on it that may be under way."""
        if key in self._busy:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._waiting.put_nowait(key)

    async def run(self, workers: int = 4) -> None:
        """Work for ever."""
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            key = await self._waiting.get()
            self._queued.discard(key)
            self._busy.add(key)
            delay = await self._attempt(key)
            self._busy.discard(key)
            if key in self._again:
                self._again.discard(key)
                self.add(key)
            if delay is not None:
                asyncio.get_running_loop().call_later(delay, self.add, key)

    async def _attempt(self, key: Key) -> float | None:
        try:
            delay = await self._sync(key)
        except ApiError as error:
            count = self._failures[key] = self._failures.get(key, 0) + 1
            # a conflict or a vanished namespace is everyday life
            level = logging.DEBUG if error.status in (403, 404, 409) else logging.WARNING
            log.log(level, "%s %s/%s: %s", self._name, *key, error)
            return min(_FIRST_RETRY * 2.0**count, _LAST_RETRY)
        self._failures.pop(key, None)
        return delay
