"""Strategy Replace and a pause: a replacement is finished or not begun, never turned round."""

from dataclasses import replace
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


def begun(**rollout: Any) -> tuple[World, str, str]:
    """Version 1 has stopped for version 2, whose pods are not ready yet."""
    world = replaced(**rollout)
    first = world.current()
    world.pods_start = False
    world.change("http://models/v2")
    for _ in range(4):
        world.reconcile()
        world.turn()
    assert pods(world, first) == 0
    return world, first, world.candidate()


def pause(world: World, name: str, by_manifest: bool) -> None:
    if by_manifest:
        world.md["spec"]["paused"] = True
    else:
        world.order(name, paused={"by": "eve"})


@pytest.mark.parametrize("by_manifest", [True, False])
def test_a_replacement_that_has_begun_is_finished_in_a_pause(by_manifest: bool) -> None:
    world, first, second = begun()
    pause(world, second, by_manifest)
    for _ in range(4):
        world.reconcile()
        world.turn()
        assert pods(world, first) == 0, "its pods were stopped, and nobody starts them again"
        assert pods(world, second) > 0
    assert "paused by" in world.md["status"]["rollout"]["message"]
    world.pods_start = True
    world.settle()
    assert world.weights() == {second: 10_000}
    assert world.current() == second
    assert world.condition("Ready") == ("True", "Serving")


def test_a_pause_that_comes_and_goes_swaps_no_pods() -> None:
    world, first, second = begun()
    for paused in (True, False, True, False):
        world.md["spec"]["paused"] = paused
        world.reconcile()
        world.turn()
        assert (pods(world, first), pods(world, second) > 0) == (0, True)


def test_a_pause_does_not_outlast_the_deadline_of_what_has_begun() -> None:
    world, first, second = begun(progressDeadline="5m")
    world.md["spec"]["paused"] = True
    world.tick(minutes=6)
    world.pods_start = True
    world.settle()
    assert world.phase() == "Aborted"
    assert world.weights() == {first: 10_000}
    del world.revisions[second]["spec"]["rollout"]
    world.settle()
    assert world.phase() == "Paused", "stable has its pods again: nothing has begun"
    assert pods(world, first) == 2


@pytest.mark.parametrize("by_manifest", [True, False])
def test_a_paused_replacement_that_has_not_begun_is_not_begun(by_manifest: bool) -> None:
    world = replaced()
    first = world.current()
    world.md["spec"]["paused"] = True
    world.change("http://models/v2")
    world.settle()
    pause(world, world.candidate(), by_manifest)
    world.md["spec"]["paused"] = by_manifest
    world.tick(hours=3)
    assert world.phase() == "Paused"
    assert (pods(world, first), pods(world, world.candidate())) == (2, 0)
    assert world.weights() == {first: 10_000}


@pytest.mark.parametrize("paused", [True, False])
def test_a_canary_turned_into_a_replacement_keeps_the_pods_that_serve(paused: bool) -> None:
    world = World(md=deployment(rollout={"steps": [{"weight": 10, "hold": "1m"}]}))
    world.settle()
    world.change("http://models/v2")
    world.settle()
    first, second = world.current(), world.candidate()
    split = {first: 9_000, second: 1_000}
    world.md["spec"] |= {"rollout": {"strategy": "Replace"}, "paused": paused}
    world.router_moves = False
    world.live = replace(world.live, healthy={first: 2, second: 1})
    world.settle()
    assert world.weights() == split
    assert pods(world, first) == 2, "traffic where the pods were stopped"
    world.router_moves = True
    world.turn()
    world.settle()
    assert world.weights() == (split if paused else {second: 10_000})
