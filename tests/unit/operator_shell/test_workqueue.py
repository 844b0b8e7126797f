import asyncio

import pytest

from lockstep_operator.core.errors import LockstepError, Unavailable
from lockstep_operator.shell.metrics import Metrics
from lockstep_operator.shell.workqueue import WorkQueue, backoff
from virtual_time import run

KEY = ("shop", "churn")


class Recording:
    """A handler that notes when it ran, and does what the script says."""

    def __init__(self, *script):
        self.script = list(script)
        self.times = []
        self.running = self.most = 0

    async def __call__(self, key):
        loop = asyncio.get_running_loop()
        self.times.append(loop.time() - 1000.0)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            step = self.script.pop(0) if self.script else None
            if callable(step):
                step = await step()
            if isinstance(step, Exception):
                raise step
            return step
        finally:
            self.running -= 1


def work(handler, scenario, *, seconds=1000.0, workers=2, limit=60.0):
    """Run the scenario(queue) and then the queue, for so many virtual seconds."""

    async def main():
        queue = WorkQueue(handler, workers, limit, metrics)
        running = asyncio.create_task(queue.run())
        await scenario(queue)
        await asyncio.wait([running], timeout=seconds)
        assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    metrics = Metrics()
    run(main())
    return metrics


def test_a_key_added_many_times_runs_once():
    handler = Recording()

    async def scenario(queue):
        for _ in range(5):
            queue.add(KEY)

    work(handler, scenario)
    assert len(handler.times) == 1


def test_a_key_never_runs_twice_at_once_and_is_not_lost():
    async def slow():
        await asyncio.sleep(10)

    handler = Recording(slow)

    async def scenario(queue):
        queue.add(KEY)
        await asyncio.sleep(1)
        queue.add(KEY)
        queue.add(KEY)

    work(handler, scenario)
    assert handler.most == 1
    assert handler.times == [0.0, pytest.approx(10.0)]


def test_different_keys_run_side_by_side_up_to_the_number_of_workers():
    async def slow():
        await asyncio.sleep(5)

    handler = Recording(slow, slow, slow)

    async def scenario(queue):
        for name in "abc":
            queue.add(("shop", name))

    work(handler, scenario, workers=2)
    assert handler.most == 2


def test_the_earliest_wish_wins():
    handler = Recording()

    async def scenario(queue):
        queue.add(KEY, 50)
        queue.add(KEY, 20)
        queue.add(KEY, 30)

    work(handler, scenario)
    assert handler.times == [pytest.approx(20.0)]


def test_a_run_replaces_earlier_wishes_by_its_own():
    handler = Recording(100.0)

    async def scenario(queue):
        queue.add(KEY, 50)
        queue.add(KEY)
        await asyncio.sleep(0)

    async def with_late_wish(queue):
        queue.add(KEY)
        await asyncio.sleep(1)
        queue.add(KEY, 10)

    work(handler, scenario)
    assert handler.times == [0.0, pytest.approx(100.0)]
    handler = Recording(100.0)
    work(handler, with_late_wish)
    assert handler.times == [0.0, pytest.approx(11.0)]


def test_failures_back_off_and_success_forgets_them():
    handler = Recording(*[LockstepError("no")] * 4, 500.0, LockstepError("again"))

    async def scenario(queue):
        queue.add(KEY)

    work(handler, scenario, seconds=520)
    gaps = [b - a for a, b in zip(handler.times, handler.times[1:], strict=False)]
    for gap, longest in zip(gaps, [0.5, 1, 2, 4], strict=False):
        assert longest / 2 <= gap <= longest
    assert gaps[4] == pytest.approx(500.0)
    assert gaps[5] <= 0.5


