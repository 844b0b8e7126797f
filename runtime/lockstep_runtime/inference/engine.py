"""The queue in front of a model, and the one thread that the model runs in.

Batching is opportunistic: whatever waits when the model becomes free is one batch, and nobody is
kept waiting for company, unless `max_delay` says so. A call that warm-up lets expect to be quick
runs on the event loop, for a hop to a thread costs about as much as a small model; a slower one
there would starve the probes.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from lockstep_runtime.errors import DeadlineExceeded, Overloaded
from lockstep_runtime.inference.batches import alike
from lockstep_runtime.inference.calling import Outcome, computed
from lockstep_runtime.inference.statistics import QueueStatistics
from lockstep_runtime.inference.waiting import Job, Request, Waiting
from lockstep_runtime.inference.warmup import MEASURED_ROWS, CallCost
from lockstep_runtime.model import Model
from lockstep_runtime.tensors import Batch, Tensor

INLINE_SECONDS = 0.0005
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How requests wait.

    Attributes:
        max_rows: of a batch made of several requests; one larger request is computed by itself.
        max_delay: seconds that a request may wait for company; 0: none.
        max_waiting: requests in the queue; one more is refused.
    """

    max_rows: int = 64
    max_delay: float = 0.0
    max_waiting: int = 1000


class InferenceEngine:
    """A warmed model, its queue and its thread. To be used from one event loop.

    Attributes:
        specs: the model's outputs by name.
        outputs: their names.
    """

    def __init__(
        self,
        model: Model,
        executor: Executor,
        *,
        cost: CallCost | None,
        limits: QueueLimits | None = None,
        statistics: QueueStatistics | None = None,
    ) -> None:
        """Take what warm-up measured as `cost`; None: it could not, so nothing runs inline."""
        self.model = model
        self.specs = {spec.name: spec for spec in model.outputs}
        self.outputs = tuple(self.specs)
        self.statistics = statistics or QueueStatistics()
        self._executor = executor
        self._cost = cost
        self._limits = limits or QueueLimits()
        self._waiting: deque[Request] = deque()
        self._jobs: deque[Job] = deque()
        self._busy = False
        self._flush: asyncio.Handle | None = None

    @property
    def inline(self) -> bool:
        """Whether a single row is computed on the event loop."""
        return self._quick(1)

    def submit(
        self,
        batch: Batch,
        outputs: tuple[str, ...],
        patience: float | None,
        done: Callable[[Outcome], None],
    ) -> Request:
        """Have the outputs of these names computed for a batch, and `done` called with them.

        Or with an error: `InvalidInput` when the model refuses the values, `DeadlineExceeded` when
        its turn does not come within `patience` seconds. Never before this returns.

        Raises:
            Overloaded: too many wait already.
        """
        if len(self._waiting) >= self._limits.max_waiting:
            self.statistics.refused += 1
            raise Overloaded(len(self._waiting))
        loop = asyncio.get_running_loop()
        request = Request(batch, outputs, loop.time(), done)
        if patience is not None:
            request.expiry = loop.call_later(patience, self._expire, request, patience)
        self._waiting.append(request)
        self.statistics.waiting += 1
        self._schedule(loop)
        return request

    def submit_alone(
        self, function: Callable[[], T], done: Callable[[T | BaseException], None]
    ) -> Job:
        """Have something else of the model called in its thread, when its turn has come.

        Raises:
            Overloaded: too many wait already.
        """
        if len(self._jobs) >= self._limits.max_waiting:
            self.statistics.refused += 1
            raise Overloaded(len(self._jobs))
        loop = asyncio.get_running_loop()
        job = Job(function, loop.time(), done)
        self._jobs.append(job)
        if not self._busy and self._flush is None:
            self._flush = loop.call_soon(self._start)
        return job

    async def run(
        self, batch: Batch, outputs: Sequence[str], patience: float | None = None
    ) -> list[Tensor]:
        """Return the outputs of these names for a batch.

        Raises:
            InvalidInput, Overloaded, DeadlineExceeded: as in `submit`.
        """
        answer: asyncio.Future[list[Tensor]] = asyncio.get_running_loop().create_future()
        request = self.submit(batch, tuple(outputs), patience, partial(_tell, answer))
        return await _awaited(answer, request)

    async def alone(self, function: Callable[[], T]) -> T:
        """Return what `submit_alone` gives.

        Raises:
            Overloaded: too many wait already.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        return await _awaited(answer, self.submit_alone(function, partial(_tell, answer)))

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have the queue looked at once all requests that have arrived by now are in it."""
        if self._busy:
            return
        delay = self._limits.max_delay
        if not delay or self._jobs:
            if self._flush is None:
                self._flush = loop.call_soon(self._start)
        elif sum(one.rows for one in self._waiting) >= self._limits.max_rows:
            if self._flush is not None:
                self._flush.cancel()
            self._flush = loop.call_soon(self._start)
        elif self._flush is None:
            oldest = self._waiting[0].arrived
            self._flush = loop.call_at(oldest + delay, self._start)

    def _start(self) -> None:
        """Give the model what waits."""
        self._flush = None
        if self._jobs and not (self._waiting and self._waiting[0].arrived < self._jobs[0].arrived):
            self._start_job(self._jobs.popleft())
            return
        requests = self._next()
        if not requests:
            if self._jobs:
                self._start()
            return
        rows = sum(one.rows for one in requests)
        self._count(requests, rows)
        if self._quick(rows):
            self._answer(requests, self._timed(requests, rows))
            if self._waiting or self._jobs:
                self._schedule(asyncio.get_running_loop())
            return
        self._busy = True
        loop = asyncio.get_running_loop()
        future = self._executor.submit(self._timed, requests, rows)
        future.add_done_callback(
            lambda done: loop.call_soon_threadsafe(self._landed, requests, done)
        )

    def _start_job(self, job: Job) -> None:
        self._busy = True
        future = self._executor.submit(job.function)
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda done: loop.call_soon_threadsafe(self._job_done, job, done))

    def _job_done(self, job: Job, done: "Future[Any]") -> None:
        self._busy = False
        try:
            outcome = done.result()
        except BaseException as error:
            outcome = error
        job.settle(outcome)
        if self._waiting or self._jobs:
            self._start()

    def _next(self) -> list[Request]:
        """Take the longest waiting request and those behind it that fit into its batch."""
        waiting = self._waiting
        found: list[Request] = []
        rows = 0
        while waiting:
            first = waiting[0]
            if first.settled:  # its deadline passed, or nobody waits for it any more
                self._leave(waiting.popleft())
                continue
            if found and not (
                self.model.batchable
                and rows + first.rows <= self._limits.max_rows
                and first.outputs == found[0].outputs
                and alike(first.batch, found[0].batch)
            ):
                break
            rows += first.rows
            found.append(waiting.popleft())
            self._leave(first)
        return found

    def _leave(self, request: Request) -> None:
        self.statistics.waiting -= 1
        if request.expiry is not None:
            request.expiry.cancel()

    def _count(self, requests: list[Request], rows: int) -> None:
        statistics = self.statistics
        statistics.batches[rows] += 1
        now = asyncio.get_running_loop().time()
        for one in requests:
            statistics.waits.add(now - one.arrived)

    def _quick(self, rows: int) -> bool:
        cost = self._cost
        return cost is not None and rows <= MEASURED_ROWS and cost.seconds(rows) < INLINE_SECONDS

    def _timed(self, requests: list[Request], rows: int) -> list[Outcome]:
        """Compute, and learn what it costs; in whichever thread has the model."""
        start = time.perf_counter()
        outcomes = computed(self.model, requests)
        if self._cost is not None and rows <= MEASURED_ROWS:
            self._cost = self._cost.corrected(rows, time.perf_counter() - start)
        return outcomes

    def _landed(self, requests: list[Request], done: "Future[list[Outcome]]") -> None:
        """Hand out what the thread has computed, and give it what came meanwhile."""
        self._busy = False
        try:
            outcomes = done.result()
        except BaseException as error:
            outcomes = [error] * len(requests)
        self._answer(requests, outcomes)
        if self._waiting or self._jobs:
            self._start()

    def _answer(self, requests: list[Request], outcomes: list[Outcome]) -> None:
        for request, outcome in zip(requests, outcomes, strict=True):
            request.settle(outcome)

    def _expire(self, request: Request, patience: float) -> None:
        """Answer a request whose turn has not come; it is dropped when the queue reaches it."""
        if not request.settled:
            self.statistics.expired += 1
            request.settle(DeadlineExceeded(patience))


async def _awaited(answer: "asyncio.Future[T]", waiting: Waiting) -> T:
    """Wait for an answer; if that is cancelled, what waits for the model is dropped."""
    try:
        return await answer
    finally:
        waiting.settled = True


def _tell(answer: "asyncio.Future[Any]", outcome: Any) -> None:
    if answer.done():  # cancelled a moment ago
        return
    if isinstance(outcome, BaseException):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
