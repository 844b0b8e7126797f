"""Where the model runs, and that it runs once at a time."""

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from lockstep_runtime.inference import INLINE_ROWS, INLINE_SECONDS, InferenceEngine
from lockstep_runtime.tensors import Tensor, TensorSpec


class Model:
    """Notes which threads call it, and fails when two do."""

    platform = "test"
    inputs = outputs = (TensorSpec("y", "FP64", (-1,)),)
    parameters: dict[str, Any] = {}  # noqa: RUF012 - as the protocol has it

    def __init__(self) -> None:
        self.threads: list[str] = []
        self._running = threading.Lock()

    def prepare(self, tensors: Sequence[Tensor]) -> Any:
        return tensors[0].array

    def predict(self, batch: Any, outputs: Sequence[str]) -> list[Tensor]:
        assert self._running.acquire(blocking=False), "two calls at once"
        time.sleep(0.001 * len(batch))
        self.threads.append(threading.current_thread().name)
        self._running.release()
        return [Tensor(name, "FP64", batch) for name in outputs]

    def example(self, rows: int) -> Any:
        return np.zeros(rows)


@pytest.mark.parametrize(
    ("seconds", "rows", "inline"),
    [
        (INLINE_SECONDS / 2, 1, True),
        (INLINE_SECONDS / 2, INLINE_ROWS + 1, False),
        (INLINE_SECONDS * 2, 1, False),
        (None, 1, False),
    ],
)
async def test_quick_small_batches_run_on_the_loop(
    executor: ThreadPoolExecutor, seconds: float | None, rows: int, inline: bool
) -> None:
    model = Model()
    engine = InferenceEngine(model, executor, seconds=seconds)
    await engine.run(np.zeros(rows), ["y"])
    here = threading.current_thread().name
    assert (model.threads == [here]) is inline


async def test_never_two_calls_at_once(executor: ThreadPoolExecutor) -> None:
    model = Model()
    engine = InferenceEngine(model, executor, seconds=0)
    sizes = [INLINE_ROWS + 1, 1, 2, INLINE_ROWS + 1, 1]
    answers = await asyncio.gather(*(engine.run(np.zeros(size), ["y"]) for size in sizes))
    assert [len(answer[0].array) for answer in answers] == sizes
    await engine.run(np.zeros(1), ["y"])
    assert model.threads[-1] == threading.current_thread().name
