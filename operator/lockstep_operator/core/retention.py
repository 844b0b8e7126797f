"""What stays: which revisions have pods, which are remembered, which are let go."""

from collections.abc import Collection

from lockstep_operator.core.facts import Facts
from lockstep_operator.core.revisions import Revision


def serving(facts: Facts) -> list[Revision]:
    """Return the revisions that have pods: stable, candidate, warm, and any with a cluster."""
    roles = (facts.stable, facts.candidate, facts.warm)
    names = {one.name for one in roles if one is not None}
    names |= set(facts.live.weights)
    return [one for one in facts.revisions if one.name in names]


def wanted_clusters(facts: Facts) -> list[str]:
    """Return the revisions that the router should know, weight or not."""
    roles = (facts.stable, facts.candidate, facts.warm)
    return [one.name for one in roles if one is not None]


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
