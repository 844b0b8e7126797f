"""A rollback waits for nothing: not for a router that hangs, not for a look, not for others."""

import asyncio

import pytest

from lockstep_operator.core.errors import Forbidden, Unavailable
from lockstep_operator.core.plan import Plan, RevisionPatch
from lockstep_operator.core.routing import Backend, LiveRoute, Mirror, Route
from lockstep_operator.shell.workqueue import WorkQueue
from operator_shell.manifests import NAMESPACE, deployment, revision
from operator_shell.reconciling import KEY, World

BAD, GOOD = "churn-bad", "churn-good"
MARK = {"spec": {"quarantine": {"reason": "bad", "time": "2026-01-01T00:00:00Z"}}}
BACK = Route(NAMESPACE, "churn", (Backend(BAD, 0), Backend(GOOD, 10000)))


@pytest.fixture
async def world():
    world = World()
    world.have(deployment())
    world.have(revision(GOOD))
    world.have(revision(BAD))
    world.provider.configured = LiveRoute(port=20000, weights={BAD: 1000, GOOD: 9000})
    world.plans = [Plan(route=BACK, status={"told": 1}, patches=())]
    return world


def writes(world):
    return [call for call in world.api.calls if not call.startswith("get")]


async def test_the_route_is_written_though_the_router_does_not_answer(world):
    world.provider.hangs = True
    world.have(revision(BAD, **MARK))
    assert await asyncio.wait_for(world.reconcile(), 1) == 0.0
    assert writes(world) == ["route churn 1"]
    [planned] = world.seen
    assert planned.route is world.provider.configured


async def test_all_the_rest_follows_in_the_next_pass(world):
    world.have(revision(BAD, **MARK))
    await world.reconcile()
    world.provider.configured = LiveRoute(port=20000, weights={BAD: 0, GOOD: 10000})
    await world.reconcile()
    assert writes(world)[-1] == "patch ModelDeployment/status churn"


async def test_a_mirror_to_a_quarantined_revision_ends_as_fast(world):
    weights = {BAD: 0, GOOD: 10000}
    world.provider.configured = LiveRoute(weights=weights, mirror=Mirror(BAD, 1000))
    world.provider.hangs = True
    world.have(revision(BAD, **MARK))
    assert await asyncio.wait_for(world.reconcile(), 1) == 0.0
    assert writes(world) == ["route churn 1"]


async def test_a_plan_that_takes_nothing_off_is_not_written_blindly(world):
    world.plans = [Plan(route=Route(NAMESPACE, "churn", (Backend(BAD, 10000),)))]
    world.have(revision(BAD, **MARK))
    await world.reconcile()
    assert world.provider.live in [seen.route for seen in world.seen]


async def test_a_refused_route_is_told_in_the_same_pass(world):
    world.provider.errors = [Forbidden("not allowed"), Forbidden("not allowed")]
    world.have(revision(BAD, **MARK))
    await world.reconcile()
    assert [refusal.message for refusal in world.seen[-1].refusals] == ["not allowed"]


async def test_a_route_that_could_not_be_written_stays_urgent(world):
    world.provider.errors = [Unavailable("down")]
    world.have(revision(BAD, **MARK))
    with pytest.raises(Unavailable):
        await world.reconcile()
    assert world.urgency.holds(KEY)


async def test_without_traffic_there_is_no_hurry(world):
    world.provider.configured = LiveRoute(weights={BAD: 0, GOOD: 10000})
    world.have(revision(BAD, **MARK))
    await world.reconcile()
    assert [seen.route for seen in world.seen] == [world.provider.live]


async def test_a_pass_that_waits_for_the_router_is_interrupted(world):
    world.provider.hangs = True
    waiting = asyncio.create_task(world.reconcile())
    await world.provider.asked.wait()
    world.have(revision(BAD, **MARK))
    world.urgency.raise_for(KEY)
    assert await asyncio.wait_for(waiting, 1) == 0.0
    assert writes(world) == []
    assert await asyncio.wait_for(world.reconcile(), 1) == 0.0
    assert writes(world) == ["route churn 1"]


async def test_a_gate_that_failed_makes_its_key_urgent(world):
    mark = {"spec": {"quarantine": {"reason": "gate errorRate failed"}}}
    version = world.store.get("ModelRevision", NAMESPACE, BAD)["metadata"]["resourceVersion"]
    world.plans = [Plan(patches=(RevisionPatch(BAD, version, mark),))]
    assert await world.reconcile() == 0.0
    assert world.urgency.holds(KEY)


async def test_it_overtakes_keys_that_wait_for_a_router_that_hangs(world):
    """The whole way: workers busy for others with a router that hangs, then a quarantine."""
    for name in ("a", "b", "c"):
        world.have(deployment(name))
    world.provider.hangs = True
    queue = WorkQueue(world.reconciler.reconcile, 2, 60.0, world.metrics, world.urgency.holds)
    running = asyncio.create_task(queue.run())
    try:
        for name in ("a", "b", "c"):
            queue.add((NAMESPACE, name))
        await world.provider.asked.wait()
        world.have(revision(BAD, **MARK))
        world.urgency.raise_for(KEY)
        queue.add(KEY)
        await asyncio.wait_for(world.provider.routed.wait(), 1)
        assert "route churn 4" in world.api.calls
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
