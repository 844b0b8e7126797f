"""Where a verdict or a person decides, whatever the steps say."""

from datetime import datetime

from lockstep_operator.core.decision import Decision
from lockstep_operator.core.facts import Facts
from lockstep_operator.core.judgement import failed_gate
from lockstep_operator.core.steps import (
    as_they_are,
    can_carry,
    current_step,
    split,
    started_at,
    waits_for,
)
from lockstep_operator.core.times import parse_time
from lockstep_operator.core.weights import FULL


def gate_failed(facts: Facts) -> Decision | None:
    """Evidence of harm: the candidate is quarantined.

    The mark is written before its traffic goes: in the other order, a crash in between could bring
    it back.
    """
    candidate, failed = facts.candidate, failed_gate(facts)
    if candidate is None or failed is None:
        return None
    reason = f"gate {failed.name} failed: {failed.message}"
    return Decision(
        weights=_as_it_is(facts),
        phase="Progressing",
        quarantine=reason[:1024],
        step=facts.recorded.step if facts.recorded else 0,
        step_started_at=_recorded_start(facts),
        message=reason,
    )


def restore(facts: Facts) -> Decision | None:
    """Somebody wants an earlier revision back: its pods first, then its promotion.

    Until it can carry everything, and for ever if it cannot, the traffic stays where it is.
    """
    target = facts.restoring
    if target is None:
        return None
    carries = facts.stable is None and facts.weight(target.name) == FULL
    if carries or can_carry(facts, target.name, FULL):
        weights = as_they_are(facts) or {target.name: FULL}
        message = f"going back to {target.name}"
        return Decision(weights=weights, phase="Restoring", promote=target.name, message=message)
    needed = facts.spec.replicas
    step = current_step(facts) if facts.candidate and facts.stable else 0
    return Decision(
        weights=_as_it_is(facts),
        phase="Restoring",
        step=step,
        step_started_at=started_at(facts, step) if step else None,
        message=f"going back to {target.name}: {waits_for(facts, target.name, needed)}; "
        "until then the traffic stays where it is",
        waiting_for={target.name: needed},
    )


def aborted(facts: Facts) -> Decision | None:
    """The candidate gets nothing until the order is removed; then it starts at step one."""
    order, stable = facts.orders.aborted, facts.stable
    if order is None:
        return None
    who = f" by {order.by}" if order.by else ""
    why = f": {order.reason}" if order.reason else ""
    return Decision(
        weights={stable.name: FULL} if stable else {},
        phase="Aborted",
        message=f"the rollout of {facts.desired.name} was aborted{who}{why}",
    )


def paused(facts: Facts) -> Decision | None:
    """Paused: the candidate keeps the weight it has. The hold's clock goes on: so does exposure."""
    by = facts.paused_by
    if by is None:
        return None
    step = current_step(facts)
    return Decision(
        weights=split(facts, facts.weight(facts.desired.name)),
        phase="Paused",
        step=step,
        step_started_at=started_at(facts, step) if step else None,
        message=f"paused by {by}",
    )


def promoted(facts: Facts) -> Decision | None:
    """Somebody promotes it whatever steps, approvals and gates are left, once it can carry all."""
    order = facts.orders.promote
    if order is None:
        return None
    name = facts.desired.name
    weights = split(facts, facts.weight(name))
    if can_carry(facts, name, FULL):
        return Decision(weights=weights, phase="Progressing", promote=name)
    needed = facts.spec.replicas
    return Decision(
        weights=weights,
        phase="Progressing",
        step=current_step(facts),
        message=f"promoted by {order.by or 'an order'}: {waits_for(facts, name, needed)}",
        waiting_for={name: needed},
    )


def _recorded_start(facts: Facts) -> datetime | None:
    recorded = facts.recorded
    return parse_time(recorded.step_started_at) if recorded and recorded.step_started_at else None


def _as_it_is(facts: Facts) -> dict[str, int]:
    """Nobody gains or loses; with a quarantined carrier, stable takes over."""
    stable = facts.stable
    return as_they_are(facts) or ({stable.name: FULL} if stable else {})
