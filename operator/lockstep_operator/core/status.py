"""Status of the ModelDeployment and its revisions: what was observed, never what was just asked."""

from datetime import datetime

from lockstep_operator.api.conditions import AVAILABLE, LOADED, READY, RECONCILING, STALLED
from lockstep_operator.api.modeldeployment import (
    Address,
    ModelDeploymentStatus,
    RolloutStatus,
    TrafficShare,
)
from lockstep_operator.api.modelrevision import ModelRevisionStatus, Role
from lockstep_operator.core.conditions import Verdict, stamped
from lockstep_operator.core.diagnosis import Case, verdicts
from lockstep_operator.core.evaluations import analysis_of, evaluations_of
from lockstep_operator.core.facts import Facts
from lockstep_operator.core.plan import Manifest
from lockstep_operator.core.revisions import Revision
from lockstep_operator.core.times import format_time
from lockstep_operator.core.weights import to_percent


def deployment_status(deployment: Manifest, case: Case) -> Manifest:
    """Return the whole status of the ModelDeployment."""
    facts, metadata = case.facts, deployment["metadata"]
    generation = metadata.get("generation", 0)
    status = ModelDeploymentStatus(
        observed_generation=generation,
        conditions=stamped(verdicts(case), facts.status.conditions, generation, facts.now),
        stable_revision=facts.stable.name if facts.stable else None,
        candidate_revision=facts.candidate.name if facts.candidate else None,
        rollout=_rollout(case),
        traffic=_traffic(facts),
        address=Address(url=f"http://{metadata['name']}.{metadata['namespace']}.svc"),
    )
    return status.manifest()


def unservable_status(deployment: Manifest, problem: str, now: datetime) -> Manifest:
    """Return the status of a ModelDeployment that never served and cannot be carried out."""
    generation = deployment["metadata"].get("generation", 0)
    before = ModelDeploymentStatus.model_validate(deployment.get("status") or {})
    found = [
        Verdict(AVAILABLE, False, "NoStableRevision", "nothing was ever served"),
        Verdict(READY, False, "InvalidSpec", problem),
        Verdict(RECONCILING, False, "InvalidSpec", problem),
        Verdict(STALLED, True, "InvalidSpec", problem),
    ]
    conditions = stamped(found, before.conditions, generation, now)
    return ModelDeploymentStatus(observed_generation=generation, conditions=conditions).manifest()


def _rollout(case: Case) -> RolloutStatus | None:
    facts, decision = case.facts, case.decision
    if decision.phase is None:
        return None
    started, until, down = (
        decision.step_started_at,
        decision.hold_until,
        facts.stable_down_since,
    )
    return RolloutStatus(
        phase=decision.phase,
        step=decision.step,
        steps=len(facts.steps),
        weight=reported_weights(facts).get(facts.candidate.name, 0) if facts.candidate else 0,
        step_started_at=format_time(started) if started else None,
        hold_until=format_time(until) if until else None,
        stable_down_since=format_time(down) if down else None,
        message=decision.message[:1024],
    )


def _traffic(facts: Facts) -> list[TrafficShare]:
    shares = sorted(reported_weights(facts).items(), key=lambda item: (-item[1], item[0]))
    return [
        TrafficShare(revision=name, weight=weight, ready=facts.ready.get(name, 0))
        for name, weight in shares
    ]


def reported_weights(facts: Facts) -> dict[str, float]:
    """Return the weights in percent that every router pod was last seen to carry.

    What is configured is only asked for until all of them have it. Before anything was reported,
    it is all there is to tell.
    """
    configured = {name: to_percent(weight) for name, weight in facts.live.weights.items()}
    before = {one.revision: one.weight for one in facts.status.traffic}
    return configured if facts.live.applied or not before else before


def role_of(facts: Facts, revision: Revision) -> Role:
    """Return the part that a revision plays now."""
    if revision.quarantined:
        return "quarantined"
    parts: list[tuple[Role, Revision | None]] = [
        ("stable", facts.stable),
        ("candidate", facts.candidate),
        ("warm", facts.kept_warm),
    ]
    return next((role for role, one in parts if one and one.name == revision.name), "cold")


def revision_status(case: Case, revision: Revision, replicas: int) -> Manifest:
    """Return the whole status of one revision; `replicas` is what its Deployment reports."""
    facts, metadata = case.facts, revision.manifest["metadata"]
    generation = metadata.get("generation", 0)
    before = ModelRevisionStatus.model_validate(revision.manifest.get("status") or {})
    ready = facts.ready.get(revision.name, 0)
    loaded = _loaded(case, revision, before)
    found = [loaded, _ready(ready, replicas)]
    weight = reported_weights(facts).get(revision.name, 0)
    status = ModelRevisionStatus(
        observed_generation=generation,
        conditions=stamped(found, before.conditions, generation, facts.now),
        role=role_of(facts, revision),
        warmth="warm" if ready else "unrestorable" if loaded.true is False else "cold",
        replicas=replicas,
        ready_replicas=ready,
        weight=weight,
        message=loaded.message if loaded.true is False else "",
        analysis=analysis_of(facts, revision, before),
        evaluations=evaluations_of(facts, revision, before),
    )
    return status.manifest()


def _loaded(case: Case, revision: Revision, before: ModelRevisionStatus) -> Verdict:
    failure = case.failures.get(revision.name)
    if failure is not None:
        return Verdict(LOADED, False, failure.reason, failure.message)
    if case.facts.ready.get(revision.name, 0):
        digest = revision.spec.observed.digest if revision.spec.observed else "no digest reported"
        return Verdict(LOADED, True, "Loaded", digest)
    last = next((one for one in before.conditions if one.type == LOADED), None)
    if last is not None and last.status == "False" and not _has_pods(case, revision):
        return Verdict(LOADED, False, last.reason, last.message)  # still the last thing known
    return Verdict(LOADED, None, "NoReadyPods", "no pod has it loaded now")


def _has_pods(case: Case, revision: Revision) -> bool:
    return revision.name in case.facts.asked_at


def _ready(ready: int, replicas: int) -> Verdict:
    message = f"{ready} of {replicas} pods are ready"
    return Verdict(
        READY, ready > 0 and ready >= replicas, "PodsReady" if ready else "NoReadyPods", message
    )
