"""First the cluster, then the route to it; in the other order when it goes.

The core does so for the split. Mirror and matches have clusters of their own, of which it does not
know: so a route waits here until the router pods have them.
"""

from collections.abc import Collection
from dataclasses import replace

from lockstep_operator.core.routing import LiveRoute, Route
from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.envoy.routes import extra_clusters


def stage(
    wanted: Route, used: Collection[str], present: Collection[str], warm: Collection[str]
) -> Route:
    """Return the part of a route that can be configured now.

    What is left out (the mirror, the matches to one side) follows when its cluster is warm; without
    it the requests go where all others go.

    Args:
        wanted: the route.
        used: clusters for mirror and matches that the configured route uses.
        present: such clusters that are configured.
        warm: such clusters with a healthy pod in the eyes of every router pod.
    """
    usable = set(present) & (set(used) | set(warm))
    missing = extra_clusters(wanted) - usable
    mirror, sides = wanted.mirror, (wanted.candidate, wanted.stable)
    if mirror is not None and names.mirror_cluster(mirror.revision) in missing:
        mirror = None
    candidate, stable = (
        None if side is not None and missing & _matched(side) else side for side in sides
    )
    return replace(wanted, mirror=mirror, candidate=candidate, stable=stable)


def _matched(revision: str) -> set[str]:
    cluster = names.match_cluster(revision)
    return {cluster, names.grpc_cluster(cluster)}


def spare_clusters(
    wanted: Route, used: Collection[str], present: Collection[str], live: LiveRoute
) -> frozenset[str]:
    """Return the clusters to configure beside those of the staged route.

    One that is not wanted any more goes after every router pod was seen to run without it.
    """
    needed = set(used) if live.applied else set(present)
    return extra_clusters(wanted) | (needed & set(present))
