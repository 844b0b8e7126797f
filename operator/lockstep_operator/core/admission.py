"""Which of the wanted weights the router can take now.

Rules: weight only on revisions whose cluster the router knows; a quarantined revision gets none,
whatever else happens; first the cluster, then its weight, and the other way round when it goes.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from lockstep_operator.api.traffic import Traffic
from lockstep_operator.core.decision import Decision
from lockstep_operator.core.facts import Facts
from lockstep_operator.core.routing import (
    Backend,
    Endpoint,
    Match,
    Mirror,
    Route,
    Sticky,
    TrafficSettings,
)
from lockstep_operator.core.times import parse_duration
from lockstep_operator.core.weights import FULL, from_percent

Weights = dict[str, int]


def admit(facts: Facts, wanted: Mapping[str, int]) -> Weights:
    """Return the weights to configure now: as wanted if possible, else as they are, minus harm."""
    raised = [name for name, weight in wanted.items() if weight > facts.weight(name)]
    if all(_may_rise(facts, name) for name in raised):
        return {name: weight for name, weight in wanted.items() if weight}
    kept = {name: weight for name, weight in facts.live.weights.items() if facts.may_serve(name)}
    return _filled_up(facts, {name: weight for name, weight in kept.items() if weight})


def route_for(
    facts: Facts,
    decision: Decision,
    namespace: str,
    weights: Weights,
    wanted: Collection[str],
) -> Route:
    """Return the route: `wanted` revisions keep or get a cluster, others lose it when unused."""
    names = {name for name in facts.live.weights if _keeps_cluster(facts, name, weights, wanted)}
    names |= {name for name in wanted if _gets_cluster(facts, name)}
    candidate, stable = _taker(facts, decision), facts.stable
    share = from_percent(facts.spec.traffic.mirror or 0)
    # Of a revision that is gone, what the router has is kept.
    endpoints = {**facts.live.endpoints, **{one.name: one.endpoint for one in facts.revisions}}
    return Route(
        namespace=namespace,
        deployment=facts.desired.spec.model_deployment_name,
        backends=tuple(
            Backend(name, weights.get(name, 0), endpoints.get(name, Endpoint()))
            for name in sorted(names)
        ),
        settings=settings_for(facts, names),
        mirror=Mirror(candidate, share) if candidate and share else None,
        candidate=candidate,
        stable=stable.name if stable and weights.get(stable.name) else None,
        urgent=any(one.quarantined and one.name in facts.live.weights for one in facts.revisions),
    )


def settings_for(facts: Facts, routed: Collection[str]) -> TrafficSettings:
    """Return the settings of a route to these revisions.

    gRPC is theirs to offer, not the manifest's: a new manifest without it takes nothing from the
    users of the revision that serves.
    """
    offered = any(one.offers_grpc for one in facts.revisions if one.name in routed)
    return replace(traffic_settings(facts.spec.traffic), grpc=offered)


def traffic_settings(traffic: Traffic) -> TrafficSettings:
    """Return what the manifest says of the traffic, in plain numbers."""
    sticky, outliers, breaker = traffic.sticky, traffic.outlier_detection, traffic.circuit_breaker
    return TrafficSettings(
        timeout=_seconds(traffic.timeout),
        idle_timeout=_seconds(traffic.idle_timeout) if traffic.idle_timeout else None,
        matches=tuple(
            Match(header=one.header, cookie=one.cookie, value=one.value, to=one.to)
            for one in traffic.match
        ),
        sticky=Sticky(sticky.header, sticky.cookie, _seconds(sticky.ttl)) if sticky else None,
        consecutive_errors=outliers.consecutive_errors,
        ejection_time=_seconds(outliers.ejection_time),
        max_ejected_percent=outliers.max_ejected_percent,
        max_connections=breaker.max_connections,
        max_requests=breaker.max_requests,
        max_pending_requests=breaker.max_pending_requests,
    )


def _seconds(duration: str) -> float:
    return parse_duration(duration).total_seconds()


def _taker(facts: Facts, decision: Decision) -> str | None:
    """Return the candidate where it may get matched and mirrored requests: from step one on."""
    candidate = facts.candidate
    begun = decision.step >= 1 and facts.stable is not None
    if candidate is None or not begun or not facts.may_serve(candidate.name):
        return None
    # A router that cannot be asked just now must not make them go and come back.
    goes_on = facts.live.candidate == candidate.name and facts.ready.get(candidate.name)
    return candidate.name if goes_on or facts.capacity(candidate.name) else None


def _may_rise(facts: Facts, name: str) -> bool:
    """A revision seen healthy may; so may stable where nothing else is allowed to serve.

    The first weight waits until every router pod was seen to know the cluster, but for a rollback.
    """
    served = sum(weight for other, weight in facts.live.weights.items() if facts.may_serve(other))
    rolls_back = served < FULL
    if facts.capacity(name) >= 1:
        return rolls_back or facts.weight(name) > 0 or facts.live.applied
    # Where nothing serves, nothing is lost by waiting for its pods.
    urgent = any(facts.live.weights.values()) or facts.ready.get(name)
    return _is_stable(facts, name) and name in facts.live.weights and rolls_back and bool(urgent)


def _filled_up(facts: Facts, kept: Weights) -> Weights:
    """What a revision may serve no more goes to stable; with no stable to take it, nowhere."""
    missing = FULL - sum(kept.values())
    stable = facts.stable
    if missing == 0 or not any(facts.live.weights.values()):
        return kept
    if stable is None or stable.name not in facts.live.weights:
        return {}
    return kept | {stable.name: kept.get(stable.name, 0) + missing}


def _keeps_cluster(facts: Facts, name: str, weights: Weights, wanted: Collection[str]) -> bool:
    """A cluster goes only after the router was seen to run without any weight on it."""
    unused = facts.weight(name) == 0 and facts.live.applied and weights.get(name, 0) == 0
    return name in wanted or not unused


def _gets_cluster(facts: Facts, name: str) -> bool:
    """A cluster comes when the pods are up, so that the first DNS answer, kept long, has them.

    Where nothing serves yet, one pod is enough.
    """
    serving = any(facts.live.weights.values())
    needed = facts.spec.replicas if serving and not _is_stable(facts, name) else 1
    return facts.ready.get(name, 0) >= needed


def _is_stable(facts: Facts, name: str) -> bool:
    return facts.stable is not None and facts.stable.name == name
