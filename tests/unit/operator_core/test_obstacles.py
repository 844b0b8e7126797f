"""What goes wrong is said, and never stands in the way of a rollback."""

from dataclasses import replace
from typing import Any

import pytest

from lockstep_operator.core.plan import Conflict
from operator_core.world import World, deployment

HOSTILE: list[dict[str, Any]] = [
    {"podTemplate": {"metadata": None}},
    {"podTemplate": {"metadata": {"labels": "x"}}},
    {"podTemplate": {"metadata": {"labels": None}}},
    {"podTemplate": {"spec": []}},
    {"podTemplate": {"spec": {"containers": [{"name": {}}]}}},
    {"resources": {"limits": {"cpu": -1}}},
    {"resources": {"limits": {"memory": "1K"}}},
]


@pytest.mark.parametrize("runtime", HOSTILE)
def test_a_manifest_that_cannot_be_carried_out(world: World, runtime: dict[str, Any]) -> None:
    first = world.current()
    second = world.promoted("http://models/v2")
    world.md["spec"]["runtime"] = runtime
    world.settle()
    assert world.condition("Stalled") == ("True", "InvalidSpec")
    assert world.condition("Available")[0] == "True"
    assert world.weights() == {second: 10_000}
    world.quarantine(second)
    world.reconcile()
    assert world.weights() == {first: 10_000}


@pytest.mark.parametrize("runtime", HOSTILE)
def test_a_first_manifest_that_cannot_be_carried_out(runtime: dict[str, Any]) -> None:
    world = World(md=deployment(runtime=runtime))
    world.settle()
    assert world.condition("Stalled") == ("True", "InvalidSpec")
    assert world.condition("Available") == ("False", "NoStableRevision")
    del world.md["spec"]["runtime"]
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")


def test_a_candidate_that_lost_all_pods_loses_its_traffic(world: World) -> None:
    first = world.current()
    world.change("http://models/v2")
    world.settle()
    second = world.md["status"]["candidateRevision"]
    assert world.weights()[second] == 1_000
    world.broken[second] = "out of memory"
    world.turn()
    world.settle()
    assert world.weights() == {first: 10_000}
    assert "quarantine" not in world.revisions[second]["spec"]
    del world.broken[second]
    world.turn()
    world.settle()
    assert world.weights() == {first: 9_000, second: 1_000}


def test_a_router_that_cannot_be_asked_takes_nothing_away(world: World) -> None:
    world.change("http://models/v2")
    world.settle()
    weights = world.weights()
    world.live = replace(world.live, applied=False, healthy={})
    world.reconcile()
    assert world.weights() == weights


def test_not_available_while_stable_is_down(world: World) -> None:
    first = world.current()
    world.change("http://models/v2")
    world.settle()
    world.broken[first] = "gone"
    world.turn()
    world.settle()
    assert world.condition("Available") == ("False", "NoReadyPods")


def test_a_new_timeout_is_not_ready_before_it_is_in_force(world: World) -> None:
    world.md["spec"]["traffic"] = {"timeout": "30s"}
    plan = world.reconcile()
    assert plan.requeue_after is not None
    assert world.condition("Ready") == ("False", "RouterUpdating")
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")


def test_the_deadline_is_looked_at_in_time_and_only_before_the_first_step(world: World) -> None:
    world.pods_start = False
    world.change("http://models/v2")
    world.reconcile()
    plan = world.reconcile()
    assert plan.requeue_after is not None
    assert plan.requeue_after <= 600
    world.pods_start = True
    world.settle()
    world.tick(minutes=20)
    world.pods_start = False
    world.reconcile()
    assert world.condition("Stalled")[1] != "ProgressDeadlineExceeded"


def test_a_server_that_reports_no_digest_is_scaled_all_the_same() -> None:
    world = World(md=deployment(replicas=3), digest=None)
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")
    assert sum(world.ready().values()) == 3


def test_not_available_behind_a_strangers_service(world: World) -> None:
    world.conflicts = (Conflict("Service", "churn"),)
    world.reconcile()
    assert world.condition("Available") == ("False", "NameConflict")
    assert world.condition("Ready") == ("False", "NameConflict")
