"""Ways back: quarantine, release, revert, over a cluster made of data."""

from lockstep_operator.api.group import ORPHANED_ANNOTATION
from operator_core.world import World


def test_quarantine_of_stable_goes_back_in_one_write(world: World) -> None:
    first = world.current()
    second = world.promoted("http://models/v2")
    writes = world.writes
    world.quarantine(second)
    world.reconcile()
    assert world.weights() == {first: 10_000}
    assert world.writes == writes + 1
    world.turn()
    world.settle()
    assert world.condition("Available")[0] == "True"
    assert world.condition("Ready") == ("False", "SpecQuarantined")
    assert world.condition("Stalled") == ("True", "SpecQuarantined")
    assert world.current() == first
    assert world.revisions[second]["metadata"].get("ownerReferences") is None
    assert ("Deployment", second) not in world.children
    assert any(event.startswith("RolledBack") for event in world.events)


def test_rollback_does_not_wait_for_a_router_that_cannot_be_asked(world: World) -> None:
    first = world.current()
    second = world.promoted("http://models/v2")
    world.router_moves = False
    world.live = type(world.live)(
        port=20000, weights=world.live.weights, applied=False, healthy={}, complete=True
    )
    world.quarantine(second)
    world.reconcile()
    assert world.weights() == {first: 10_000}


def test_reapplied_quarantined_manifest_moves_nothing(world: World) -> None:
    first = world.current()
    second = world.promoted("http://models/v2")
    world.quarantine(second)
    world.settle()
    world.change("http://models/v1")
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")
    world.change("http://models/v2")
    world.settle()
    assert world.weights() == {first: 10_000}
    assert world.condition("Ready") == ("False", "SpecQuarantined")


def test_release_starts_again_at_step_one(world: World) -> None:
    first = world.current()
    second = world.promoted("http://models/v2")
    world.quarantine(second)
    world.settle()
    world.release(second)
    world.settle()
    assert world.weights() == {first: 9_000, second: 1_000}


def test_a_release_right_after_the_rollback_is_no_way_back(world: World) -> None:
    first = world.current()
    second = world.promoted("http://models/v2")
    world.quarantine(second)
    world.reconcile()
    world.turn()
    world.release(second)
    world.settle()
    assert world.weights() == {first: 9_000, second: 1_000}


def test_rollback_in_a_canary(world: World) -> None:
    first = world.current()
    world.change("http://models/v2")
    world.settle()
    world.quarantine(world.md["status"]["candidateRevision"])
    world.reconcile()
    assert world.weights() == {first: 10_000}


def test_only_revision_quarantined_gets_no_traffic(world: World) -> None:
    only = world.current()
    world.quarantine(only)
    world.settle()
    assert world.weights() == {}
    assert world.condition("Available") == ("False", "NoStableRevision")
    world.change("http://models/v2")
    world.settle()
    assert list(world.weights().values()) == [10_000]


def test_revert_to_the_warm_previous_is_at_once(world: World) -> None:
    first = world.current()
    second = world.promoted("http://models/v2")
    world.change("http://models/v1")
    world.settle()
    assert world.weights() == {first: 10_000}
    assert world.current() == first
    world.change("http://models/v2")
    world.settle()
    assert world.current() == second, "and back again, while that one is warm"


def test_revert_to_a_cold_previous_is_an_ordinary_rollout(world: World) -> None:
    first = world.current()
    second = world.promoted("http://models/v2")
    world.tick(hours=2)
    world.change("http://models/v1")
    world.settle()
    assert world.weights() == {first: 1_000, second: 9_000}


def test_rollback_starts_no_older_cold_revision(world: World) -> None:
    oldest = world.current()
    world.promoted("http://models/v2")
    world.tick(hours=2)
    third = world.promoted("http://models/v3")
    world.quarantine(third)
    world.settle()
    assert ("Deployment", oldest) not in world.children


def test_a_tombstone_is_adopted_again(world: World) -> None:
    bad = world.promoted("http://models/v2")
    world.quarantine(bad)
    world.settle()
    world.revisions[bad]["metadata"]["annotations"] = {ORPHANED_ANNOTATION: "2026-01-01T00:00:00Z"}
    patch = next(one for one in world.plan().patches if one.name == bad)
    assert patch.body == {"metadata": {"annotations": {ORPHANED_ANNOTATION: None}}}
