"""The operator's work queue: one task per key, retried with back-off, woken by time or events."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable

import structlog

from lockstep_operator.core.errors import LockstepError, Unavailable
from lockstep_operator.shell.keys import Key
from lockstep_operator.shell.metrics import Metrics

Handler = Callable[[Key], Awaitable[float | None]]
"""Reconciles one key; returns after how many seconds to do it again, None: on the next event."""

_Entry = tuple[int, int, Key]  # priority, order of arrival, key
_URGENT, _ORDINARY = 0, 1
_FIRST_RETRY = 0.5
_LONGEST_RETRY = 120.0
_URGENT_RETRY = 1.0
_log = structlog.get_logger(__name__)


def backoff(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row: doubling, jittered, bounded."""
    longest = min(_LONGEST_RETRY, _FIRST_RETRY * 2.0 ** min(failures - 1, 16))
    return random.uniform(0.5, 1.0) * longest  # noqa: S311 (spreads load, guards nothing)


class WorkQueue:
    """Keys that are due, in order; a key never runs twice at once and is never lost.

    Urgent keys come before all others. One more worker is kept free for them, so that they do not
    wait either while everybody else waits for a router that does not answer.
    """

    def __init__(
        self,
        handler: Handler,
        workers: int,
        limit: float,
        metrics: Metrics,
        is_urgent: Callable[[Key], bool] = lambda _: False,
    ) -> None:
        """Use `workers` tasks and one for urgent keys; one run may take `limit` seconds."""
        self._handler = handler
        self._is_urgent = is_urgent
        self._workers = workers
        self._limit = limit
        self._metrics = metrics
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._ready: asyncio.PriorityQueue[_Entry] = asyncio.PriorityQueue()
        self._urgent: asyncio.PriorityQueue[_Entry] = asyncio.PriorityQueue()
        self._order = itertools.count()
        self._waiting: set[Key] = set()
        self._active: dict[Key, float] = {}
        self._again: set[Key] = set()
        self._failures: dict[Key, int] = {}
        metrics.queue_depth.set_function(lambda: len(self._waiting) + len(self._active))

    def add(self, key: Key, delay: float = 0.0) -> None:
        """Have the key handled in `delay` seconds, or earlier when that was asked for already."""
        loop = asyncio.get_running_loop()
        due = loop.time() + delay
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= due:
                return
            timer.cancel()
        self._timers[key] = loop.call_at(due, self._release, key)

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._workers):
                    group.create_task(self._work(self._ready))
                group.create_task(self._work(self._urgent))
        finally:
            for timer in self._timers.values():
                timer.cancel()

    def stuck(self) -> str | None:
        """Return which key has been running for more than twice its limit, None when none."""
        now = asyncio.get_running_loop().time()
        for (namespace, name), since in self._active.items():
            if now - since > 2 * self._limit:
                return (
                    f"the reconcile of {namespace}/{name} has been running for {now - since:.0f} s"
                )
        return None

    def _release(self, key: Key) -> None:
        self._timers.pop(key, None)
        if key in self._active:
            self._again.add(key)
        elif self._is_urgent(key):
            self._waiting.add(key)
            for queue in (self._ready, self._urgent):  # whoever is free first takes it
                queue.put_nowait((_URGENT, next(self._order), key))
        elif key not in self._waiting:
            self._waiting.add(key)
            self._ready.put_nowait((_ORDINARY, next(self._order), key))

    async def _work(self, queue: asyncio.PriorityQueue[_Entry]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            _, _, key = await queue.get()
            if key not in self._waiting:
                continue  # another worker took it
            self._waiting.discard(key)
            self._active[key] = loop.time()
            self._forget_timer(key)
            try:
                delay = await self._handle(key)
            finally:
                self._metrics.reconcile_seconds.observe(loop.time() - self._active.pop(key))
            if key in self._again:
                self._again.discard(key)
                delay = 0.0
            if delay is not None:
                self.add(key, delay)

    def _forget_timer(self, key: Key) -> None:
        """The run that starts now decides anew when the next one is due."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    async def _handle(self, key: Key) -> float | None:
        with structlog.contextvars.bound_contextvars(key="/".join(key)):
            try:
                async with asyncio.timeout(self._limit):
                    delay = await self._handler(key)
            except Exception as error:  # whatever it is, this key is tried again and others go on
                return self._failed(key, error)
        self._failures.pop(key, None)
        self._metrics.reconciles.labels("ok").inc()
        return delay

    def _failed(self, key: Key, error: Exception) -> float:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        pause = backoff(failures)
        if isinstance(error, Unavailable):
            pause = max(pause, error.retry_after)
        if self._is_urgent(key):  # whatever failed before, traffic must go now
            pause = min(pause, _URGENT_RETRY)
        expected = isinstance(error, LockstepError | TimeoutError)
        self._metrics.reconciles.labels(type(error).__name__).inc()
        said = {"error": str(error) or type(error).__name__, "retry_in": round(pause, 1)}
        if expected:
            _log.warning("reconcile failed", **said)
        else:
            _log.error("reconcile failed", **said, exc_info=error)
        return pause
