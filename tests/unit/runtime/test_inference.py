"""The queue: where the model runs, once at a time, and what it is given at once."""

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep_runtime.errors import DeadlineExceeded, InvalidInput, Overloaded
from lockstep_runtime.inference.batches import alike, joined, taken_apart
from lockstep_runtime.inference.engine import INLINE_SECONDS, InferenceEngine, QueueLimits
from lockstep_runtime.inference.warmup import CallCost
from lockstep_runtime.tensors import Batch, Tensor, TensorSpec

QUICK = CallCost(INLINE_SECONDS / 2, 0)
SLOW = CallCost(INLINE_SECONDS * 2, 0)


class Model:
    """Notes how it is called, fails when two call at once, and refuses negative values."""

    platform = "test"
    inputs = outputs = (TensorSpec("y", "FP64", (-1,)),)
    parameters: dict[str, Any] = {}  # noqa: RUF012 - as the protocol has it

    def __init__(self, seconds: float = 0.0, *, batchable: bool = True) -> None:
        self.batchable = batchable
        self.threads: list[str] = []
        self.sizes: list[int] = []
        self.free = threading.Event()
        self.free.set()
        self._seconds = seconds
        self._running = threading.Lock()

    def prepare(self, tensors: Sequence[Tensor]) -> Batch:
        return (tensors[0].array,)

    def predict(self, batch: Batch, outputs: Sequence[str]) -> list[Tensor]:
        assert self._running.acquire(blocking=False), "two calls at once"
        try:
            assert self.free.wait(10)
            time.sleep(self._seconds)
            self.threads.append(threading.current_thread().name)
            self.sizes.append(len(batch[0]))
            if (batch[0] < 0).any():
                raise InvalidInput("negative")
            return [Tensor(name, "FP64", batch[0] * 2) for name in outputs]
        finally:
            self._running.release()

    def example(self, rows: int) -> Batch | None:
        return (np.zeros(rows),)


def one(*values: float) -> Batch:
    return (np.array(values),)


async def answers(engine: InferenceEngine, *batches: Batch) -> list[Any]:
    """Ask all at once; answers as lists, refusals as exceptions."""
    runs = (engine.run(batch, ["y"]) for batch in batches)
    found = await asyncio.gather(*runs, return_exceptions=True)
    return [each if isinstance(each, BaseException) else each[0].array.tolist() for each in found]


@pytest.mark.parametrize(
    ("cost", "rows", "inline"),
    [
        (QUICK, 1, True),
        (CallCost(INLINE_SECONDS / 2, INLINE_SECONDS / 20), 5, True),
        (CallCost(INLINE_SECONDS / 2, INLINE_SECONDS / 20), 50, False),
        (SLOW, 1, False),
        (None, 1, False),
    ],
)
async def test_quick_calls_run_on_the_loop(
    executor: ThreadPoolExecutor, cost: CallCost | None, rows: int, inline: bool
) -> None:
    model = Model()
    engine = InferenceEngine(model, executor, cost=cost)
    await engine.run((np.zeros(rows),), ["y"])
    assert (model.threads == [threading.current_thread().name]) is inline


async def test_a_model_that_users_find_slower_leaves_the_loop(
    executor: ThreadPoolExecutor,
) -> None:
    model = Model(INLINE_SECONDS * 2)
    engine = InferenceEngine(model, executor, cost=QUICK)
    for _ in range(20):
        await engine.run(one(1), ["y"])
    assert model.threads[0] == threading.current_thread().name != model.threads[-1]


@pytest.mark.parametrize("cost", [QUICK, SLOW])
async def test_what_waits_is_one_batch(executor: ThreadPoolExecutor, cost: CallCost) -> None:
    model = Model()
    engine = InferenceEngine(model, executor, cost=cost)
    assert await answers(engine, one(1), one(2, 3), one(4)) == [[2], [4, 6], [8]]
    assert model.sizes == [4]
    assert (engine.statistics.waiting, engine.statistics.batches) == (0, {4: 1})


async def test_what_comes_while_the_model_works_is_the_next_batch(
    executor: ThreadPoolExecutor,
) -> None:
    model = Model()
    model.free.clear()
    engine = InferenceEngine(model, executor, cost=SLOW)
    first = asyncio.create_task(answers(engine, one(1)))
    await asyncio.sleep(0)
    others = asyncio.create_task(answers(engine, one(2), one(3)))
    await asyncio.sleep(0.01)
    model.free.set()
    assert (await first, await others) == ([[2]], [[4], [6]])
    assert model.sizes == [1, 2]


async def test_never_two_calls_at_once(executor: ThreadPoolExecutor) -> None:
    model = Model(0.001)
    engine = InferenceEngine(model, executor, cost=CallCost(0, INLINE_SECONDS / 10))
    sizes = [17, 1, 2, 17, 1]
    for _ in range(3):
        found = await answers(engine, *(one(*range(size)) for size in sizes))
        assert [len(each) for each in found] == sizes


@pytest.mark.parametrize("cost", [QUICK, SLOW])
async def test_one_bad_request_spoils_no_other(
    executor: ThreadPoolExecutor, cost: CallCost
) -> None:
    engine = InferenceEngine(Model(), executor, cost=cost)
    good, bad, last = await answers(engine, one(1), one(-1), one(3))
    assert (good, last) == ([2], [6])
    assert isinstance(bad, InvalidInput)


