"""Warm is what has had its pods since before the promotion that it made way for."""

from dataclasses import replace

import pytest

from operator_core.world import STEPS, World, deployment


def swapped() -> tuple[World, str, str]:
    """Version 2 took over from version 1 by strategy Replace, a minute ago."""
    world = World(md=deployment(rollout={"strategy": "Replace"}))
    world.settle()
    first = world.current()
    world.change("http://models/v2")
    world.settle()
    world.tick(minutes=1)
    return world, first, world.current()


def promotions(world: World) -> int:
    return sum(len(one["spec"].get("promotions", [])) for one in world.revisions.values())


def test_what_was_stopped_by_replace_walks_the_steps_of_a_canary() -> None:
    world, first, second = swapped()
    world.md["spec"] |= STEPS
    world.change("http://models/v1")
    world.settle()
    assert world.weights() == {second: 9_000, first: 1_000}
    world.tick(seconds=30)
    assert world.weights() == {second: 9_000, first: 1_000}


def test_pods_started_for_a_rollback_do_not_make_it_warm() -> None:
    world, first, second = swapped()
    world.md["spec"] |= STEPS
    world.tick(minutes=5)
    assert world.ready()[first] == 2, "a rollback would be at once"
    world.change("http://models/v1")
    world.settle()
    assert world.weights() == {second: 9_000, first: 1_000}


def test_the_edit_may_come_before_the_stopped_workload_is_removed() -> None:
    world = World(md=deployment(rollout={"strategy": "Replace"}))
    world.settle()
    first = world.current()
    world.change("http://models/v2")
    for _ in range(20):
        if promotions(world) == 2:
            break
        world.reconcile()
        world.turn()
    assert world.children["Deployment", first]["spec"]["replicas"] == 0
    world.md["spec"] |= STEPS
    world.change("http://models/v1")
    world.now = world.now.replace(minute=1)
    world.settle()
    assert world.weights()[first] == 1_000


def test_a_moment_without_a_pod_costs_nothing_but_that_moment(world: World) -> None:
    first, second = world.current(), world.promoted("http://models/v2")
    world.broken[first] = "restarts"
    world.turn()
    world.change("http://models/v1")
    world.settle()
    assert world.weights() == {second: 10_000}
    world.broken.clear()
    world.turn()
    world.settle()
    assert world.weights() == {first: 10_000}


def test_a_lost_workload_is_made_again_and_is_not_warm(world: World) -> None:
    first, second = world.current(), world.promoted("http://models/v2")
    world.tick(minutes=1)
    del world.children["Deployment", first]
    world.settle()
    assert world.ready()[first] == 2
    world.change("http://models/v1")
    world.settle()
    assert world.weights() == {second: 9_000, first: 1_000}
    world.quarantine(second)
    world.reconcile()
    assert world.weights() == {first: 10_000}


@pytest.mark.parametrize("lost", ["status", "router"])
def test_warm_needs_no_status_but_a_router_that_was_asked(world: World, lost: str) -> None:
    first, second = world.current(), world.promoted("http://models/v2")
    world.change("http://models/v1")
    if lost == "status":
        del world.md["status"]
        for one in world.revisions.values():
            one.pop("status", None)
    else:
        world.router_moves = False
        world.live = replace(world.live, applied=False, healthy={})
    world.settle()
    assert world.weights() == {first if lost == "status" else second: 10_000}