def test_an_unexpected_error_concerns_only_its_key():
    handler = Recording(RuntimeError("bug"))

    async def scenario(queue):
        queue.add(KEY)
        queue.add(("shop", "other"))

    metrics = work(handler, scenario, seconds=10)
    assert len(handler.times) == 3
    assert b'lockstep_reconciles_total{result="RuntimeError"} 1.0' in metrics.exposition()
    assert b'lockstep_reconciles_total{result="ok"} 2.0' in metrics.exposition()


def test_waits_as_long_as_the_server_asks():
    error = Unavailable("busy", 429)
    error.retry_after = 40.0
    handler = Recording(error)

    async def scenario(queue):
        queue.add(KEY)

    work(handler, scenario)
    assert handler.times[1] == pytest.approx(40.0)


def test_a_reconcile_that_hangs_is_ended_and_tried_again():
    async def hang():
        await asyncio.Event().wait()

    handler = Recording(hang)

    async def scenario(queue):
        queue.add(KEY)

    work(handler, scenario, limit=30.0)
    assert handler.times[1] == pytest.approx(30.5, abs=0.5)


def test_says_which_key_is_stuck():
    found = []

    async def stubborn():
        for _ in range(3):
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                continue

    async def scenario(queue):
        queue.add(KEY)
        await asyncio.sleep(59)
        found.append(queue.stuck())
        await asyncio.sleep(2)
        found.append(queue.stuck())

    work(Recording(stubborn), scenario, limit=30.0)
    assert found[0] is None
    assert "shop/churn" in found[1]


def test_backoff_is_bounded():
    assert all(60 <= backoff(failures) <= 120 for failures in (12, 40, 10_000))


def urgent_work(handler, scenario, urgent, *, seconds=100.0, workers=2):
    async def main():
        queue = WorkQueue(handler, workers, 60.0, Metrics(), is_urgent=urgent.__contains__)
        running = asyncio.create_task(queue.run())
        await scenario(queue)
        await asyncio.wait([running], timeout=seconds)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run(main())


class Keys:
    """A handler that notes which keys it had, and hangs on some of them."""

    def __init__(self, *hanging):
        self.hanging = hanging
        self.seen = []

    async def __call__(self, key):
        self.seen.append((key[1], asyncio.get_running_loop().time() - 1000.0))
        if key[1] in self.hanging:
            await asyncio.sleep(50)


def test_an_urgent_key_is_worked_on_while_all_workers_hang():
    handler, urgent = Keys("a", "b", "c", "d"), set()

    async def scenario(queue):
        for name in "abcd":
            queue.add(("shop", name))
        await asyncio.sleep(1)
        urgent.add(KEY)
        queue.add(KEY)

    urgent_work(handler, scenario, urgent)
    assert [when for _, when in handler.seen[:2]] == [0.0, 0.0]
    assert handler.seen[2] == ("churn", pytest.approx(1.0))


def test_an_ordinary_key_does_not_get_the_worker_that_is_kept_free():
    handler = Keys("a", "b", "c")

    async def scenario(queue):
        for name in "abc":
            queue.add(("shop", name))

    urgent_work(handler, scenario, set())
    assert [when for _, when in handler.seen] == [0.0, 0.0, pytest.approx(50.0)]


def test_many_urgent_keys_come_before_all_that_wait():
    handler = Keys("a", "b", "c")
    urgent = {("shop", name) for name in "uvw"}

    async def scenario(queue):
        for name in "abcdeuvw":
            queue.add(("shop", name))

    urgent_work(handler, scenario, urgent, workers=1)
    assert {name for name, _ in handler.seen[:3]} == set("uvw")


def test_a_key_that_becomes_urgent_while_it_waits_runs_once_and_at_once():
    handler, urgent = Keys("a"), set()

    async def scenario(queue):
        queue.add(("shop", "a"))
        queue.add(KEY)
        await asyncio.sleep(1)
        urgent.add(KEY)
        queue.add(KEY)

    urgent_work(handler, scenario, urgent, workers=1)
    assert handler.seen == [("a", 0.0), ("churn", pytest.approx(1.0))]
