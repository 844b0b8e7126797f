"""What people ask for in a rollout: pause, approve, promote, abort, restore."""

from dataclasses import replace
from typing import Any

import pytest

from operator_core.world import World, deployment

APPROVED = [{"weight": 10, "hold": "1m", "approval": True}, {"weight": 50, "hold": "1m"}]


def served(**rollout: Any) -> World:
    """A world in which version 1 is stable and version 2 at its first step."""
    steps = [{"weight": 10, "hold": "1m"}, {"weight": 50, "hold": "1m"}]
    world = World(md=deployment(rollout={"steps": steps, **rollout}))
    world.settle()
    world.change("http://models/v2")
    world.settle()
    return world


def share(world: World) -> float:
    """Percent that the candidate carries."""
    return world.weights().get(world.candidate(), 0) / 100


def test_a_step_with_approval_waits_for_one() -> None:
    world = served(steps=APPROVED)
    assert world.phase() == "Progressing"
    world.tick(hours=30)
    assert world.phase() == "AwaitingApproval"
    assert world.condition("Ready") == ("False", "AwaitingApproval")
    assert world.condition("Stalled")[0] == "False"
    assert share(world) == 10
    world.order(world.candidate(), approvals=[{"step": 1, "by": "eve"}])
    world.settle()
    assert share(world) == 50
    assert any(event.startswith("AwaitingApproval") for event in world.events)


def test_an_approval_given_early_does_not_shorten_the_hold() -> None:
    world = served(steps=APPROVED)
    world.order(world.candidate(), approvals=[{"step": 1}])
    world.tick(seconds=50)
    assert share(world) == 10
    world.tick(seconds=20)
    assert share(world) == 50


def test_an_approval_of_another_step_is_none() -> None:
    world = served(steps=APPROVED)
    world.order(world.candidate(), approvals=[{"step": 2}])
    world.tick(hours=1)
    assert world.phase() == "AwaitingApproval"


def test_a_pause_by_order_keeps_the_weight_and_ends_when_it_is_removed() -> None:
    world = served()
    name = world.candidate()
    world.order(name, paused={"by": "eve", "reason": "lunch"})
    world.tick(hours=2)
    assert world.phase() == "Paused"
    assert "eve: lunch" in world.md["status"]["rollout"]["message"]
    assert share(world) == 10
    del world.revisions[name]["spec"]["rollout"]["paused"]
    world.settle()
    assert share(world) == 50  # exposure went on in the pause, and so did the hold


def test_promoted_by_order_skips_what_is_left_and_records_who() -> None:
    world = served(steps=APPROVED)
    name = world.candidate()
    world.order(name, promote={"by": "eve", "reason": "hot fix"})
    world.settle()
    assert world.weights() == {name: 10_000}
    assert world.revisions[name]["spec"]["promotions"][-1]["by"] == "eve"
    assert "rollout" not in world.revisions[name]["spec"]


def test_promoted_by_order_waits_for_pods_all_the_same() -> None:
    world = World()
    world.settle()
    world.pods_start = False
    world.change("http://models/v2")
    world.reconcile()
    world.reconcile()
    stable, name = world.current(), world.candidate()
    world.order(name, promote={})
    world.reconcile()
    assert world.weights() == {stable: 10_000}


def test_an_abort_takes_the_traffic_and_the_pods_and_quarantines_nothing() -> None:
    world = served()
    stable, name = world.current(), world.candidate()
    world.order(name, aborted={"by": "eve", "reason": "not today"})
    world.settle()
    world.tick(hours=3)
    assert world.weights() == {stable: 10_000}
    assert world.condition("Ready") == ("False", "Aborted")
    assert world.condition("Stalled") == ("True", "Aborted")
    assert world.condition("Available")[0] == "True"
    assert ("Deployment", name) not in world.children
    assert "quarantine" not in world.revisions[name]["spec"]


def test_an_abort_does_not_wait_for_a_router_that_hangs() -> None:
    world = served()
    stable, name = world.current(), world.candidate()
    world.live = replace(world.live, applied=False, healthy={})
    world.router_moves = False
    world.order(name, aborted={})
    world.reconcile()
    assert world.weights() == {stable: 10_000}


def test_an_abort_removed_starts_again_at_step_one() -> None:
    world = served()
    name = world.candidate()
    world.tick(seconds=61)
    assert share(world) == 50
    world.order(name, aborted={})
    world.settle()
    del world.revisions[name]["spec"]["rollout"]
    world.settle()
    assert share(world) == 10


def test_an_abort_ends_what_was_allowed_before_it() -> None:
    world = served(steps=APPROVED)
    name = world.candidate()
    world.order(name, approvals=[{"step": 1}], promote={"by": "eve"}, paused={}, aborted={})
    world.settle()
    assert set(world.revisions[name]["spec"]["rollout"]) == {"aborted", "paused"}


