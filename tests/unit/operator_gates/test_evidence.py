"""Evidence as a whole: restarts, steps, problems, clocks, bounds."""

import json
import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep_operator.api.gates import Analysis, Gate
from lockstep_operator.core.gates.evidence import MOST_STATE, Evidence, begin
from lockstep_operator.core.gates.samples import GoldenResult, ModelReading, QueryResult, Samples
from lockstep_operator.core.gates.target import Target
from operator_gates.world import START, Lookout, answer, at, model, only, routed, target

GATES = (
    Gate(metric="errorRate"),
    Gate(metric="errorRate", name="absolute", max=0.1),
    Gate(metric="latencyP99"),
    Gate(metric="predictionShift"),
    Gate(metric="shadowDisagreement", max=0.2),
    Gate(metric="goldenRequests"),
    Gate.model_validate({"metric": "prometheus", "max": 3, "prometheus": {"query": "up"}}),
)
TARGET = target(*GATES)


def samples(second: int, scale: int = 0) -> Samples:
    """Everything that gates look at, growing with the seconds."""
    n = scale or second
    mine = [answer(f"{second}-{k}", "mirror", {"y": [k]}) for k in range(10)]
    theirs = [answer(f"{second}-{k}", "split", {"y": [k if k else 9]}) for k in range(10)]
    outputs = {"y": {"0": 5 * n, "1": 5 * n}}
    return Samples(
        at(second),
        routed((10 * n, n // 20), (90 * n, n // 5)),
        (
            model("new", {0.02: 9 * n, 0.5: n}, outputs, answers=mine),
            model("old", {0.02: 80 * n, 0.5: 10 * n}, outputs, answers=theirs),
        ),
        golden={"goldenRequests": GoldenResult(3, 0)},
        queries={"prometheus": QueryResult(1.0)},
    )


def watched(seconds: range, evidence: Evidence | None = None, goal: Target = TARGET) -> Evidence:
    evidence = evidence or begin(goal, None)
    for second in seconds:
        evidence = evidence.add(samples(second))
    return evidence


def written(evidence: Evidence, second: int) -> Analysis:
    """The report as it comes back from the API server."""
    return Analysis.model_validate(json.loads(json.dumps(evidence.report(at(second)).manifest())))


def test_every_gate_reports_and_passes_when_all_is_well() -> None:
    report = watched(range(1, 60)).report(at(60))
    assert [(gate.name, gate.verdict) for gate in report.gates] == [
        (gate.title, "pass") for gate in GATES
    ]
    assert (report.step, report.since) == (1, "2026-03-01T00:00:00Z")


def test_a_restarted_operator_goes_on_where_it_was_but_passes_nothing_on_that_alone() -> None:
    before = watched(range(1, 40))
    again = begin(TARGET, written(before, 40))
    for one, other in zip(again.report(at(40)).gates, before.report(at(40)).gates, strict=True):
        assert (one.samples, one.value, one.evidence) == (
            other.samples,
            other.value,
            other.evidence,
        )
        assert one.verdict == ("pass" if one.metric == "goldenRequests" else "inconclusive")
    judged = watched(range(40, 80), again).report(at(80)).gates
    assert {one.verdict for one in judged} == {"pass"}


def test_what_was_gathered_before_and_after_a_restart_adds_up() -> None:
    again = watched(range(40, 60), begin(TARGET, written(watched(range(1, 40)), 40)))
    straight = watched(range(1, 60))
    for one, other in zip(again.report(at(60)).gates, straight.report(at(60)).gates, strict=True):
        # The first look after the restart is a baseline, so it lacks one second.
        assert 0.95 * other.samples <= one.samples <= other.samples or one.metric in (
            "goldenRequests",
            "prometheus",
            "shadowDisagreement",
        )
        assert one.verdict == other.verdict


def test_another_step_begins_anew_but_keeps_the_golden_answers() -> None:
    recorded = written(watched(range(1, 40)), 40)
    for goal in (target(*GATES, step=2), target(*GATES, since=START + timedelta(seconds=50))):
        report = begin(goal, recorded).report(at(60))
        verdicts = {gate.name: gate.verdict for gate in report.gates}
        assert verdicts.pop("goldenRequests") == "pass"
        assert set(verdicts.values()) == {"inconclusive"}


@pytest.mark.parametrize("change", [{"candidate": "newer"}, {"stable": "older"}])
def test_evidence_about_others_is_not_taken_over(change: dict[str, Any]) -> None:
    goal = target(*GATES[:4], **change)
    report = begin(goal, written(watched(range(1, 40)), 40)).report(at(60))
    assert {gate.verdict for gate in report.gates} == {"inconclusive"}


def test_a_gate_that_was_edited_begins_anew() -> None:
    recorded = written(watched(range(1, 40)), 40)
    edited = target(Gate(metric="errorRate", min_samples=10), Gate(metric="latencyP99"))
    report = begin(edited, recorded).report(at(41))
    assert [gate.samples > 0 for gate in report.gates] == [False, True]


@pytest.mark.parametrize("state", [None, "", "{", "[]", "3", '{"v":1}', '{"v":2,"id":"x"}', "null"])
def test_a_state_that_cannot_be_read_begins_anew(state: str | None) -> None:
    recorded = written(watched(range(1, 40)), 40)
    gates = [gate.model_copy(update={"state": state}) for gate in recorded.gates]
    report = begin(TARGET, recorded.model_copy(update={"gates": gates})).report(at(41))
    assert {gate.verdict for gate in report.gates} == {"inconclusive"}


def test_a_fail_stays_whatever_comes_and_after_a_restart() -> None:
    lookout = Lookout(target(GATES[0])).serve((20, 15), (100, 0), seconds=20)
    failed = lookout.status
    assert failed.verdict == "fail"
    lookout.serve((20, 0), (100, 0), seconds=100)
    assert lookout.status.message == failed.message
    again = begin(lookout.target, written(lookout.evidence, lookout.second))
    assert only(again, lookout.second) == lookout.status


def test_the_same_counts_again_change_nothing() -> None:
    lookout = Lookout(target(*GATES[:4])).serve((20, 1), (100, 2), seconds=30)
    before = lookout.evidence.report(at(99))
    for _ in range(20):
        lookout.look()
    assert lookout.evidence.report(at(99)) == before


def test_the_same_look_again_changes_nothing() -> None:
    evidence = watched(range(1, 30))
    last = samples(29)
    repeated = Samples(last.time, last.router, last.models)
    assert evidence.add(repeated).report(at(99)) == evidence.report(at(99))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_the_order_of_pods_does_not_matter(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    one, other = begin(TARGET, None), begin(TARGET, None)
    for second in range(1, 8):
        models: list[ModelReading] = []
        for pod in range(4):
            side = ("new", "old")[pod % 2]
            counts = {0.02: 5 * second * (pod + 1), 0.5: second}
            bins = {"y": {str(pod): 7 * second, "x": second}}
            models.append(model(side, counts, bins, source=f"pod-{pod}"))
        router = [*routed((9 * second, second), (50 * second, 0), "a")]
        router += routed((3 * second, 0), (20 * second, second), "b")
        one = one.add(Samples(at(second), tuple(router), tuple(models)))
        dice.shuffle(models)
        dice.shuffle(router)
        other = other.add(Samples(at(second), tuple(router), tuple(models)))
    assert one.report(at(9)) == other.report(at(9))


def test_a_problem_makes_it_inconclusive_until_samples_flow_again() -> None:
    lookout = Lookout(target(GATES[0])).serve((20, 0), (100, 0), seconds=30)
    assert lookout.status.verdict == "pass"
    lookout.look(problems={"errorRate": "no router pod answers; see its logs"})
    assert lookout.status.verdict == "inconclusive"
    assert lookout.status.message == "no router pod answers; see its logs"
    lookout.look()
    assert lookout.status.verdict == "inconclusive"
    lookout.serve((5, 0), (0, 0))
    assert lookout.status.verdict == "inconclusive"
    lookout.serve((0, 0), (30, 0))
    assert (lookout.status.verdict, lookout.status.samples) == ("pass", 605)


def test_a_problem_is_remembered_over_a_restart() -> None:
    lookout = Lookout(target(GATES[0])).serve((20, 0), (100, 0), seconds=30)
    lookout.look(problems={"errorRate": "no router pod answers; see its logs"})
    again = begin(lookout.target, written(lookout.evidence, lookout.second))
    assert only(again).verdict == "inconclusive"
    assert only(again).message == "no router pod answers; see its logs"


def test_harm_during_a_problem_is_not_concluded_but_not_forgotten() -> None:
    lookout = Lookout(target(GATES[0])).serve((20, 0), (100, 0), seconds=10)
    trouble = {"errorRate": "pods of stable cannot be read; see their logs"}
    lookout.serve((20, 20), (100, 0), seconds=30, problems=trouble)
    assert lookout.status.verdict == "inconclusive"
    assert lookout.serve((20, 20), (100, 0), seconds=10).status.verdict == "fail"


def test_a_clock_that_jumps_does_no_harm() -> None:
    evidence, dice = begin(target(GATES[0]), None), random.Random(3)  # noqa: S311
    for n in range(200):
        second = n + (-7200 if dice.random() < 0.1 else 0) + (7200 if dice.random() < 0.1 else 0)
        evidence = evidence.add(Samples(at(second), routed((10 * n, n // 9), (90 * n, n))))
    assert only(evidence).verdict == "pass"


def test_a_slice_that_took_an_hour_is_one_slice() -> None:
    evidence = begin(target(GATES[0]), None)
    for second, n in ((1, 0), (2, 10), (3602, 9000)):
        evidence = evidence.add(Samples(at(second), routed((n, n // 2), (10 * n, 0))))
    status = only(evidence)
    assert status.verdict == "inconclusive"
    assert status.message.startswith(
        "errorRate 0.5, limit 0.01 (stable 0 + 0.01), 9000 requests; ov"
    )
    assert status.evidence is not None
    assert 0.1 < status.evidence < 0.5


@pytest.mark.parametrize(("errors", "verdict", "evidence"), [(0, "pass", 0.0), (50, "fail", 1.0)])
def test_evidence_is_published_as_a_share(errors: int, verdict: str, evidence: float) -> None:
    lookout = Lookout(target(GATES[0])).serve((100, errors), (900, 0), seconds=120)
    assert (lookout.status.verdict, lookout.status.evidence) == (verdict, evidence)


def test_before_the_first_step_only_golden_requests_are_asked() -> None:
    evidence = watched(range(1, 30), goal=target(*GATES, step=0))
    verdicts = {gate.name: gate.verdict for gate in evidence.report(at(30)).gates}
    assert verdicts.pop("goldenRequests") == "pass"
    assert set(verdicts.values()) == {"inconclusive"}


def test_nothing_happens_without_candidate_or_stable() -> None:
    for goal in (TARGET, target(*GATES, stable=None)):
        evidence = begin(goal, None)
        for second in range(1, 30):
            evidence = evidence.add(Samples(at(second)))
        assert {gate.verdict for gate in evidence.report(at(30)).gates} == {"inconclusive"}


def test_the_state_stays_within_its_bound() -> None:
    def look(n: int) -> Samples:
        # Control characters are the longest in JSON; long labels; more bins and outputs than fit.
        outputs = {
            f"output {k}": {f'"\\\n{k}-{j}' * 20: 10**6 * n + j for j in range(70)}
            for k in range(40)
        }
        numbers = {
            f"number {k}": {repr(10 ** (j / 10)): 10**8 * n for j in range(-60, 60)}
            for k in range(9)
        }
        models = tuple(
            model(side, {0.02: 10**9 * n, 0.05: 3}, {**outputs, **numbers}, numeric=list(numbers))
            for side in ("new", "old")
        )
        trouble = {gate.title: '"\\' * 5000 for gate in GATES}
        return Samples(at(n), routed((10**9 * n, n), (10**9 * n, 0)), models, problems=trouble)

    evidence = begin(TARGET, None)
    for n in range(1, 6):
        evidence = evidence.add(look(n))
    for gate in evidence.report(at(9)).gates:
        assert gate.state is not None
        assert len(gate.state) <= MOST_STATE
        assert len(gate.message) <= 1024


def test_one_output_with_many_bins_stays_within_the_bound_and_goes_on() -> None:
    gate = Gate(metric="predictionShift")
    evidence = begin(target(gate), None)
    for n in range(1, 30):
        bins = {"y": {f"{'long label ' * 9}{j}": 10**9 * n + j for j in range(500)}}
        models = (model("new", {}, bins), model("old", {}, bins))
        evidence = evidence.add(Samples(at(n), models=models))
    status = only(evidence)
    assert status.state is not None
    assert len(status.state) <= MOST_STATE
    assert status.verdict == "pass"
    assert only(begin(target(gate), written(evidence, 40))).samples == status.samples
