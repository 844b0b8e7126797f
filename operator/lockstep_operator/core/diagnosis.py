"""Honest conditions of a ModelDeployment: a chain of questions, the first answer counts."""

from collections.abc import Callable
from dataclasses import dataclass

from lockstep_operator.api import conditions as kinds
from lockstep_operator.core.admission import settings_for
from lockstep_operator.core.conditions import Verdict
from lockstep_operator.core.decision import Decision
from lockstep_operator.core.facts import Facts
from lockstep_operator.core.failures import Failure
from lockstep_operator.core.plan import Conflict, Refusal
from lockstep_operator.core.times import parse_duration
from lockstep_operator.core.weights import FULL, to_percent


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that the conditions speak of."""

    facts: Facts
    decision: Decision
    failures: dict[str, Failure]
    conflicts: tuple[Conflict, ...]
    refusals: tuple[Refusal, ...]
    invalid: str | None = None  # why the manifest cannot be carried out


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why the applied manifest does not carry all traffic, and whether waiting can help."""

    reason: str
    message: str
    stalled: bool


def verdicts(case: Case) -> list[Verdict]:
    """Return Available, Ready, Reconciling, Stalled, and NameConflict where there is one."""
    obstacle = first_obstacle(case)
    found = [available(case)]
    if obstacle is None:
        name = case.facts.desired.name
        ready = Verdict(kinds.READY, True, "Serving", f"{name} carries 100 % of the traffic")
        found += [ready, Verdict(kinds.RECONCILING, False, "Done")]
        found.append(Verdict(kinds.STALLED, False, "Done"))
    else:
        reason, message = obstacle.reason, obstacle.message
        found.append(Verdict(kinds.READY, False, reason, message))
        found.append(Verdict(kinds.RECONCILING, not obstacle.stalled, reason, message))
        found.append(Verdict(kinds.STALLED, obstacle.stalled, reason, message))
    if case.conflicts:
        message = _conflict_message(case.conflicts)
        found.append(Verdict(kinds.NAME_CONFLICT, True, "NotManagedByLockstep", message))
    return found


def available(case: Case) -> Verdict:
    """Answer whether a ready revision carries traffic."""
    facts = case.facts
    carriers = [name for name, weight in facts.live.weights.items() if weight]
    if not facts.live.ready_pods:
        return Verdict(kinds.AVAILABLE, False, "RouterNotReady", "no router pod is ready")
    service = Conflict("Service", facts.desired.spec.model_deployment_name)
    if service in case.conflicts:
        message = f"Service {service.name!r} is not ours and leads elsewhere"
        return Verdict(kinds.AVAILABLE, False, "NameConflict", message)
    if facts.stable is None:
        message = case.decision.message or "no revision may serve"
        return Verdict(kinds.AVAILABLE, False, "NoStableRevision", message)
    if not carriers:
        return Verdict(kinds.AVAILABLE, False, "Starting", _starting(facts, facts.stable.name))
    # A router that cannot be asked just now: the pods' own readiness has to do.
    down = [one for one in carriers if not facts.live.healthy.get(one, facts.ready.get(one))]
    if down:
        return _down(case, down)
    return Verdict(kinds.AVAILABLE, True, "Serving", f"stable revision {facts.stable.name}")


def _starting(facts: Facts, stable: str) -> str:
    if facts.ready.get(stable):
        return f"stable revision {stable}: waiting for every router pod to send it the traffic"
    return f"stable revision {stable} gets its traffic once a pod is ready"


def _down(case: Case, carriers: list[str]) -> Verdict:
    """Pods that are not ready, or that the router does not find."""
    unready = [one for one in carriers if not case.facts.ready.get(one)]
    if not unready:
        message = f"{', '.join(carriers)}: its pods are ready, the router sees none healthy"
        return Verdict(kinds.AVAILABLE, False, "NoHealthyPods", message)
    failures = [case.failures[one].message for one in unready if one in case.failures]
    message = ": ".join([", ".join(unready), "no ready pod", *failures[:1]])
    return Verdict(kinds.AVAILABLE, False, "NoReadyPods", message)


def first_obstacle(case: Case) -> Obstacle | None:
    """Return what keeps the applied manifest from carrying 100 %, None when it does."""
    for question in QUESTIONS:
        if (obstacle := question(case)) is not None:
            return obstacle
    return None


def _invalid_spec(case: Case) -> Obstacle | None:
    return Obstacle("InvalidSpec", case.invalid, stalled=True) if case.invalid else None


def _name_conflict(case: Case) -> Obstacle | None:
    if not case.conflicts:
        return None
    return Obstacle("NameConflict", _conflict_message(case.conflicts), stalled=True)


