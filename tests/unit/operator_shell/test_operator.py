"""The order in which the parts start and stop; the parts themselves are simple stand-ins."""

import asyncio

import pytest

from lockstep_operator.shell import operator as module
from lockstep_operator.shell.leader import LeaseLost
from lockstep_operator.shell.metrics import Metrics
from lockstep_operator.shell.operator import Operator, PartEnded


class Parts:
    """Every part in one; each waits for ever unless told otherwise."""

    def __init__(self):
        self.log = []
        self.ends = {}
        self.free = asyncio.Event()
        self.free.set()

    async def part(self, name):
        self.log.append(f"{name} starts")
        try:
            await self.ends.setdefault(name, asyncio.Event()).wait()
            if name == "hold":
                raise LeaseLost("taken")
        finally:
            self.log.append(f"{name} stops")

    async def acquire(self):
        await self.free.wait()
        self.log.append("leads")

    async def start(self):
        self.log.append("lists")

    async def release(self):
        self.log.append("releases")

    def keep_fresh(self):
        return self.part("credentials")

    def hold(self):
        return self.part("hold")

    def stuck(self):
        return None


class Named:
    def __init__(self, parts, name):
        self.run = lambda: parts.part(name)
        self.start, self.stuck = parts.start, parts.stuck


@pytest.fixture
async def parts(monkeypatch):
    parts = Parts()
    monkeypatch.setattr(module, "watch", lambda *_: parts.part("watches"))
    return parts


@pytest.fixture
async def operator(parts):
    return Operator(
        connection=parts,
        leader=parts,
        resync=Named(parts, "resync"),
        intake=None,
        queue=Named(parts, "workers"),
        metrics=Metrics(),
    )


PARTS = {"credentials", "hold", "resync", "watches", "workers"}


async def started(operator):
    """Start it, and wait until all its parts run, or it has ended, or it waits to lead."""
    stop, parts = asyncio.Event(), operator._leader
    running = asyncio.create_task(operator.run(stop, lambda: None))
    deadline = asyncio.get_running_loop().time() + 1
    while not (set(parts.ends) >= PARTS or running.done()):
        if asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(0)
    return stop, running


async def test_lists_come_before_the_workers_and_the_lease_goes_last(operator, parts):
    stop, running = await started(operator)
    assert parts.log.index("leads") < parts.log.index("lists")
    assert parts.log.index("lists") < parts.log.index("workers starts")
    stop.set()
    await running
    assert parts.log.index("workers stops") < parts.log.index("releases")


async def test_a_standby_runs_nothing_is_ready_and_stops_at_once(operator, parts):
    parts.free.clear()
    stop, running = await started(operator)
    assert parts.log == ["credentials starts"]
    assert operator._not_ready() is None
    stop.set()
    await running


@pytest.mark.parametrize("name", ["workers", "resync", "watches", "credentials"])
async def test_a_part_that_ends_takes_the_process_with_it(operator, parts, name):
    _, running = await started(operator)
    parts.ends[name].set()
    with pytest.raises(PartEnded, match=f"{name} ended"):
        await running
    await asyncio.sleep(0)
    stops = [line for line in parts.log if line.endswith("stops")]
    assert len(stops) == 5
    assert parts.log.index("workers stops") < parts.log.index("releases")


async def test_a_lost_lease_is_the_reason_given(operator, parts):
    _, running = await started(operator)
    parts.ends["hold"].set()
    with pytest.raises(LeaseLost, match="taken"):
        await running