async def test_batches_have_a_limit_and_larger_requests_go_alone(
    executor: ThreadPoolExecutor,
) -> None:
    model = Model()
    engine = InferenceEngine(model, executor, cost=QUICK, limits=QueueLimits(max_rows=3))
    await answers(engine, one(1), one(2, 2), one(3), one(*range(5)), one(4))
    assert model.sizes == [3, 1, 5, 1]


async def test_what_does_not_fit_together_is_not_joined(executor: ThreadPoolExecutor) -> None:
    model = Model()
    engine = InferenceEngine(model, executor, cost=QUICK)
    wide = (np.zeros((1, 3)),)
    runs = [engine.run(one(1), ["y"]), engine.run(wide, ["y"]), engine.run(wide, ["y", "z"])]
    found = await asyncio.gather(*runs)
    assert [len(each) for each in found] == [1, 1, 2]
    assert model.sizes == [1, 1, 1]


async def test_a_model_that_is_not_batchable_sees_one_request_at_a_time(
    executor: ThreadPoolExecutor,
) -> None:
    model = Model(batchable=False)
    await answers(InferenceEngine(model, executor, cost=QUICK), one(1), one(2, 3))
    assert model.sizes == [1, 2]


async def test_a_bounded_delay_waits_for_company(executor: ThreadPoolExecutor) -> None:
    model = Model()
    limits = QueueLimits(max_rows=3, max_delay=0.05)
    engine = InferenceEngine(model, executor, cost=QUICK, limits=limits)
    start = time.perf_counter()
    first = asyncio.create_task(answers(engine, one(1)))
    await asyncio.sleep(0.005)
    await asyncio.gather(first, answers(engine, one(2)))
    assert model.sizes == [2], "both came within the delay"
    assert time.perf_counter() - start >= 0.05
    await answers(engine, one(1), one(2), one(3))
    assert model.sizes == [2, 3], "a full batch need not wait"


async def test_a_full_queue_refuses_and_recovers(executor: ThreadPoolExecutor) -> None:
    model = Model()
    model.free.clear()
    engine = InferenceEngine(model, executor, cost=SLOW, limits=QueueLimits(max_waiting=2))
    runs = [asyncio.create_task(answers(engine, one(value))) for value in range(5)]
    await asyncio.sleep(0.01)
    model.free.set()
    found = [(await run)[0] for run in runs]
    refused = [each for each in found if isinstance(each, Overloaded)]
    assert len(refused) == engine.statistics.refused == 3
    assert (refused[0].status, refused[0].headers) == (429, ((b"retry-after", b"1"),))
    assert await answers(engine, one(7)) == [[14]]


async def test_a_request_whose_time_is_over_is_answered_and_never_computed(
    executor: ThreadPoolExecutor,
) -> None:
    model = Model()
    model.free.clear()
    engine = InferenceEngine(model, executor, cost=SLOW)
    first = asyncio.create_task(engine.run(one(1), ["y"], 60))
    await asyncio.sleep(0.01)
    with pytest.raises(DeadlineExceeded, match=r"0\.02 s") as caught:
        await engine.run(one(2), ["y"], 0.02)
    assert caught.value.status == 504
    model.free.set()
    await first
    assert await answers(engine, one(3)) == [[6]]
    assert model.sizes == [1, 1]
    assert (engine.statistics.expired, engine.statistics.waiting) == (1, 0)


async def test_a_job_that_never_ran_is_told_so() -> None:
    """At the end of the process the executor drops what waits in it."""
    executor, free = ThreadPoolExecutor(1), threading.Event()
    executor.submit(free.wait, 10)
    engine = InferenceEngine(Model(), executor, cost=SLOW)
    job = asyncio.create_task(engine.alone(lambda: 1))
    await asyncio.sleep(0.01)
    executor.shutdown(wait=False, cancel_futures=True)
    free.set()
    with pytest.raises(CancelledError):
        await asyncio.wait_for(job, 5)


async def test_an_answer_of_other_length_than_its_request_is_a_fault(
    executor: ThreadPoolExecutor,
) -> None:
    class Sum(Model):
        def predict(self, batch: Batch, outputs: Sequence[str]) -> list[Tensor]:
            return [Tensor("y", "FP64", batch[0].sum(keepdims=True))]

    engine = InferenceEngine(Sum(), executor, cost=QUICK)
    assert await answers(engine, one(1, 2)) == [[3]]
    assert await answers(engine, one(1), one(2)) == [[1], [2]], "computed one by one"


@given(st.lists(st.lists(st.floats(allow_nan=False), min_size=1), min_size=1, max_size=5))
def test_joined_and_taken_apart_is_the_same(rows: list[list[float]]) -> None:
    batches = [(np.array(each), np.arange(len(each))) for each in rows]
    assert all(alike(batches[0], other) for other in batches)
    whole = joined(batches)
    tensors = [Tensor(f"{place}", "FP64", array) for place, array in enumerate(whole)]
    for batch, parts in zip(batches, taken_apart(tensors, [len(r) for r in rows]), strict=True):
        for array, part in zip(batch, parts, strict=True):
            np.testing.assert_array_equal(array, part.array)


async def test_trouble_with_one_answer_is_not_that_of_its_batch(
    executor: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    engine = InferenceEngine(Model(), executor, cost=QUICK)

    def refuse(_: object) -> None:
        raise RuntimeError("no room")

    engine.submit(one(1), ("y",), None, refuse)
    assert await answers(engine, one(2)) == [[4]]
    assert "no room" in caplog.text
