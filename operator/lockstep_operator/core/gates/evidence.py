"""Evidence about a candidate at one step: from looks at what it does to verdicts of its gates."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from lockstep_operator.api.gates import GOLDEN_REQUESTS, LATENCIES, Analysis, Gate, GateStatus
from lockstep_operator.core.gates.disagreement import Disagreement
from lockstep_operator.core.gates.golden import Golden
from lockstep_operator.core.gates.judging import Finding, Judge, Look, least_samples, short
from lockstep_operator.core.gates.latency import Latency
from lockstep_operator.core.gates.queries import Query
from lockstep_operator.core.gates.rates import ErrorRate
from lockstep_operator.core.gates.samples import Answer, Samples
from lockstep_operator.core.gates.shift import Shift
from lockstep_operator.core.gates.slices import MOST_COUNTS, MOST_TOGETHER, Side, Slices
from lockstep_operator.core.gates.target import Target
from lockstep_operator.core.times import format_time, parse_time

# Most characters of a gate's state: the API's limit.
MOST_STATE = 16_384
_LARGEST = 1e15
_PROMETHEUS, _PREDICTION_SHIFT = "prometheus", "predictionShift"
_RESTARTED = "the operator was restarted: waiting for as many new samples as it takes to pass"
# Of the state; another one is not understood and begins anew.
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Watch:
    """A gate, its judge, and what stands above the judge's finding.

    Attributes:
        problem: why the gate cannot be computed; holds until new samples come.
        before: samples of candidate and stable when the problem was last seen.
        failed: the finding that made it fail, which stays.
    """

    gate: Gate
    target: Target
    judge: Judge
    problem: str | None = None
    before: tuple[int, int] = (0, 0)
    failed: Finding | None = None

    @property
    def active(self) -> bool:
        """Whether this step asks the gate: before the first only golden requests are."""
        return self.gate.metric == GOLDEN_REQUESTS or self.target.step > 0

    def add(self, look: Look, problem: str | None) -> "Watch":
        """Return the watch after this look; `problem`: why it lacks what the gate needs."""
        if self.failed or not self.active:
            return self
        judge = self.judge.add(look)
        found = judge.finding()
        counts = (found.samples, found.stable_samples)
        if problem is not None:
            return replace(self, judge=judge, problem=problem, before=counts)
        solved = self.problem is None or self._flows(counts)
        return replace(
            self,
            judge=judge,
            problem=None if solved else self.problem,
            failed=found if found.verdict == "fail" else None,
        )

    def _flows(self, counts: tuple[int, int]) -> bool:
        """Return whether samples came since the problem, of both sides where both had some."""
        ours, theirs = counts
        return ours > self.before[0] and (theirs > self.before[1] or not self.before[1])

    def finding(self) -> Finding:
        """Return what is to be reported."""
        if self.failed:
            return self.failed
        if not self.active:
            return Finding("inconclusive", "begins with the first step")
        found = self.judge.finding()
        if self.problem is not None:
            return replace(found, verdict="inconclusive", message=self.problem)
        return found

    def due(self, now: datetime) -> bool:
        """Return whether its golden requests or its query are to be asked now."""
        return self.active and not self.failed and self.judge.due(now)

    def status(self, now: datetime) -> GateStatus:
        """Return what is written to the status."""
        found = self.finding()
        return GateStatus(
            name=self.gate.title,
            metric=self.gate.metric,
            verdict=found.verdict,
            message=short(found.message),
            value=_writable(found.value),
            stable_value=_writable(found.stable_value),
            limit=_writable(found.limit),
            samples=found.samples,
            stable_samples=found.stable_samples,
            evidence=None if found.evidence is None else min(1.0, max(0.0, found.evidence)),
            evaluated_at=format_time(now),
            state=self._state(),
        )

    def _state(self) -> str | None:
        state = {
            "v": _FORMAT,
            "id": _identity(self.gate, self.target),
            "judge": None if self.failed else self.judge.state(),
            "problem": short(self.problem) if self.problem else None,
            "failed": _packed(self.failed) if self.failed else None,
        }
        text = json.dumps(state, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text if len(text) <= MOST_STATE else None

    def resume(self, recorded: GateStatus) -> "Watch":
        """Return the watch with what was recorded; as it is when that is of another question."""
        try:
            state = json.loads(recorded.state or "null")
            if not state or state["v"] != _FORMAT:
                return self
            if state["id"] != _identity(self.gate, self.target):
                return self
            failed = Finding(**state["failed"]) if state["failed"] else None
            if failed or self.gate.metric == GOLDEN_REQUESTS:
                judge = self.judge if failed else self.judge.resume(state["judge"])
                return replace(self, judge=judge, problem=state["problem"], failed=failed)
            return self._after_restart(self.judge.resume(state["judge"]), state["problem"])
        except (ValueError, KeyError, TypeError, AttributeError):
            # Written by another build, or by hand: evidence that is lost may delay, never advance.
            return self

    def _after_restart(self, judge: Judge, problem: str | None) -> "Watch":
        """Go on from what was recorded, but pass nothing on that alone.

        What the last operator saw after its last write is lost, and may have been harm.
        """
        found = judge.finding()
        needed = 1 if self.gate.metric == _PROMETHEUS else least_samples(self.gate)
        before = (found.samples + needed - 1, found.stable_samples)
        return replace(self, judge=judge, problem=problem or _RESTARTED, before=before)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about the candidate at this step. Immutable; make one with `begin`."""

    target: Target
    slices: Slices
    watches: tuple[Watch, ...]

    def add(self, samples: Samples) -> "Evidence":
        """Return the evidence after one more look.

        The first look at a process only says where its counters stand; so does the first one after
        `begin` of a recorded analysis.
        """
        slices, candidate, stable = self.slices.advance(samples.router, samples.models)
        samples = replace(samples, problems={**self._excess(slices), **samples.problems})
        answers = _answers(self.target, samples)
        watches = (
            watch.add(
                _look(samples, watch.gate, (candidate, stable), answers),
                samples.problems.get(watch.gate.title),
            )
            for watch in self.watches
        )
        return replace(self, slices=slices, watches=tuple(watches))

    def _excess(self, slices: Slices) -> dict[str, str]:
        """Return why the gates that read model servers cannot be computed, by gate."""
        sentences = [
            f"a model server of {revision} tells more than {MOST_COUNTS} counts, or all together "
            f"more than {MOST_TOGETHER}, which are too many to compare; use Lockstep's model "
            "server, or gates that do not need it"
            for revision in sorted(slices.excess)
        ]
        gates = (watch.gate for watch in self.watches)
        asked = [one.title for one in gates if one.metric in (*LATENCIES, _PREDICTION_SHIFT)]
        return dict.fromkeys(asked, sentences[0]) if sentences else {}

    def report(self, now: datetime) -> Analysis:
        """Return verdict, numbers, message and state of each gate, in the gates' order."""
        return Analysis(
            step=self.target.step,
            since=format_time(self.target.since),
            gates=[watch.status(now) for watch in self.watches],
        )

    def due(self, now: datetime) -> frozenset[str]:
        """Return the names of the gates whose golden requests or query are to be asked now."""
        return frozenset(watch.gate.title for watch in self.watches if watch.due(now))


