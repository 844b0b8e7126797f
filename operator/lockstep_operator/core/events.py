"""Events: what changed between the last status and this one, told once."""

from collections.abc import Iterator

from lockstep_operator.api.conditions import Condition
from lockstep_operator.api.modeldeployment import ModelDeploymentStatus
from lockstep_operator.api.modelrevision import ModelRevisionStatus
from lockstep_operator.core.diagnosis import Case
from lockstep_operator.core.plan import Event, Manifest
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


def events(case: Case, created: list[str], status: Manifest) -> tuple[Event, ...]:
    """Return the Events of this pass."""
    after = ModelDeploymentStatus.model_validate(status)
    return (
        *(Event("RevisionCreated", f"created revision {name}") for name in created),
        *_steps(case),
        *_phases(case, after),
        *_approvals(case),
        *_gates(case),
        *_promotions(case, after),
        *_obstacles(case.facts.status, after),
        *_revision_failures(case),
    )


def _steps(case: Case) -> Iterator[Event]:
    facts, decision = case.facts, case.decision
    candidate = facts.candidate
    before = facts.recorded.step if facts.recorded else 0
    if candidate and decision.step > before:
        weight = to_percent(decision.weights.get(candidate.name, 0))
        total = len(facts.spec.rollout.walk)
        message = f"{candidate.name}: step {decision.step} of {total}, {weight} %"
        yield Event("StepStarted", message)


def _phases(case: Case, after: ModelDeploymentStatus) -> Iterator[Event]:
    """What a person asked for, or is asked for."""
    before, now = case.facts.status.rollout, after.rollout
    was, phase = before.phase if before else None, now.phase if now else None
    if was == phase:
        return
    if was == "Paused" and phase in _GOES_ON and case.facts.recorded:
        yield Event("Resumed", f"{case.facts.desired.name} goes on")
    if phase in _TOLD and now is not None:
        yield Event(phase, now.message)


def _approvals(case: Case) -> Iterator[Event]:
    """Told in the pass that drops them (see `core.marks`)."""
    facts = case.facts
    for one in facts.void_approvals:
        steps = len(facts.spec.rollout.walk)
        has = f"its rollout has {steps} step{'' if steps == 1 else 's'}"
        message = f"{facts.desired.name} has no step {one.step} to approve: {has}"
        yield Event("ApprovalRefused", message, warning=True)


def _gates(case: Case) -> Iterator[Event]:
    """A gate that failed is told with the quarantine that it brings."""
    if case.decision.quarantine:
        name = case.facts.desired.name
        yield Event("GateFailed", f"{name}: {case.decision.quarantine}", warning=True)
        yield Event("GateFailed", case.decision.quarantine, warning=True, revision=name)


def _promotions(case: Case, after: ModelDeploymentStatus) -> Iterator[Event]:
    """Told from what the status said before: the promotion itself may be long written."""
    before, now = case.facts.status.stable_revision, after.stable_revision
    if before == now:
        return
    quarantined = {one.name: one for one in case.facts.revisions if one.quarantined}
    if before in quarantined:
        mark = quarantined[before].spec.quarantine
        reason = mark.reason if mark else ""
        target = f"back to {now}" if now else "no revision left to go back to"
        yield Event("RolledBack", f"{before} is quarantined ({reason}): {target}", warning=True)
    elif now:
        yield Event("Promoted", f"{now} is the stable revision")


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
