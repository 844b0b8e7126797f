"""The status tells what the routers carry, not what they were asked to."""

from dataclasses import replace

from operator_core.world import World, deployment

STEPS = [{"weight": 50, "hold": "1h"}]


def shares(world: World) -> dict[str, float]:
    return {one["revision"]: one["weight"] for one in world.md["status"]["traffic"]}


def of_revision(world: World, name: str) -> float:
    return float(world.revisions[name]["status"].get("weight", 0))


def halfway() -> tuple[World, str, str]:
    """Version 2 is at 50 %."""
    world = World(md=deployment(rollout={"steps": STEPS}))
    world.settle()
    world.change("http://models/v2")
    world.settle()
    return world, world.current(), world.candidate()


def test_a_weight_counts_when_every_router_has_it() -> None:
    world, first, second = halfway()
    assert shares(world) == {first: 50, second: 50}
    world.router_moves = False
    world.quarantine(second)
    for _ in range(5):
        world.reconcile()
    assert world.weights() == {first: 10_000}, "it is asked for"
    assert shares(world) == {first: 50, second: 50}, "but a router still sends requests there"
    assert of_revision(world, second) == 50
    world.router_moves = True
    world.turn()
    world.settle()
    assert shares(world)[first] == 100
    assert shares(world).get(second, 0) == of_revision(world, second) == 0


def test_before_anything_was_reported_the_configuration_is_told() -> None:
    world, first, second = halfway()
    world.md.pop("status")
    world.router_moves = False
    world.live = replace(world.live, applied=False)
    world.reconcile()
    assert shares(world) == {first: 50, second: 50}