def begin(target: Target, recorded: Analysis | None) -> Evidence:
    """Return the evidence to go on with at this step.

    Args:
        target: the candidate and its step.
        recorded: the last report, of this step or another one. Evidence is of one step; only the
            answers to golden requests hold for all of them.
    """
    watches = []
    for gate in target.gates:
        watch = Watch(gate, target, _judge(gate, target))
        old = _recorded(target, gate, recorded)
        watches.append(watch.resume(old) if old else watch)
    stable = (target.stable, "split") if target.stable else None
    return Evidence(target, Slices((target.candidate, target.assignment), stable), tuple(watches))


def _recorded(target: Target, gate: Gate, recorded: Analysis | None) -> GateStatus | None:
    if recorded is None:
        return None
    same = recorded.step == target.step and parse_time(recorded.since) == target.since
    found = (status for status in recorded.gates if status.name == gate.title)
    return next(found, None) if same or gate.metric == GOLDEN_REQUESTS else None


def _judge(gate: Gate, target: Target) -> Judge:
    if gate.metric in LATENCIES:
        return Latency.begin(gate, target)
    match gate.metric:
        case "errorRate":
            return ErrorRate.begin(gate, target)
        case "predictionShift":
            return Shift.begin(gate, target)
        case "shadowDisagreement":
            return Disagreement.begin(gate, target)
        case "goldenRequests":
            return Golden(gate, target)
        case _:
            return Query(gate, target)


def _look(
    samples: Samples,
    gate: Gate,
    sides: tuple[Side, Side],
    answers: tuple[tuple[Answer, ...], tuple[Answer, ...]],
) -> Look:
    return Look(
        time=samples.time,
        candidate=sides[0],
        stable=sides[1],
        candidate_answers=answers[0],
        stable_answers=answers[1],
        golden=samples.golden.get(gate.title),
        query=samples.queries.get(gate.title),
        complete=gate.title not in samples.problems,
    )


def _answers(target: Target, samples: Samples) -> tuple[tuple[Answer, ...], tuple[Answer, ...]]:
    """Return the candidate's answers to mirrored requests, and stable's to users' requests."""

    def of(revision: str | None, assignment: str) -> tuple[Answer, ...]:
        return tuple(
            answer
            for model in samples.models
            if model.revision == revision
            for answer in model.answers
            if answer.assignment == assignment
        )

    return of(target.candidate, "mirror"), of(target.stable, "split")


def _identity(gate: Gate, target: Target) -> str:
    """Return what tells questions apart: evidence on one says nothing about another."""
    parts: list[Any] = [gate.manifest(), target.candidate]
    if gate.metric != GOLDEN_REQUESTS:
        parts += [target.stable, target.assignment]
    text = json.dumps(parts, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _packed(found: Finding) -> Mapping[str, Any]:
    numbers = ("value", "stable_value", "limit", "evidence")
    return {
        **{name: _writable(getattr(found, name)) for name in numbers},
        "verdict": found.verdict,
        "message": short(found.message),
        "samples": found.samples,
        "stable_samples": found.stable_samples,
    }


def _writable(value: float | None) -> float | None:
    """Return the number as the API takes it: finite, or absent."""
    if value is None or math.isnan(value):
        return None
    return min(_LARGEST, max(-_LARGEST, value))
