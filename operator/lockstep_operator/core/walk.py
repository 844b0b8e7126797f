"""The steps of a rollout, one after the other.

Time held at a step counts from when the router was seen to carry the weight, and is kept in the
status: losing it restarts the hold of the same step.
"""

from datetime import datetime
from typing import Any

from lockstep_operator.api.modeldeployment import Phase
from lockstep_operator.api.modelrevision import Approval
from lockstep_operator.core.decision import Decision
from lockstep_operator.core.facts import Facts
from lockstep_operator.core.judgement import unanswered, undecided
from lockstep_operator.core.steps import (
    can_carry,
    current_step,
    split,
    started_at,
    step_weight,
    waits_for,
)
from lockstep_operator.core.times import parse_duration
from lockstep_operator.core.weights import FULL, pods_needed, to_percent

OVERDUE: Phase = "AnalysisDeadlineExceeded"


def walk_steps(facts: Facts) -> Decision | None:
    """Hold each step for its time and until its gates pass, then take the next; then promote."""
    step = current_step(facts)
    if step == 0:
        return _take_step(facts, 0)
    started = started_at(facts, step)
    if started is None:
        weight = step_weight(facts, step)
        return Decision(
            weights=split(facts, weight),
            phase="Progressing",
            step=step,
            message=f"waiting for the router to carry {to_percent(weight)} %",
        )
    return _hold(facts, step, started) or _take_step(facts, step, started)


def _hold(facts: Facts, step: int, started: datetime) -> Decision | None:
    """Return what the step waits for, None when it is over."""
    wanted = facts.steps[step - 1]
    until = started + parse_duration(wanted.hold)
    if facts.now < until:
        message = f"holding {wanted.weight:g} %"
        return _stay(facts, step, started, "Progressing", message, hold_until=until, wake_at=until)
    if open_gates := undecided(facts):
        return _hold_for_gates(facts, step, started, until, open_gates)
    if wanted.approval and not _approved(facts, step):
        message = f"waiting for an approval of step {step}"
        return _stay(facts, step, started, "AwaitingApproval", message, hold_until=until)
    return None


def _hold_for_gates(
    facts: Facts, step: int, started: datetime, until: datetime, open_gates: str
) -> Decision | None:
    limit = facts.spec.rollout.analysis_deadline
    deadline = until + parse_duration(limit) if limit else None
    if deadline is None or facts.now < deadline:
        return _stay(
            facts, step, started, "Inconclusive", open_gates, hold_until=until, wake_at=deadline
        )
    if recorded_phase(facts) == OVERDUE and _approved(facts, step):
        return None
    message = f"not decided within analysisDeadline: {open_gates}"
    return _stay(facts, step, started, OVERDUE, message, hold_until=until)


def _stay(
    facts: Facts, step: int, started: datetime, phase: Phase, message: str, **times: Any
) -> Decision:
    return Decision(
        weights=split(facts, step_weight(facts, step)),
        phase=phase,
        step=step,
        step_started_at=started,
        message=message,
        **times,
    )


def _approved(facts: Facts, step: int) -> bool:
    return any(one.step == step for one in facts.orders.approvals)


def counted_approval(facts: Facts, decision: Decision) -> Approval | None:
    """Return the approval that lets the step at hand end with this decision, None for none."""
    recorded, steps = facts.recorded, facts.steps
    if recorded is None or not 1 <= recorded.step <= len(steps):
        return None
    promoted = decision.promote is not None and decision.step == recorded.step
    wanted = steps[recorded.step - 1].approval or recorded.phase == OVERDUE
    if not wanted or not (promoted or decision.step > recorded.step):
        return None
    given = (one for one in facts.orders.approvals if one.step == recorded.step)
    return next(given, None)


def recorded_phase(facts: Facts) -> Phase | None:
    """Return the phase that was reported last of this candidate's rollout."""
    return facts.recorded.phase if facts.recorded else None


def _take_step(facts: Facts, step: int, started: datetime | None = None) -> Decision:
    """Move from `step` to the next, or promote after the last, when enough pods can carry it."""
    name = facts.desired.name
    last = step == len(facts.steps)
    wanted = FULL if last else step_weight(facts, step + 1)
    stay = facts.weight(name) if step or facts.weight(name) <= wanted else 0
    if not can_carry(facts, name, wanted):
        known = name in facts.live.weights  # else it gets its cluster once all pods are up
        needed = max(1, pods_needed(wanted, facts.spec.replicas)) if known else facts.spec.replicas
        return Decision(
            weights=split(facts, stay),
            phase="Progressing" if step else "Starting",
            step=step,
            step_started_at=started,
            message=f"{waits_for(facts, name, needed)} to carry {to_percent(wanted)} %",
            waiting_for={name: needed},
        )
    if not step and (message := unanswered(facts)):
        return Decision(weights=split(facts, stay), phase="Inconclusive", message=message)
    if last:
        return Decision(
            weights=split(facts, stay),
            phase="Progressing",
            promote=name,
            step=step,
            step_started_at=started,
        )
    message = f"taking step {step + 1}: {to_percent(wanted)} %"
    return Decision(
        weights=split(facts, wanted), phase="Progressing", step=step + 1, message=message
    )
