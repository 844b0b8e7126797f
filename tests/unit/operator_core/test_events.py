"""What people are told: each transition once, whoever made it, and however often it happens."""

from dataclasses import replace

import pytest

from operator_core.world import World, deployment


def told(world: World, reason: str) -> list[str]:
    return [one.partition(": ")[2] for one in world.events if one.startswith(f"{reason}: ")]


def waiting(world: World) -> str:
    """A candidate whose first step waits for an approval."""
    world.md["spec"]["rollout"] = {"steps": [{"weight": 10, "approval": True}]}
    world.change("http://models/v2")
    world.settle()
    assert world.phase() == "AwaitingApproval"
    return world.candidate()


def test_a_promotion_is_told_again_after_a_revert(world: World) -> None:
    first = world.current()
    second = world.promoted("http://models/v2")
    world.change("http://models/v1")
    world.settle()
    world.change("http://models/v2")
    world.settle()
    names = [first, second, first, second]
    assert told(world, "Promoted") == [f"{name} is the stable revision" for name in names]


def test_each_revision_is_told_once_though_the_pass_that_made_it_was_cut_short(
    world: World,
) -> None:
    first = world.current()
    world.change("http://models/v2")
    plan = world.plan()
    world.carry_out(replace(plan, events=(), children=(), status=world.md["status"]))
    world.settle()
    names = [first, world.candidate()]
    assert told(world, "RevisionCreated") == [f"created revision {name}" for name in names]


def test_a_quarantined_candidate_is_a_rollback(world: World) -> None:
    first = world.current()
    world.change("http://models/v2")
    world.settle()
    name = world.candidate()
    world.quarantine(name, "slow")
    world.settle()
    world.tick(minutes=5)
    assert told(world, "RolledBack") == [f"{name} is quarantined (slow): back to {first}"]


def test_a_restore_that_takes_over_is_a_rollback_that_names_who_wanted_it(world: World) -> None:
    first = world.current()
    world.promoted("http://models/v2")
    third = world.promoted("http://models/v3")
    world.tick(hours=2)
    promoted = told(world, "Promoted")
    world.restore(first, third)
    world.settle()
    by = "taken back by eve (older is better)"
    assert told(world, "RolledBack") == [f"{third} is {by}: back to {first}"]
    assert told(world, "Promoted") == promoted


def test_a_restore_that_is_dropped(world: World) -> None:
    first = world.current()
    world.promoted("http://models/v2")
    third = world.promoted("http://models/v3")
    world.tick(hours=2)
    world.broken[first] = "no such file"
    world.restore(first, third)
    world.settle()
    del world.revisions[first]["spec"]["restore"]
    world.touch(first)
    world.settle()
    assert told(world, "RestoreDropped") == [f"no longer going back to {first}"]


def test_a_retry_is_told_with_the_steps_that_it_begins_again(world: World) -> None:
    world.change("http://models/v2")
    world.settle()
    name = world.candidate()
    world.order(name, aborted={"by": "eve"})
    world.settle()
    world.order(name, aborted=None)
    world.settle()
    assert told(world, "Retried") == [f"{name} starts again"]
    assert told(world, "StepStarted") == [f"{name}: step 1 of 2, 10 %"] * 2


@pytest.mark.parametrize("by", [{"by": "ada", "reason": "looks good"}, {}])
def test_a_release_is_told_with_who_did_it(world: World, by: dict[str, str]) -> None:
    second = world.promoted("http://models/v2")
    world.quarantine(second)
    world.settle()
    if by:
        world.revisions[second]["spec"]["released"] = by
    world.release(second)
    world.settle()
    who = ", by ada" if by else ""
    assert told(world, "Released") == [f"{second} is released from quarantine{who}"]


def test_the_quarantine_of_what_has_no_traffic(world: World) -> None:
    first = world.current()
    world.promoted("http://models/v2")
    world.quarantine(first)
    world.settle()
    assert told(world, "Quarantined") == [f"{first} is quarantined (bad)"]
    assert not told(world, "RolledBack")


def test_an_approval_that_counts_is_told_and_kept_with_the_promotion(world: World) -> None:
    name = waiting(world)
    world.order(name, approvals=[{"step": 1, "by": "ada", "reason": "looks good"}])
    world.settle()
    assert world.current() == name
    assert told(world, "Approved") == [f"{name}: step 1 was approved by ada (looks good)"]
    promotion = world.revisions[name]["spec"]["promotions"][-1]
    assert (promotion["by"], promotion["reason"]) == ("ada", "approved step 1: looks good")
    assert told(world, "Promoted")[-1] == (
        f"{name} is the stable revision, promoted by ada (approved step 1: looks good)"
    )


def test_an_approval_that_a_promotion_by_order_makes_needless_is_not_told(world: World) -> None:
    name = waiting(world)
    world.order(name, promote={"by": "bob"}, approvals=[{"step": 1, "by": "ada"}])
    world.settle()
    assert not told(world, "Approved")
    assert world.revisions[name]["spec"]["promotions"][-1]["by"] == "bob"


def test_a_gate_that_failed_is_told_with_the_mark_that_it_brings(world: World) -> None:
    gates = [{"metric": "errorRate", "max": 0.1}]
    world.md["spec"]["rollout"] = {**world.md["spec"]["rollout"], "gates": gates}
    world.change("http://models/v2")
    world.settle()
    name = world.candidate()
    world.verdicts["errorRate"] = "fail"
    failed = [one for one in world.plan().events if one.reason == "GateFailed"]
    assert [(one.revision, one.mark) for one in failed] == [(None, name), (name, name)]


def test_a_replacement_has_no_steps() -> None:
    world = World(md=deployment(rollout={"strategy": "Replace"}))
    world.settle()
    world.pods_start = False
    world.change("http://models/v2")
    world.settle()
    assert world.md["status"]["rollout"]["steps"] == 0
    world.order(world.candidate(), aborted={"by": "eve"})
    world.settle()
    assert world.phase() == "Aborted"
    assert world.md["status"]["rollout"].get("steps", 0) == 0