def test_a_superseded_candidate_loses_its_orders() -> None:
    world = served(steps=APPROVED)
    second = world.candidate()
    world.order(second, approvals=[{"step": 1}], paused={"by": "eve"})
    world.change("http://models/v3")
    world.settle()
    assert "rollout" not in world.revisions[second]["spec"]
    world.change("http://models/v2")
    world.settle()
    world.tick(hours=1)
    assert world.phase() == "AwaitingApproval"


def test_orders_survive_a_manifest_that_cannot_be_carried_out() -> None:
    world = served()
    name = world.candidate()
    world.order(name, aborted={"reason": "no"})
    world.settle()
    good = world.md["spec"]["model"]
    world.md["spec"]["runtime"] = {"podTemplate": {"spec": []}}
    world.settle()
    world.md["spec"] = world.md["spec"] | {"model": good, "runtime": {}}
    world.settle()
    assert world.phase() == "Aborted"
    assert name in world.revisions


def three_promotions() -> tuple[World, str, str, str]:
    """Versions 1 to 3 were stable one after the other; only 2 is warm."""
    world = served()
    first = world.current()
    second = world.promoted("http://models/v2")
    world.tick(hours=2)
    third = world.promoted("http://models/v3")
    return world, first, second, third


def test_a_cold_revision_is_scaled_up_before_it_takes_over() -> None:
    world, first, _, third = three_promotions()
    assert world.revisions[first]["status"]["warmth"] == "cold"
    world.pods_start = True
    world.broken[first] = "still fetching"
    world.restore(first, third)
    world.settle()
    assert world.weights() == {third: 10_000}
    assert ("Deployment", first) in world.children
    world.broken.clear()
    world.settle()
    assert world.weights() == {first: 10_000}
    assert world.current() == first
    assert world.revisions[third]["spec"]["quarantine"]["by"] == "eve"
    assert "restore" not in world.revisions[first]["spec"]
    assert world.revisions[first]["spec"]["promotions"][-1]["by"] == "eve"
    assert world.condition("Ready") == ("False", "SpecQuarantined")


def test_a_restore_that_fails_leaves_the_traffic_and_says_so() -> None:
    world, first, _, third = three_promotions()
    world.broken[first] = "model is gone"
    world.restore(first, third)
    world.settle()
    world.tick(hours=5)
    assert world.weights() == {third: 10_000}
    assert world.condition("Ready") == ("False", "RestoreFails")
    assert world.condition("Available")[0] == "True"
    del world.revisions[first]["spec"]["restore"]
    world.settle()
    assert world.condition("Ready")[0] == "True"
    assert world.revisions[first]["status"]["warmth"] == "unrestorable"


def test_a_restore_in_mid_rollout_freezes_the_candidate_and_quarantines_it_at_the_end() -> None:
    world, first, _, third = three_promotions()
    world.change("http://models/v4")
    world.settle()
    fourth = world.candidate()
    world.broken[first] = "slow"
    world.restore(first, fourth, third)
    world.settle()
    world.tick(hours=1)
    assert world.weights() == {fourth: 1_000, third: 9_000}
    world.broken.clear()
    world.settle()
    assert world.weights() == {first: 10_000}
    assert {name for name, one in world.revisions.items() if "quarantine" in one["spec"]} == {
        third,
        fourth,
    }


@pytest.mark.parametrize("crash_after", [0, 1, 2])
def test_a_restore_ends_the_same_when_its_writes_are_cut(crash_after: int) -> None:
    world, first, second, third = three_promotions()
    world.restore(first, third)
    for _ in range(12):
        plan = world.plan()
        world.carry_out(
            replace(plan, patches=plan.patches[:crash_after], status=world.md["status"])
        )
        world.turn()
    world.settle()
    assert world.weights() == {first: 10_000}
    assert "quarantine" in world.revisions[third]["spec"]
    assert "quarantine" not in world.revisions[second]["spec"]


def test_a_revision_asked_for_by_two_restores_in_turn_the_last_counts() -> None:
    world, first, second, third = three_promotions()
    world.broken |= {first: "x", second: "x"}
    world.restore(first, third)
    world.now = world.now.replace(microsecond=5)
    world.restore(second, third)
    world.settle()
    assert "restore" not in world.revisions[first]["spec"]
    world.broken.clear()
    world.settle()
    assert world.weights() == {second: 10_000}


def test_a_restore_that_names_itself_and_strangers_quarantines_neither() -> None:
    world, first, _, third = three_promotions()
    world.restore(first, first, third, "nobody", "other-12345678")
    world.settle()
    assert world.weights() == {first: 10_000}
    assert "quarantine" not in world.revisions[first]["spec"]
    assert "quarantine" in world.revisions[third]["spec"]
    assert world.revisions[first]["spec"]["promotions"][-1]["rollbackOf"] == [third]
