"""Going back to an earlier revision: what is left behind, and what people read of it."""

from dataclasses import replace

import pytest

from operator_core.world import World


def three_promotions(world: World) -> tuple[str, str, str]:
    """Versions 1 to 3 were stable one after the other; only 2 is warm."""
    first = world.current()
    second = world.promoted("http://models/v2")
    world.tick(hours=2)
    return first, second, world.promoted("http://models/v3")


def quarantined(world: World) -> set[str]:
    return {name for name, one in world.revisions.items() if "quarantine" in one["spec"]}


@pytest.mark.parametrize("warm", [True, False])
def test_a_restore_that_names_nobody_is_not_undone_by_the_manifest(
    world: World, warm: bool
) -> None:
    first, second, third = three_promotions(world)
    target = second if warm else first
    world.restore(target)
    world.settle()
    assert world.weights() == {target: 10_000}
    assert quarantined(world) == {third}
    assert world.revisions[third]["spec"]["quarantine"]["by"] == "eve"
    assert world.revisions[target]["spec"]["promotions"][-1]["rollbackOf"] == [third]
    world.tick(minutes=10)
    assert world.weights() == {target: 10_000}
    assert world.condition("Ready") == ("False", "SpecQuarantined")


def test_nor_is_one_that_names_another(world: World) -> None:
    first, second, third = three_promotions(world)
    world.restore(first, second)
    world.settle()
    world.tick(minutes=10)
    assert world.weights() == {first: 10_000}
    assert quarantined(world) == {second, third}


def test_what_the_manifest_does_not_ask_for_needs_no_mark(world: World) -> None:
    first, _, third = three_promotions(world)
    world.broken[first] = "slow"
    world.restore(first)
    world.settle()
    world.change("http://models/v1")
    world.settle()
    assert world.weights() == {third: 10_000}
    world.broken.clear()
    world.settle()
    assert world.weights() == {first: 10_000}
    assert not quarantined(world)
    assert world.condition("Ready") == ("True", "Serving")


def test_a_fix_that_is_rolled_out_meanwhile_starts_at_step_one(world: World) -> None:
    first, _, third = three_promotions(world)
    world.change("http://models/v4")
    world.settle()
    fourth = world.candidate()
    world.restore(first)
    world.settle()
    assert world.current() == first
    assert quarantined(world) == set()
    assert world.weights() == {first: 9_000, fourth: 1_000}
    assert ("Deployment", third) in world.children, "kept warm, and not asked for"


def test_a_list_that_is_full_still_takes_what_the_manifest_asks_for(world: World) -> None:
    first, _, third = three_promotions(world)
    world.restore(first, *(f"churn-{number:08d}" for number in range(10)))
    world.settle()
    assert world.weights() == {first: 10_000}
    assert quarantined(world) == {third}


@pytest.mark.parametrize("patches_written", [0, 1])
def test_a_restore_that_names_nobody_and_is_cut(world: World, patches_written: int) -> None:
    first, _, third = three_promotions(world)
    world.restore(first)
    for _ in range(12):
        plan = world.plan()
        world.carry_out(replace(plan, patches=plan.patches[:patches_written]))
        world.turn()
    world.settle()
    assert world.weights() == {first: 10_000}
    assert quarantined(world) == {third}


def test_the_event_names_what_is_gone_back_to(world: World) -> None:
    first, second, third = three_promotions(world)
    world.restore(second, third)
    world.settle()
    assert f"Restoring: going back to {second}" in world.events
    assert not any(third in one for one in world.events if one.startswith("Restoring"))
    assert first in world.revisions


def test_an_abort_holds_while_a_restore_waits(world: World) -> None:
    first, _, third = three_promotions(world)
    world.change("http://models/v4")
    world.settle()
    fourth = world.candidate()
    world.broken[first] = "slow"
    world.restore(first, third)
    world.settle()
    assert world.weights() == {third: 9_000, fourth: 1_000}
    world.order(fourth, aborted={"by": "eve"})
    world.live = replace(world.live, candidate=fourth)
    route = world.reconcile().route
    assert world.weights() == {third: 10_000}
    assert route is not None
    assert route.candidate is None, "no matched requests either"


def test_nothing_goes_on_when_a_pause_ends_in_an_abort(world: World) -> None:
    world.change("http://models/v2")
    world.settle()
    name = world.candidate()
    world.order(name, paused={"by": "eve"})
    world.settle()
    world.order(name, aborted={"by": "eve"})
    world.settle()
    assert not any(one.startswith("Resumed") for one in world.events)
