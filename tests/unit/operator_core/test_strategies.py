"""Strategy Replace, and a stable revision that is down."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from operator_core.world import World, deployment


def replaced(**rollout: Any) -> World:
    world = World(md=deployment(rollout={"strategy": "Replace", **rollout}))
    world.settle()
    return world


def pods(world: World, name: str) -> int:
    child = world.children.get(("Deployment", name))
    return child["spec"]["replicas"] if child else 0


def test_replace_stops_the_old_pods_before_the_new_ones_serve() -> None:
    world = replaced()
    first = world.current()
    world.pods_start = False
    world.change("http://models/v2")
    for _ in range(3):
        world.reconcile()
        world.turn()
    assert pods(world, first) == 0
    world.pods_start = True
    world.settle()
    second = world.current()
    assert second != first
    assert world.weights() == {second: 10_000}
    assert pods(world, first) == 0, "nothing is kept warm where there is no room"


def test_replace_never_runs_two_revisions_at_once() -> None:
    world = replaced()
    first = world.current()
    world.change("http://models/v2")
    for _ in range(12):
        world.reconcile()
        assert len({name for name in (first, *world.revisions) if pods(world, name)}) <= 1
        world.turn()
    assert world.current() != first


def test_replace_that_never_gets_ready_brings_stable_back() -> None:
    world = replaced(progressDeadline="5m")
    first = world.current()
    world.change("http://models/v2")
    world.reconcile()
    world.reconcile()
    second = world.candidate()
    world.broken[second] = "no such model"
    world.settle()
    assert pods(world, first) == 0
    world.tick(minutes=6)
    assert world.revisions[second]["spec"]["rollout"]["aborted"]["by"] == "lockstep-operator"
    assert world.weights() == {first: 10_000}
    assert pods(world, first) == 2
    assert world.condition("Ready") == ("False", "Aborted")
    assert world.condition("Available")[0] == "True"


def test_replace_whose_golden_requests_cannot_be_asked_brings_stable_back() -> None:
    world = replaced(progressDeadline="5m")
    first = world.current()
    world.md["spec"]["rollout"]["gates"] = [{"metric": "goldenRequests"}]
    world.change("http://models/v2")
    world.settle()
    assert pods(world, first) == 0
    world.tick(minutes=6)
    world.tick(minutes=1)
    assert world.weights() == {first: 10_000}
    assert pods(world, first) == 2
    assert world.condition("Available")[0] == "True"


def test_a_canary_that_found_no_room_is_given_its_time_once_it_is_a_replacement() -> None:
    world = World(md=deployment(rollout={"progressDeadline": "5m"}))
    world.settle()
    first = world.current()
    world.change("http://models/v2")
    world.settle()
    second = world.candidate()
    world.broken[second] = "no room for this pod"
    world.tick(minutes=30)
    world.md["spec"]["rollout"]["strategy"] = "Replace"
    world.settle()
    assert pods(world, first) == 0
    assert pods(world, second) > 0
    world.tick(minutes=4)
    world.broken.clear()
    world.tick(seconds=1)
    assert world.weights() == {second: 10_000}
    assert world.current() == second


def test_replace_paused_leaves_stable_alone() -> None:
    world = replaced()
    first = world.current()
    world.md["spec"]["paused"] = True
    world.change("http://models/v2")
    world.settle()
    assert pods(world, first) == 2
    assert pods(world, world.candidate()) == 0


def test_rollback_with_replace_goes_to_the_one_before() -> None:
    world = replaced()
    first = world.current()
    world.change("http://models/v2")
    world.settle()
    world.quarantine(world.current())
    world.settle()
    assert world.current() == first
    assert world.weights() == {first: 10_000}


def down(steps: list[dict[str, Any]]) -> tuple[World, str, str]:
    """Version 2 is at its first step when all pods of version 1 break."""
    world = World(md=deployment(rollout={"steps": steps, "progressDeadline": "10m"}))
    world.settle()
    world.change("http://models/v2")
    world.settle()
    first, second = world.current(), world.candidate()
    world.broken[first] = "node is gone"
    world.turn()
    world.settle()
    return world, first, second


STEPS = [{"weight": 5, "hold": "48h"}, {"weight": 100, "hold": "48h"}]


def test_a_broken_stable_does_not_block_its_fix() -> None:
    world, _, second = down(STEPS)
    assert world.weights()[second] == 500, "not for a pod that restarts"
    world.tick(seconds=31)
    assert world.weights() == {second: 10_000}
    assert world.current() != second
    world.tick(minutes=9)
    assert world.current() != second
    world.tick(minutes=2)
    assert world.current() == second


def test_a_stand_in_is_not_promoted_for_an_outage_that_nobody_watched() -> None:
    world, _, second = down(STEPS)
    world.now += timedelta(hours=3)  # the operator was down, and stable served meanwhile
    world.turn()
    world.settle()
    assert world.current() != second


def test_lost_status_does_not_turn_a_stand_in_into_a_step() -> None:
    steps = [{"weight": 10, "hold": "1m", "approval": True}, {"weight": 100, "hold": "1m"}]
    world, first, second = down(steps)
    world.tick(seconds=31)
    assert world.weights() == {second: 10_000}
    world.md.pop("status")
    world.broken.clear()
    world.turn()
    world.settle()
    world.tick(minutes=5)
    assert world.weights() == {first: 9_000, second: 1_000}


def test_stable_comes_back_and_the_stand_in_starts_at_step_one() -> None:
    world, first, second = down(STEPS)
    world.tick(seconds=31)
    world.broken.clear()
    world.turn()
    world.settle()
    assert world.weights() == {first: 9_500, second: 500}


@pytest.mark.parametrize("by_manifest", [True, False])
def test_a_paused_rollout_has_no_stand_in(by_manifest: bool) -> None:
    world, first, second = down(STEPS)
    if by_manifest:
        world.md["spec"]["paused"] = True
    else:
        world.order(second, paused={})
    world.tick(minutes=30)
    assert world.weights()[second] == 500
    assert world.weights()[first] == 9_500


def test_an_unasked_router_is_not_a_broken_stable() -> None:
    world = World(md=deployment(rollout={"steps": STEPS}))
    world.settle()
    world.change("http://models/v2")
    world.settle()
    world.broken[world.current()] = "x"
    world.router_moves = False
    world.live = replace(world.live, applied=False, healthy={})
    world.tick(minutes=5)
    assert world.weights()[world.candidate()] == 500


def test_the_warm_revision_has_no_fewer_pods_than_stable_has_ready() -> None:
    world = World(md=deployment(rollout={"steps": []}, replicas=4))
    world.settle()
    first = world.current()
    world.change("http://models/v2")
    world.settle()
    assert pods(world, first) == 4
    world.md["spec"]["replicas"] = 2
    world.reconcile()
    assert pods(world, first) == 4, "stable still has four"
    world.settle()
    assert pods(world, first) == 2
