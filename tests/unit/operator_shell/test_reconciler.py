from types import SimpleNamespace

import pytest

from lockstep_operator.api.gates import Analysis
from lockstep_operator.core.errors import (
    Conflict,
    Invalid,
    LockstepError,
    NameConflict,
    Unavailable,
)
from lockstep_operator.core.plan import Conflict as Clash
from lockstep_operator.core.plan import Event, Plan, Ref, RevisionPatch
from operator_shell.manifests import NAMESPACE, build, child, deployment, labels, revision
from operator_shell.reconciling import KEY, ROUTE, World


@pytest.fixture
def world():
    world = World()
    world.have(deployment())
    return world


async def test_gathers_what_belongs_to_it(world):
    world.have(revision())
    world.have(revision("fraud-1", "fraud"))
    world.have(build("Service", "s", metadata={"labels": labels()}))
    world.have(build("Service", "other", metadata={"labels": labels("fraud")}))
    world.have(build("Pod", "p", metadata={"labels": labels(component="model")}))
    world.have(build("Pod", "r", metadata={"labels": labels(None, "router")}))
    await world.reconcile()
    [observed] = world.seen
    assert observed.deployment["metadata"]["name"] == "churn"
    assert [one["metadata"]["name"] for one in observed.revisions] == ["churn-1a2b3c4d"]
    assert list(observed.children) == [("Service", "s")]
    assert [one["metadata"]["name"] for one in observed.pods] == ["p"]
    assert observed.route is world.provider.live


async def test_writes_in_order(world):
    world.have(revision("churn-old"))
    old = world.store.get("ModelRevision", NAMESPACE, "churn-old")
    world.have(build("Service", "stale", metadata={"labels": labels()}))
    world.plans = [
        Plan(
            creates=(revision(),),
            children=(child(),),
            route=ROUTE,
            patches=(
                RevisionPatch("churn-old", old["metadata"]["resourceVersion"], {"spec": {"a": 1}}),
            ),
            prune=(Ref("Service", "stale"),),
            status={"stableRevision": "x"},
            revision_statuses={"churn-old": {"role": "warm"}},
            events=(Event("Promoted", "so it is"),),
        )
    ]
    assert await world.reconcile() == 0.0
    assert [call for call in world.api.calls if not call.startswith("get")] == [
        "create ModelRevision churn-1a2b3c4d",
        "route churn 1",
        "patch ModelRevision churn-old",
        "apply Service churn-1a2b3c4d",
        "delete Service stale",
        next(call for call in world.api.calls if call.startswith("create Event")),
        "patch ModelRevision/status churn-old",
        "patch ModelDeployment/status churn",
    ]


async def test_an_event_is_told_though_the_status_has_to_be_written_twice(world):
    world.plans = [Plan(events=(Event("Promoted", "so it is"),), status={"a": 1}), Plan()]
    world.api.fail("patch", "ModelDeployment/status", Conflict("the answer got lost"))
    await world.reconcile()
    assert any(call.startswith("create Event") for call in world.api.calls)


def told(world, reason):
    """How often the Events of a reason were counted."""
    found = [one for key, one in world.api.objects.items() if key[0] == "Event"]
    return [one["count"] for one in found if one["reason"] == reason]


async def test_an_event_is_told_once_until_the_status_says_it_and_then_anew(world):
    world.plans = [Plan(events=(Event("Promoted", "so it is"),), status={"a": 1})]
    world.api.fail("patch", "ModelDeployment/status", Conflict("the answer got lost"))
    await world.reconcile()
    assert len(world.seen) == 2
    assert told(world, "Promoted") == [1]
    await world.reconcile()
    assert told(world, "Promoted") == [2]


async def test_what_a_written_mark_brings_is_told_though_the_pass_fails_later(world):
    world.have(revision("churn-old"))
    version = world.store.get("ModelRevision", NAMESPACE, "churn-old")["metadata"]
    patch = RevisionPatch("churn-old", version["resourceVersion"], {"spec": {"a": 1}})
    events = (
        Event("GateFailed", "slow", mark="churn-old"),
        Event("ApprovalRefused", "no such step", mark="churn-other"),
        Event("Promoted", "so it is"),
    )
    world.plans = [Plan(patches=(patch,), children=(child(),), events=events), Plan()]
    world.api.fail("apply", "Service", Conflict("changed"))
    await world.reconcile()
    assert told(world, "GateFailed") == [1]
    assert not told(world, "ApprovalRefused")
    assert not told(world, "Promoted"), "told by the next plan, from the status"


async def test_comes_back_when_the_plan_says(world):
    world.plans = [Plan(requeue_after=7.5)]
    assert await world.reconcile() == 7.5
    world.plans = [Plan()]
    assert await world.reconcile() is None


async def test_plans_again_at_once_when_something_changed(world):
    world.plans = [Plan(children=(child(port=1),), status={"a": 1})]
    world.api.fail("apply", "Service", Conflict("changed"))
    await world.reconcile()
    assert len(world.seen) == 2
    assert world.api.writes()[-1] == "patch ModelDeployment/status churn"


async def test_gives_up_for_now_when_it_changes_for_ever(world):
    world.plans = [Plan(route=ROUTE)]
    world.provider.errors = [Conflict("changed")] * 100
    with pytest.raises(Conflict):
        await world.reconcile()
    assert len(world.seen) == 6


