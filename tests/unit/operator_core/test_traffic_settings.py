"""Mirror and matches follow the rollout: the candidate gets copies and picks from step one on."""

from typing import Any

from lockstep_operator.core.routing import Mirror
from operator_core.world import World, deployment

TRAFFIC = {"mirror": 12.34, "match": [{"header": "x-canary"}], "timeout": "3s"}
STEPS = [{"weight": 0, "hold": "1m"}, {"weight": 0.01, "hold": "1m"}, {"weight": 100, "hold": "1m"}]


def mirrored(**spec: Any) -> World:
    world = World(md=deployment(rollout={"steps": STEPS}, traffic=TRAFFIC, **spec))
    world.settle()
    world.change("http://models/v2")
    world.settle()
    return world


def test_no_mirror_without_a_candidate() -> None:
    world = World(md=deployment(traffic=TRAFFIC))
    world.settle()
    assert world.live.mirror is None
    assert world.live.candidate is None
    assert world.live.settings is not None
    assert world.live.settings.timeout == 3


def test_a_step_of_weight_zero_only_mirrors_and_holds() -> None:
    world = mirrored()
    name = world.candidate()
    assert world.live.mirror == Mirror(name, 1234)
    assert world.live.candidate == name
    assert world.weights() == {world.current(): 10_000}
    world.tick(seconds=30)
    assert name not in world.weights()
    world.tick(seconds=31)
    assert world.weights()[name] == 1
    world.tick(seconds=61)
    assert world.weights() == {name: 10_000}
    assert world.current() != name, "a step of 100 % is held too"
    world.tick(seconds=61)
    assert world.current() == name


def test_a_rollback_takes_copies_and_picks_away_too() -> None:
    world = mirrored()
    name = world.candidate()
    world.quarantine(name)
    plan = world.plan()
    assert plan.route is not None
    assert plan.route.urgent
    assert plan.route.mirror is None
    assert plan.route.candidate is None


def test_an_abort_takes_copies_and_picks_away_too() -> None:
    world = mirrored()
    world.order(world.candidate(), aborted={})
    world.settle()
    assert world.live.mirror is None
    assert world.live.candidate is None


def test_a_route_is_urgent_only_while_a_quarantined_revision_is_known_to_the_router() -> None:
    world = mirrored()
    world.quarantine(world.candidate())
    world.settle()
    plan = world.plan()
    assert plan.route is not None
    assert not plan.route.urgent


def test_edited_settings_reach_the_router_in_mid_rollout() -> None:
    world = mirrored()
    world.md["spec"]["traffic"] = TRAFFIC | {"timeout": "9s", "sticky": {"header": "x-user"}}
    world.settle()
    assert world.live.settings is not None
    assert world.live.settings.timeout == 9
    assert world.live.settings.sticky is not None
    assert world.live.mirror is not None
