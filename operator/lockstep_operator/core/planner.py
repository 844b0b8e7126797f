"""One reconcile as a pure function: what was gathered in, everything to write out."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from lockstep_operator.api.group import REVISION_LABEL
from lockstep_operator.core.admission import admit, route_for
from lockstep_operator.core.content import content_of, mint_name
from lockstep_operator.core.decision import Decision
from lockstep_operator.core.diagnosis import Case
from lockstep_operator.core.events import events
from lockstep_operator.core.facts import Facts, facts_from
from lockstep_operator.core.failures import Failure, failure_of
from lockstep_operator.core.manifests.revision import build_revision
from lockstep_operator.core.manifests.serving import (
    build_deployment,
    build_observed,
    build_service,
)
from lockstep_operator.core.marks import patches
from lockstep_operator.core.plan import Defaults, Manifest, Observed, Plan, Ref
from lockstep_operator.core.retention import forgotten, replicas, serving, wanted_clusters
from lockstep_operator.core.revisions import (
    Revision,
    parse_revisions,
    stable_of,
    with_content,
)
from lockstep_operator.core.rollout import decide
from lockstep_operator.core.routing import Route, is_configured
from lockstep_operator.core.status import deployment_status, revision_status, unservable_status
from lockstep_operator.core.takeover import STAND_IN_AFTER
from lockstep_operator.core.times import parse_duration

# How often to look at the router while it has something to take over, or pods to find healthy.
_ROUTER_POLL_SECONDS = 0.25


def make_plan(observed: Observed, defaults: Defaults) -> Plan:
    """Return everything to write for one ModelDeployment now."""
    deployment, invalid = observed.deployment, None
    revisions = parse_revisions(observed.revisions)
    created: list[Manifest] = []
    desired: Revision | None
    try:
        desired, created = _desired(observed, revisions, defaults)
    except ValueError as error:  # a bad manifest must not stop a rollback of what serves
        invalid = str(error)
        desired = stable_of(revisions) or next(iter(revisions), None)
    if desired is None:
        return Plan(status=unservable_status(deployment, str(invalid), observed.now))
    return _plan(observed, facts_from(observed, revisions, desired), created, invalid)


def _desired(
    observed: Observed, revisions: list[Revision], defaults: Defaults
) -> tuple[Revision, list[Manifest]]:
    """Return the revision that the manifest asks for, and its manifest where it is a new one.

    Raises:
        ValueError: the manifest cannot be carried out.
    """
    deployment = observed.deployment
    content = content_of(deployment["spec"])
    known = with_content(revisions, content)
    if known is not None:
        return known, []
    taken = {manifest["metadata"]["name"] for manifest in observed.revisions}
    name = mint_name(content, taken, deployment["metadata"]["name"], deployment["metadata"]["uid"])
    created = build_revision(deployment, name, content, defaults)
    return parse_revisions([created])[0], [created]


def _plan(observed: Observed, facts: Facts, created: list[Manifest], invalid: str | None) -> Plan:
    deployment, metadata = observed.deployment, observed.deployment["metadata"]
    decision = decide(facts)
    case = Case(
        facts=facts,
        decision=decision,
        failures=_failures(observed.pods, facts.revisions),
        conflicts=observed.conflicts,
        refusals=observed.refusals,
        invalid=invalid,
    )
    weights = admit(facts, decision.weights)
    in_use = serving(facts)
    children = [child for one in in_use for child in _children(deployment, facts, one)]
    marks = patches(facts, observed.pods, decision, settled=invalid is None)
    route = route_for(facts, decision, metadata["namespace"], weights, wanted_clusters(facts))
    status = deployment_status(deployment, case)
    return Plan(
        creates=tuple(created),
        children=tuple(children),
        route=route,
        patches=marks,
        prune=_prune(observed, facts, children, in_use),
        status=status,
        revision_statuses={
            one.name: revision_status(case, one, _replicas(observed, one))
            for one in facts.revisions
        },
        events=events(case, status),
        requeue_after=0.0 if created or marks else _requeue_after(case, route),
    )


def _children(deployment: Manifest, facts: Facts, revision: Revision) -> list[Manifest]:
    digest = build_observed(deployment, revision)
    service = build_service(deployment, revision)
    return [
        *([digest] if digest else []),
        service,
        build_deployment(deployment, revision, replicas(facts, revision)),
    ]


def _prune(
    observed: Observed, facts: Facts, children: list[Manifest], in_use: list[Revision]
) -> tuple[Ref, ...]:
    """Remove what no revision in use needs; the user-facing Service belongs to the router."""
    wanted = {(child["kind"], child["metadata"]["name"]) for child in children}
    stale = [
        Ref(kind, name)
        for (kind, name), child in observed.children.items()
        if (kind, name) not in wanted and REVISION_LABEL in child["metadata"].get("labels", {})
    ]
    forgotten_names = forgotten(facts, [one.name for one in in_use])
    return (*stale, *(Ref("ModelRevision", name) for name in forgotten_names))


def _failures(pods: Iterable[Manifest], revisions: Iterable[Revision]) -> dict[str, Failure]:
    of_revision: dict[str, list[Manifest]] = {}
    for pod in pods:
        of_revision.setdefault(pod["metadata"]["labels"].get(REVISION_LABEL, ""), []).append(pod)
    found = {one.name: failure_of(of_revision.get(one.name, [])) for one in revisions}
    return {name: failure for name, failure in found.items() if failure is not None}


def _replicas(observed: Observed, revision: Revision) -> int:
    child = observed.children.get(("Deployment", revision.name))
    return int(child.get("status", {}).get("replicas", 0)) if child else 0


def _requeue_after(case: Case, route: Route) -> float | None:
    """Seconds until time alone can change the plan."""
    facts, decision = case.facts, case.decision
    moments = [decision.wake_at, facts.warm_until, *_deadlines(facts, decision)]
    waits = [(one - facts.now).total_seconds() for one in moments if one and one > facts.now]
    begun = facts.candidate is not None and decision.step_started_at is None
    still = decision.waiting_for or decision.phase in ("Paused", "Aborted", "Inconclusive")
    if (begun and not still) or _router_is_behind(facts, route):
        waits.append(_ROUTER_POLL_SECONDS)
    return min(waits, default=None)


def _deadlines(facts: Facts, decision: Decision) -> Iterator[datetime]:
    """When waiting for pods becomes worth a word, and when a candidate may stand in for stable."""
    deadline = parse_duration(facts.spec.rollout.progress_deadline)
    for name in decision.waiting_for:
        yield facts.asked_at.get(name, facts.now) + deadline
    if facts.stable_down_since:
        yield facts.stable_down_since + STAND_IN_AFTER


def _router_is_behind(facts: Facts, route: Route) -> bool:
    """Whether the router has yet to take over what is written, or to find pods healthy."""
    live = facts.live
    wanted = {backend.revision: backend.weight for backend in route.backends}
    unseen = any(live.healthy.get(name, 0) < facts.ready.get(name, 0) for name in wanted)
    changed = wanted != dict(live.weights) or not is_configured(live, route)
    return changed or unseen or not live.applied or not live.complete
