"""What stays: which revisions have pods, which are remembered, which are let go."""

from collections.abc import Collection

from lockstep_operator.core.facts import Facts
from lockstep_operator.core.revisions import Revision


def serving(facts: Facts) -> list[Revision]:
    """Return the revisions that have pods: those with a role, and any with a cluster.

    What strategy Replace has stopped is made anew, so that it cannot pass for warm by its age.
    """
    names = {*wanted_clusters(facts), *facts.live.weights}
    if facts.kept_warm and facts.stopped(facts.kept_warm):
        names.discard(facts.kept_warm.name)
    return [one for one in facts.revisions if one.name in names]


def replicas(facts: Facts, revision: Revision) -> int:
    """Return how many pods a revision in use is to have.

    One pod loads first and reports what it loaded; the others come after. (One that is Ready and
    reported nothing never will: a foreign server.) What may have to take over at once has no fewer
    than the stable revision has ready.
    """
    ready, stable = facts.ready.get(revision.name, 0), facts.stable
    if facts.replaces and stable and _has_no_room(facts, revision.name, stable.name):
        return 0
    if not revision.spec.observed and not ready:
        return 1
    stands_by = [one.name for one in (facts.kept_warm, facts.restoring) if one]
    floor = facts.ready.get(stable.name, 0) if stable and revision.name in stands_by else 0
    return max(facts.spec.replicas, floor)


def _has_no_room(facts: Facts, name: str, stable: str) -> bool:
    """Strategy Replace: only one revision at a time has pods."""
    if name == stable:
        return _makes_room(facts)
    if facts.restoring is not None and facts.restoring.name == name:
        return False
    is_candidate = facts.candidate is not None and facts.candidate.name == name
    waits = facts.ready.get(stable, 0) and not facts.weight(name)
    return bool(waits) if is_candidate else True


def _makes_room(facts: Facts) -> bool:
    """Strategy Replace: stable's pods stop for the candidate's, and a pause does not turn it round.

    Not while both have traffic, as after an edit of the strategy: then there is room for both.
    """
    candidate = facts.candidate
    if not facts.replaces or candidate is None or facts.orders.aborted or facts.restoring:
        return False
    return facts.replacing or not (facts.paused_by or facts.weight(candidate.name))


def wanted_clusters(facts: Facts) -> list[str]:
    """Return the revisions that the router should know, weight or not."""
    candidate = None if facts.orders.aborted else facts.candidate
    if facts.replaces and facts.paused_by and facts.stable and not facts.replacing:
        candidate = None  # there is no room for its pods while stable has its own
    roles = (facts.stable, candidate, facts.kept_warm, facts.restoring)
    return list({one.name: None for one in roles if one is not None})


def forgotten(facts: Facts, in_use: Collection[str]) -> list[str]:
    """Return the revisions beyond the history limit, the longest unused first to go.

    A quarantined revision is never forgotten while its ModelDeployment lives: its mark must hold.
    """
    keep = {*in_use, facts.desired.name} | {one.name for one in facts.revisions if one.quarantined}
    if facts.previous:
        keep.add(facts.previous.name)
    history = [one.name for one in facts.revisions if one.name not in keep]
    limit = facts.spec.rollout.revision_history_limit - (1 if facts.previous else 0)
    return history[max(0, limit) :]