async def test_a_name_conflict_stops_nothing_else_and_is_reported(world):
    world.api.seed(build("Service", "taken"))

    def plan(observed):
        status = {"conflicts": [clash.name for clash in observed.conflicts]}
        return Plan(children=(child(name="taken"), child(name="free")), route=ROUTE, status=status)

    world.plans = [plan]
    delay = await world.reconcile()
    assert "apply Service free" in world.api.calls
    assert "apply Service taken" not in world.api.calls
    assert world.seen[-1].conflicts == (Clash("Service", "taken"),)
    status = world.api.objects[("ModelDeployment", NAMESPACE, "churn")]["status"]
    assert status == {"conflicts": ["taken"]}
    assert delay == 30.0


async def test_a_name_conflict_at_the_router_is_one_too(world):
    world.provider.errors = [NameConflict("Service", "churn")]
    world.plans = [Plan(route=ROUTE, children=(child(),))]
    await world.reconcile()
    assert world.seen[-1].conflicts == (Clash("Service", "churn"),)
    assert "apply Service churn-1a2b3c4d" in world.api.calls


async def test_a_refused_object_stops_nothing_else_and_is_told(world):
    world.api.fail("apply", "Service", Invalid("spec.port: must be a port"))
    world.plans = [Plan(children=(child(name="a"), child(name="b")), requeue_after=0.25)]
    assert await world.reconcile() == 1.0
    assert "apply Service b" in world.api.calls
    [refusal] = world.seen[-1].refusals
    assert refusal.message == "spec.port: must be a port"
    [event] = [one for key, one in world.api.objects.items() if key[0] == "Event"]
    assert (event["reason"], event["type"]) == ("WriteRefused", "Warning")


async def test_a_silent_server_ends_the_pass(world):
    world.api.fail("apply", "Service", Unavailable("down"))
    world.plans = [Plan(children=(child(name="a"), child(name="b")))]
    with pytest.raises(Unavailable):
        await world.reconcile()
    assert "apply Service b" not in world.api.calls


async def test_an_event_that_cannot_be_written_fails_nothing(world):
    world.api.fail("create", "Event", Unavailable("down"))
    world.plans = [Plan(events=(Event("A", "a"),), requeue_after=3.0)]
    assert await world.reconcile() == 3.0


async def test_a_deployment_the_store_does_not_know_is_looked_up(world):
    world.store.remove(deployment(version=10**6))
    world.api.seed(deployment(uid="again", metadata={"resourceVersion": "0"}))
    await world.reconcile()
    assert len(world.seen) == 1


async def test_publishes_weights_and_conditions_until_it_is_gone(world):
    status = {
        "stableRevision": "a",
        "candidateRevision": "b",
        "traffic": [{"revision": "a", "weight": 90.0}, {"revision": "b", "weight": 10.0}],
        "conditions": [{"type": "Ready", "status": "False"}],
    }
    world.plans = [Plan(status=status)]
    await world.reconcile()
    labelled = b'{model_deployment="churn",namespace="shop",'
    text = world.metrics.exposition()
    assert b"lockstep_traffic_weight_percent" + labelled + b'role="candidate"} 10.0' in text
    assert b"lockstep_condition" + labelled + b'type="Ready"} 0.0' in text
    del world.api.objects[("ModelDeployment", NAMESPACE, "churn")]
    world.store.remove(deployment(version=10**6, uid="uid-ModelDeployment-churn"))
    await world.reconcile()
    assert b"churn" not in world.metrics.exposition()
    assert "finalize churn 0" in world.api.calls


async def test_an_unexpected_error_is_not_hidden(world):
    world.provider.errors = [LockstepError("odd")]
    world.plans = [Plan(route=ROUTE)]
    with pytest.raises(LockstepError, match="odd"):
        await world.reconcile()


async def test_the_plan_is_made_with_what_the_gates_say(world, monkeypatch):
    said = Analysis(step=2, since="2026-01-02T00:00:00Z")
    found = Analysis(step=1, since="2026-01-01T00:00:00Z")
    monkeypatch.setattr("lockstep_operator.shell.reconciler.target_of", lambda _: judged)
    judged = SimpleNamespace(candidate="churn-1a2b3c4d")
    world.have(revision(status={"analysis": found.manifest()}))
    world.looks.analysis = said
    await world.reconcile()
    [observed] = world.seen
    assert observed.analysis is said
    assert world.looks.asked == [(KEY, judged, found)]


async def test_comes_back_for_the_next_look(world):
    world.plans = [Plan(requeue_after=60.0)]
    world.looks.next = 2.0
    assert await world.reconcile() == 2.0
    world.plans = [Plan()]
    assert await world.reconcile() == 2.0


async def test_numbers_of_an_analysis_are_not_written_each_time(world):
    def status(samples):
        gate = {"name": "errorRate", "verdict": "pass", "samples": samples}
        analysis = {"step": 1, "since": "x", "gates": [gate]}
        return Plan(revision_statuses={"churn-1a2b3c4d": {"analysis": analysis}})

    world.have(revision())
    world.plans = [status(1), status(2), status(3)]
    for _ in range(3):
        await world.reconcile()
    assert world.api.calls.count("patch ModelRevision/status churn-1a2b3c4d") == 1
