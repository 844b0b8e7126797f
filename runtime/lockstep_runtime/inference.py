"""Running the model: one call at a time, off the event loop unless it is quick.

A batch of at most INLINE_ROWS rows runs on the event loop when warm-up measured such a batch
below INLINE_SECONDS, for a hop to a thread costs about as much as a small model; a slower call
there would starve the probes.
"""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import Executor

from lockstep_runtime.model import Model
from lockstep_runtime.tensors import Array, Tensor

INLINE_ROWS = 16
INLINE_SECONDS = 0.0005
_WARMUP_CALLS = 5


class InferenceEngine:
    """A warmed model and the one thread it runs in."""

    def __init__(self, model: Model, executor: Executor, *, seconds: float | None) -> None:
        """Take the median `seconds` of a warm-up call; None: it could not be measured."""
        self.model = model
        self.inline = seconds is not None and seconds < INLINE_SECONDS
        self._executor = executor
        self._queued = 0

    async def run(self, batch: Array, outputs: Sequence[str]) -> list[Tensor]:
        """Compute the outputs of these names for a batch.

        Raises:
            InvalidInput: the model refuses the values.
        """
        # While the thread works the loop must not call the model too: one call at a time.
        if self.inline and self._queued == 0 and len(batch) <= INLINE_ROWS:
            return self.model.predict(batch, outputs)
        self._queued += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, self.model.predict, batch, outputs)
        finally:
            self._queued -= 1


def warm_up(model: Model) -> float | None:
    """Predict a plausible batch a few times; return the median seconds, None without an example.

    The first call after loading pays for lazy imports and cold caches, which no user should.
    """
    batch = model.example(INLINE_ROWS)
    if batch is None:
        return None
    names = [spec.name for spec in model.outputs]
    seconds = []
    for _ in range(_WARMUP_CALLS):
        start = time.perf_counter()
        model.predict(batch, names)
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[len(seconds) // 2]
