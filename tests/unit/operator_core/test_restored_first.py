"""A ModelDeployment that comes back before its revisions, with the operator running."""

import copy

import pytest

from operator_core.world import World

SERVED = pytest.mark.parametrize("served", [False, True], ids=["at-once", "after-it-served"])


def lose_revisions(world: World, served: bool) -> dict[str, dict[str, object]]:
    """Only the manifest is back, and the operator makes of it what it can."""
    saved = copy.deepcopy(world.revisions)
    world.revisions.clear()
    world.children.clear()
    world.live = type(world.live)(ready_pods=2)
    world.md["metadata"]["uid"] = "uid-restored"
    del world.md["status"]
    world.reconcile()
    if served:
        world.settle()
    return saved


def bring_back(world: World, saved: dict[str, dict[str, object]]) -> None:
    """A restore leaves alone what is there already: a name given twice would hide a mark."""
    for name, revision in saved.items():
        revision.pop("status", None)
        world.revisions.setdefault(name, revision)
        world.touch(name)
    world.settle()


@SERVED
@pytest.mark.parametrize("asked", ["http://models/v3", "http://models/v2"])
def test_history_that_comes_later_is_found(world: World, asked: str, served: bool) -> None:
    stable = world.promoted("http://models/v2")
    bad = world.promoted("http://models/v3")
    world.quarantine(bad)
    world.settle()
    world.change(asked)
    world.settle()
    bring_back(world, lose_revisions(world, served))
    assert world.current() == stable
    assert world.weights() == {stable: 10_000}
    assert world.revisions[bad]["spec"].get("quarantine")
    wanted = ("True", "Serving") if asked.endswith("v2") else ("False", "SpecQuarantined")
    assert world.condition("Ready") == wanted


@SERVED
def test_a_mark_on_what_was_never_stable_is_found(world: World, served: bool) -> None:
    first = world.current()
    world.change("http://models/v2")
    world.settle()
    bad = world.candidate()
    world.quarantine(bad)
    world.settle()
    saved = lose_revisions(world, served)
    world.tick(seconds=1)
    for revision in saved.values():
        revision["metadata"]["creationTimestamp"] = world.now.isoformat()  # type: ignore[index]
    bring_back(world, saved)
    assert world.weights() == {first: 10_000}
    assert world.condition("Ready") == ("False", "SpecQuarantined")
