"""One operator process: stand by, lead, stop. Any part that ends takes the process with it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from lockstep_operator.core.errors import LockstepError
from lockstep_operator.shell.connection import Connection
from lockstep_operator.shell.health import Health
from lockstep_operator.shell.intake import Intake
from lockstep_operator.shell.leader import Leader
from lockstep_operator.shell.metrics import Metrics
from lockstep_operator.shell.resync import Resync
from lockstep_operator.shell.watches import watch
from lockstep_operator.shell.workqueue import WorkQueue

_log = structlog.get_logger(__name__)


class PartEnded(LockstepError):
    """A part that should run for ever has ended."""


class Operator:
    """The parts of the process and the order in which they start and stop."""

    def __init__(
        self,
        *,
        connection: Connection,
        leader: Leader,
        resync: Resync,
        intake: Intake,
        queue: WorkQueue,
        metrics: Metrics,
    ) -> None:
        self._connection = connection
        self._leader = leader
        self._resync = resync
        self._intake = intake
        self._queue = queue
        self._metrics = metrics
        self._synced = False
        self._leading = False
        self.health = Health(metrics, alive=queue.stuck, ready=self._not_ready)
        metrics.is_leader.set(0)

    async def run(self, stop: asyncio.Event, on_started: Callable[[], None]) -> None:
        """Run until `stop` is set.

        `on_started` is called when kopf is set up, which takes over the signal handlers.

        Raises:
            core.errors.LockstepError: why the process cannot go on.
        """
        fresh = asyncio.create_task(self._connection.keep_fresh(), name="credentials")
        try:
            if not await _until(stop, self._leader.acquire(), fresh):
                return
            self._set_leading(True)
            await self._lead(stop, fresh, on_started)
        finally:
            fresh.cancel()
            self._set_leading(False)
            await self._leader.release()

    async def _lead(
        self, stop: asyncio.Event, fresh: asyncio.Task[None], on_started: Callable[[], None]
    ) -> None:
        hold = asyncio.create_task(self._leader.hold(), name="lease")
        parts: list[asyncio.Task[Any]] = [hold]
        try:
            if not await _until(stop, self._resync.start(), fresh, hold):
                return
            self._synced = True
            _log.info("synced")
            for name, part in self._parts(on_started).items():
                parts.append(asyncio.create_task(part, name=name))
            await _until(stop, asyncio.Event().wait(), fresh, *parts)
        finally:
            for part_task in reversed(parts):
                part_task.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    def _parts(self, on_started: Callable[[], None]) -> dict[str, Coroutine[Any, Any, None]]:
        return {
            "workers": self._queue.run(),
            "resync": self._resync.run(),
            "watches": watch(self._connection, self._intake, on_started),
        }

    def _not_ready(self) -> str | None:
        return "the first lists are not complete" if self._leading and not self._synced else None

    def _set_leading(self, leading: bool) -> None:
        self._leading = leading
        self._metrics.is_leader.set(leading)


async def _until(stop: asyncio.Event, work: Awaitable[Any], *others: asyncio.Task[Any]) -> bool:
    """Wait for work to end well (True) or for `stop` (False); the others must not end before."""
    stopping = asyncio.ensure_future(stop.wait())
    working = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait(
            [stopping, working, *others], return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        stopping.cancel()
        working.cancel()
    for task in others:
        if task in done:
            raise _why(task)
    if working in done:
        working.result()
        return True
    return False


def _why(task: asyncio.Task[Any]) -> BaseException:
    error = None if task.cancelled() else task.exception()
    if isinstance(error, LockstepError):
        return error
    ended = PartEnded(f"{task.get_name()} ended: {error!r}")
    ended.__cause__ = error
    return ended
