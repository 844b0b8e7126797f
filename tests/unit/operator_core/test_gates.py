"""Verdicts and the rollout: what passes goes on, what is not known stays, what harms goes."""

from datetime import timedelta
from typing import Any

import pytest

from operator_core.world import World, deployment

GATES = [{"metric": "errorRate"}, {"metric": "latencyP99"}]
GOLDEN = [{"metric": "goldenRequests"}]
PASS = {"errorRate": "pass", "latencyP99": "pass", "goldenRequests": "pass"}
STEPS = [{"weight": 5, "hold": "1m"}, {"weight": 50, "hold": "1m"}]


def judged(gates: list[dict[str, Any]] | None = None, **rollout: Any) -> World:
    """Version 1 is stable, version 2 at its first step."""
    rollout = {"steps": STEPS, "gates": GATES if gates is None else gates, **rollout}
    world = World(md=deployment(rollout=rollout), verdicts={"goldenRequests": "pass"})
    world.settle()
    world.change("http://models/v2")
    world.settle()
    return world


def test_inconclusive_holds_the_step_and_says_which_gate() -> None:
    world = judged()
    world.verdicts = {"errorRate": "pass"}
    world.tick(hours=5)
    assert world.weights()[world.candidate()] == 500
    assert world.phase() == "Inconclusive"
    assert world.condition("Ready") == ("False", "GatesInconclusive")
    message = world.md["status"]["rollout"]["message"]
    assert "latencyP99" in message
    assert "errorRate" not in message


def test_all_pass_goes_on_to_promotion() -> None:
    world = judged()
    world.verdicts = PASS
    for _ in range(3):
        world.tick(seconds=61)
    assert world.condition("Ready") == ("True", "Serving")


@pytest.mark.parametrize("paused", [False, True])
def test_a_fail_quarantines_at_once_also_in_a_pause(paused: bool) -> None:
    world = judged()
    stable, name = world.current(), world.candidate()
    world.md["spec"]["paused"] = paused
    world.settle()
    world.verdicts = PASS | {"latencyP99": "fail"}
    world.settle()
    mark = world.revisions[name]["spec"]["quarantine"]
    assert mark["by"] == "lockstep-operator"
    assert "latencyP99" in mark["reason"]
    assert world.weights() == {stable: 10_000}
    assert world.condition("Ready") == ("False", "SpecQuarantined")
    assert world.condition("Available")[0] == "True"
    assert any(event.startswith("GateFailed") for event in world.events)


def test_the_mark_is_written_before_the_traffic_goes() -> None:
    world = judged()
    name = world.candidate()
    world.verdicts = {"errorRate": "fail"}
    plan = world.plan()
    kept = plan.revision_statuses[name]["evaluations"]
    assert kept[-1]["gates"][0]["verdict"] == "fail"
    assert [patch.name for patch in plan.patches] == [name]
    assert plan.route is not None
    assert {one.revision: one.weight for one in plan.route.backends} == dict(world.live.weights)


def test_a_released_revision_is_judged_anew_from_step_one() -> None:
    world = judged()
    name = world.candidate()
    world.verdicts = PASS
    world.tick(seconds=61)
    world.verdicts = PASS | {"errorRate": "fail"}
    world.settle()
    assert "analysis" not in world.revisions[name]["status"]
    world.verdicts = {}
    world.release(name)
    world.settle()
    assert world.weights()[name] == 500
    assert world.phase() == "Progressing"


def test_results_are_kept_when_a_verdict_changes() -> None:
    world = judged()
    name = world.candidate()
    world.settle()
    world.verdicts = PASS
    world.settle()
    world.settle()
    world.verdicts = PASS | {"errorRate": "fail"}
    world.settle()
    kept = world.revisions[name]["status"]["evaluations"]
    assert [record["gates"][0]["verdict"] for record in kept] == ["inconclusive", "pass", "fail"]


def test_golden_requests_come_before_the_first_request() -> None:
    world = judged(GOLDEN)
    world.verdicts = {}
    world.change("http://models/v3")
    world.settle()
    name = world.candidate()
    assert not world.weights().get(name)
    assert world.phase() == "Inconclusive"
    assert world.live.mirror is None
    world.verdicts = PASS
    world.settle()
    assert world.weights()[name] == 500


def test_golden_requests_come_first_in_a_first_deployment_too() -> None:
    world = World(md=deployment(rollout={"gates": GOLDEN}))
    world.settle()
    assert world.weights() == {}
    assert world.condition("Available")[0] == "False"
    world.verdicts = {"goldenRequests": "fail"}
    world.settle()
    assert world.weights() == {}
    assert world.condition("Ready") == ("False", "SpecQuarantined")


def test_other_gates_do_not_hold_a_first_deployment() -> None:
    world = World(md=deployment(rollout={"gates": GATES}))
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")


def test_the_analysis_deadline_stops_and_a_person_decides() -> None:
    world = judged(analysisDeadline="10m")
    name = world.candidate()
    world.order(name, approvals=[{"step": 1}])
    world.tick(minutes=10)
    assert world.phase() == "Inconclusive"
    world.tick(minutes=2)
    assert world.phase() == "AnalysisDeadlineExceeded"
    assert world.condition("Stalled") == ("True", "AnalysisDeadlineExceeded")
    assert world.weights()[name] == 500
    assert not world.revisions[name]["spec"]["rollout"].get("approvals"), "given for another case"
    world.order(name, approvals=[{"step": 1}])
    world.settle()
    assert world.weights()[name] == 5_000


def test_a_gate_that_is_added_in_mid_step_counts() -> None:
    world = judged([])
    world.md["spec"]["rollout"]["gates"] = GATES
    world.tick(hours=1)
    assert world.phase() == "Inconclusive"


def test_promoted_by_order_does_not_ask_the_gates() -> None:
    world = judged()
    name = world.candidate()
    world.order(name, promote={})
    world.settle()
    assert world.weights() == {name: 10_000}


def test_reverting_to_the_warm_one_does_not_ask_the_gates() -> None:
    world = judged()
    first = world.current()
    world.order(world.candidate(), promote={})
    world.settle()
    world.change("http://models/v1")
    world.settle()
    assert world.weights() == {first: 10_000}


def test_lost_status_never_advances() -> None:
    world = judged()
    world.verdicts = PASS
    world.tick(seconds=50)
    name = world.candidate()
    world.md.pop("status")
    for one in world.revisions.values():
        one.pop("status", None)
    world.settle()
    world.tick(seconds=50)
    assert world.weights()[name] == 500
    world.tick(seconds=20)
    assert world.weights()[name] == 5_000


def test_a_candidate_is_judged_while_somebody_waits_for_an_older_one() -> None:
    world = World(md=deployment(rollout={"steps": STEPS, "gates": GATES}), verdicts=dict(PASS))
    world.settle()
    first = world.current()
    second = world.promoted("http://models/v2")
    world.tick(hours=2)
    world.broken[first] = "its image is gone"
    world.change("http://models/v3")
    world.settle()
    third = world.candidate()
    world.restore(first, second)
    world.tick(minutes=1)
    assert world.weights()[third] > 0
    world.verdicts["errorRate"] = "fail"
    world.settle()
    assert "quarantine" in world.revisions[third]["spec"]
    assert world.weights() == {second: 10_000}


def test_a_clock_behind_the_one_before_holds_no_verdict_up() -> None:
    world = judged()
    name = world.candidate()
    world.now -= timedelta(minutes=5)
    world.verdicts = {"errorRate": "fail"}
    world.settle()
    assert "quarantine" in world.revisions[name]["spec"]
    assert len(world.revisions[name]["status"]["evaluations"]) <= 3
