"""What a revision's status keeps of the gates: those of the step at hand, and the last results."""

from lockstep_operator.api.gates import Analysis, EvaluationRecord, GateResult
from lockstep_operator.api.modelrevision import ModelRevisionStatus
from lockstep_operator.core.facts import Facts
from lockstep_operator.core.revisions import Revision
from lockstep_operator.core.times import format_time
from lockstep_operator.core.weights import to_percent

KEPT = 10


def analysis_of(facts: Facts, revision: Revision, before: ModelRevisionStatus) -> Analysis | None:
    """Return the gates' state; it goes with the end of the rollout: another begins anew."""
    candidate = facts.candidate
    if candidate is None or candidate.name != revision.name:
        return None
    return facts.analysis or (None if facts.orders.aborted else before.analysis)


def evaluations_of(
    facts: Facts, revision: Revision, before: ModelRevisionStatus
) -> list[EvaluationRecord]:
    """Return the kept evaluations, with one more where a verdict changed or a step began."""
    candidate, now = facts.candidate, facts.analysis
    if candidate is None or candidate.name != revision.name or now is None or not now.gates:
        return before.evaluations
    record = _record(facts, now)
    last = _last_of_this_step(before, now)
    if last is not None and _verdicts(last) == _verdicts(record):
        return before.evaluations
    return [*before.evaluations, record][-KEPT:]


def _last_of_this_step(status: ModelRevisionStatus, now: Analysis) -> EvaluationRecord | None:
    last = status.evaluations[-1] if status.evaluations else None
    return last if last and (last.since, last.step) == (now.since, now.step) else None


def _record(facts: Facts, analysis: Analysis) -> EvaluationRecord:
    return EvaluationRecord(
        time=format_time(facts.now),
        since=analysis.since,
        step=analysis.step,
        weight=to_percent(facts.weight(facts.desired.name)),
        gates=[
            GateResult(
                name=gate.name,
                verdict=gate.verdict,
                value=gate.value,
                stable_value=gate.stable_value,
                samples=gate.samples,
                message=gate.message,
            )
            for gate in analysis.gates
        ],
    )


def _verdicts(record: EvaluationRecord) -> dict[str, str]:
    return {gate.name: gate.verdict for gate in record.gates}