def _write_refused(case: Case) -> Obstacle | None:
    """A quota, an admission rule or a schema says no."""
    if not case.refusals:
        return None
    told = "; ".join(f"{one.kind} {one.name}: {one.message}" for one in case.refusals)
    return Obstacle("WriteRefused", told, stalled=True)


def _router_rejects(case: Case) -> Obstacle | None:
    rejected = case.facts.live.rejected
    return Obstacle("RouterRejected", rejected, stalled=True) if rejected else None


def _quarantined(case: Case) -> Obstacle | None:
    desired = case.facts.desired
    if desired.spec.quarantine is None:
        return None
    message = (
        f"the manifest still asks for {desired.name}, which is quarantined: "
        f"{desired.spec.quarantine.reason}. Change the manifest, or remove spec.quarantine of "
        f"ModelRevision {desired.name} (`lockstep release`) to release it"
    )
    return Obstacle("SpecQuarantined", message, stalled=True)


def _fails(case: Case) -> Obstacle | None:
    failure = case.failures.get(case.facts.desired.name)
    if failure is None:
        return None
    name = case.facts.desired.name
    ready = case.facts.ready.get(name, 0)
    return Obstacle(failure.reason, f"{name}: {failure.message}", stalled=ready == 0)


def _restore_fails(case: Case) -> Obstacle | None:
    """Nothing was moved: the revision that somebody wants back does not start."""
    restoring = case.facts.restoring
    failure = case.failures.get(restoring.name) if restoring else None
    if restoring is None or failure is None:
        return None
    message = (
        f"cannot go back to {restoring.name}: {failure.message}; the traffic stays where it is. "
        f"`lockstep abort` drops the wish"
    )
    return Obstacle("RestoreFails", message, stalled=True)


def _overdue(case: Case) -> Obstacle | None:
    """`progressDeadline` covers the time to readiness only."""
    facts, waiting = case.facts, case.decision.waiting_for
    begun = facts.candidate is None or facts.weight(facts.desired.name) > 0
    if not waiting or (begun and facts.restoring is None):
        return None
    limit = parse_duration(facts.spec.rollout.progress_deadline)
    asked = [facts.asked_at[name] for name in waiting if name in facts.asked_at]
    if not asked or facts.now <= min(asked) + limit:
        return None
    message = f"{case.decision.message}, for longer than progressDeadline"
    return Obstacle("ProgressDeadlineExceeded", message, stalled=True)


_WAITS_FOR_A_PERSON = ("Aborted", "AnalysisDeadlineExceeded")
_SAID_AS_IT_IS = ("Paused", "AwaitingApproval", "Restoring", *_WAITS_FOR_A_PERSON)


def _rolling_out(case: Case) -> Obstacle | None:
    facts, decision, phase = case.facts, case.decision, case.decision.phase
    if phase is None:
        return None
    if phase in _SAID_AS_IT_IS:
        return Obstacle(phase, decision.message, stalled=phase in _WAITS_FOR_A_PERSON)
    weight = to_percent(facts.weight(facts.desired.name))
    message = f"{facts.desired.name} at {weight} %: {decision.message or 'promoting'}"
    reason = "GatesInconclusive" if phase == "Inconclusive" else "RollingOut"
    return Obstacle(reason, message, stalled=False)


def _moving_traffic(case: Case) -> Obstacle | None:
    facts = case.facts
    name = facts.desired.name
    if facts.weight(name) != FULL:
        message = f"moving the traffic to {name}, now {to_percent(facts.weight(name))} %"
        return Obstacle("MovingTraffic", message, stalled=False)
    in_force = facts.live.settings == settings_for(facts, facts.live.weights)
    if not in_force or not facts.live.applied or not facts.live.complete:
        return Obstacle("RouterUpdating", "waiting for every router pod", stalled=False)
    return None


def _scaling(case: Case) -> Obstacle | None:
    facts = case.facts
    ready, wanted = facts.ready.get(facts.desired.name, 0), facts.spec.replicas
    if ready >= wanted:
        return None
    return Obstacle("Scaling", f"{ready} of {wanted} pods are ready", stalled=False)


QUESTIONS: tuple[Callable[[Case], Obstacle | None], ...] = (
    _invalid_spec,
    _name_conflict,
    _write_refused,
    _router_rejects,
    _restore_fails,
    _quarantined,
    _fails,
    _overdue,
    _rolling_out,
    _moving_traffic,
    _scaling,
)


def _conflict_message(conflicts: tuple[Conflict, ...]) -> str:
    names = ", ".join(f"{one.kind} {one.name!r}" for one in conflicts)
    return f"{names} exists and is not managed by Lockstep; rename it or the ModelDeployment"
