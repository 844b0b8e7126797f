"""Which of the wanted weights the router can take now.

Rules: weight only on revisions whose cluster the router knows; a quarantined revision gets none,
whatever else happens; first the cluster, then its weight, and the other way round when it goes.
"""

from collections.abc import Collection, Mapping

from lockstep_operator.core.facts import Facts
from lockstep_operator.core.routing import Backend, Route
from lockstep_operator.core.times import parse_duration
from lockstep_operator.core.weights import FULL

Weights = dict[str, int]


def admit(facts: Facts, wanted: Mapping[str, int]) -> Weights:
    """Return the weights to configure now: as wanted if possible, else as they are, minus harm."""
    raised = [name for name, weight in wanted.items() if weight > facts.weight(name)]
    if all(_may_rise(facts, name) for name in raised):
        return {name: weight for name, weight in wanted.items() if weight}
    kept = {name: weight for name, weight in facts.live.weights.items() if _allowed(facts, name)}
    return _filled_up(facts, {name: weight for name, weight in kept.items() if weight})


def route_for(
    facts: Facts, namespace: str, deployment: str, weights: Weights, wanted: Collection[str]
) -> Route:
    """Return the route: `wanted` revisions keep or get a cluster, others lose it when unused."""
    names = {name for name in facts.live.weights if _keeps_cluster(facts, name, weights, wanted)}
    names |= {name for name in wanted if _gets_cluster(facts, name)}
    backends = tuple(Backend(name, weights.get(name, 0)) for name in sorted(names))
    timeout = parse_duration(facts.spec.traffic.timeout).total_seconds()
    return Route(namespace, deployment, backends, timeout)


def _may_rise(facts: Facts, name: str) -> bool:
    """A revision seen healthy may; so may stable where nothing else is allowed to serve.

    The first weight waits until every router pod was seen to know the cluster, but for a rollback.
    """
    served = sum(weight for other, weight in facts.live.weights.items() if _allowed(facts, other))
    rolls_back = served < FULL
    if facts.capacity(name) >= 1:
        return rolls_back or facts.weight(name) > 0 or facts.live.applied
    return _is_stable(facts, name) and name in facts.live.weights and rolls_back


def _allowed(facts: Facts, name: str) -> bool:
    return any(one.name == name and not one.quarantined for one in facts.revisions)


def _filled_up(facts: Facts, kept: Weights) -> Weights:
    """What a revision may serve no more goes to stable; with no stable to take it, nowhere."""
    missing = FULL - sum(kept.values())
    stable = facts.stable
    if missing == 0:
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
