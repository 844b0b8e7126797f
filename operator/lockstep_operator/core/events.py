"""Events: what changed between the last status and this one, told once."""

from collections.abc import Iterator

from lockstep_operator.api.conditions import Condition
from lockstep_operator.api.modeldeployment import ModelDeploymentStatus
from lockstep_operator.api.modelrevision import (
    ModelRevisionStatus,
    Order,
    Promotion,
    Quarantine,
)
from lockstep_operator.core.diagnosis import Case
from lockstep_operator.core.plan import Event, Manifest
from lockstep_operator.core.walk import counted_approval
from lockstep_operator.core.weights import to_percent

# Reasons of Ready=False that are the usual course of things.
_NO_WARNING = (
    "RollingOut",
    "GatesInconclusive",
    "AwaitingApproval",
    "Paused",
    "Restoring",
    "MovingTraffic",
    "RouterUpdating",
    "Scaling",
    "Serving",
)
_GOES_ON = ("Starting", "Progressing", "AwaitingApproval", "Inconclusive")
_TOLD = ("Paused", "AwaitingApproval", "Restoring")


def events(case: Case, status: Manifest) -> tuple[Event, ...]:
    """Return the Events of this pass."""
    after = ModelDeploymentStatus.model_validate(status)
    return (
        *_revisions(case),
        *_approvals(case),
        *_steps(case),
        *_phases(case, after),
        *_restores(case, after),
        *_gates(case),
        *_candidates(case),
        *_promotions(case, after),
        *_obstacles(case.facts.status, after),
        *_revision_failures(case),
    )


def _revisions(case: Case) -> Iterator[Event]:
    """Told from what each one's own status says: nothing yet, or another part than it has now."""
    stable = case.facts.status.stable_revision
    for one in case.facts.revisions:
        before = one.manifest.get("status") or {}
        mark = one.spec.quarantine
        if not before and not one.spec.promotions and not mark:
            yield Event("RevisionCreated", f"created revision {one.name}")
        if before.get("role") == "quarantined" and not mark:
            by = f", by {one.spec.released.by}" if one.spec.released else ""
            yield Event("Released", f"{one.name} is released from quarantine{by}")
        if mark and before.get("role") in ("warm", "cold") and one.name != stable:
            yield Event("Quarantined", f"{one.name} is quarantined{_signed(mark)}", warning=True)


def _approvals(case: Case) -> Iterator[Event]:
    """Told in the pass that drops them (see `core.marks`), or in which one lets a step end."""
    facts, decision = case.facts, case.decision
    name, steps = facts.desired.name, len(facts.steps)
    for one in facts.void_approvals:
        has = f"its rollout has {steps} step{'' if steps == 1 else 's'}"
        message = f"{name} has no step {one.step} to approve: {has}"
        yield Event("ApprovalRefused", message, warning=True, mark=name)
    counted = counted_approval(facts, decision)
    if counted:
        mark = name if decision.promote == name else None
        message = f"{name}: step {counted.step} was approved{_signed(counted)}"
        yield Event("Approved", message, mark=mark)


def _steps(case: Case) -> Iterator[Event]:
    facts, decision = case.facts, case.decision
    candidate = facts.candidate
    before = facts.recorded.step if facts.recorded else 0
    if candidate and decision.step > before:
        weight = to_percent(decision.weights.get(candidate.name, 0))
        message = f"{candidate.name}: step {decision.step} of {len(facts.steps)}, {weight} %"
        yield Event("StepStarted", message)


def _phases(case: Case, after: ModelDeploymentStatus) -> Iterator[Event]:
    """What a person asked for, or is asked for."""
    before, now = case.facts.status.rollout, after.rollout
    was, phase = before.phase if before else None, now.phase if now else None
    if was == phase:
        return
    if was == "Paused" and phase in _GOES_ON and case.facts.recorded:
        yield Event("Resumed", f"{case.facts.desired.name} goes on")
    if was == "Aborted" and phase in _GOES_ON and case.facts.recorded:
        yield Event("Retried", f"{case.facts.desired.name} starts again")
    if phase in _TOLD and now is not None:
        yield Event(phase, now.message)


def _restores(case: Case, after: ModelDeploymentStatus) -> Iterator[Event]:
    """An order to go back that is gone, though nobody went back."""
    before, now = case.facts.status.rollout, after.rollout
    if before is None or before.phase != "Restoring":
        return
    over = now is None or now.phase != "Restoring"
    if over and case.facts.status.stable_revision == after.stable_revision:
        yield Event("RestoreDropped", f"no longer {before.message.partition(':')[0]}")


def _gates(case: Case) -> Iterator[Event]:
    """A gate that failed is told with the quarantine that it brings."""
    if case.decision.quarantine:
        name = case.facts.desired.name
        message = f"{name}: {case.decision.quarantine}"
        yield Event("GateFailed", message, warning=True, mark=name)
        message = case.decision.quarantine
        yield Event("GateFailed", message, warning=True, revision=name, mark=name)


def _candidates(case: Case) -> Iterator[Event]:
    """A candidate that somebody, or a gate, took back."""
    facts = case.facts
    taken_back = [one for one in facts.revisions if one.name == facts.status.candidate_revision]
    for one in taken_back:
        mark = one.spec.quarantine
        if mark and one.name != facts.status.stable_revision:
            yield _rolled_back(one.name, mark, facts.stable.name if facts.stable else None)


def _promotions(case: Case, after: ModelDeploymentStatus) -> Iterator[Event]:
    """Told from what the status said before: the promotion itself may be long written."""
    before, now = case.facts.status.stable_revision, after.stable_revision
    if before == now:
        return
    revisions = {one.name: one for one in case.facts.revisions}
    mark = revisions[before].spec.quarantine if before in revisions else None
    promotion = revisions[now].promotion if now in revisions else None
    if before and mark:
        yield _rolled_back(before, mark, now)
    elif before and promotion and promotion.rollback_of:
        message = f"{before} is taken back{_signed(promotion)}: back to {now}"
        yield Event("RolledBack", message, warning=True)
    elif now:
        by = f", promoted{_signed(promotion)}" if promotion and promotion.by else ""
        yield Event("Promoted", f"{now} is the stable revision{by}")


def _rolled_back(name: str, mark: Quarantine, target: str | None) -> Event:
    where = f"back to {target}" if target else "no revision left to go back to"
    message = f"{name} is quarantined{_signed(mark)}: {where}"
    return Event("RolledBack", message, warning=True)


def _signed(mark: Quarantine | Order | Promotion) -> str:
    """Return who wanted it and why, to follow a verb."""
    by = f" by {mark.by}" if mark.by else ""
    return by + (f" ({mark.reason})" if mark.reason else "")


def _obstacles(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> Iterator[Event]:
    was, now = _ready(before.conditions), _ready(after.conditions)
    if now and now.reason not in _NO_WARNING and (not was or was.reason != now.reason):
        yield Event(now.reason, now.message, warning=True)


def _ready(conditions: list[Condition]) -> Condition | None:
    return next((one for one in conditions if one.type == "Ready"), None)


def _revision_failures(case: Case) -> Iterator[Event]:
    for revision in case.facts.revisions:
        before = ModelRevisionStatus.model_validate(revision.manifest.get("status") or {})
        failure = case.failures.get(revision.name)
        if failure and before.message != failure.message:
            yield Event(failure.reason, failure.message, warning=True, revision=revision.name)
