"""From the router pods' statistics to what holds for all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.envoy.config import RouterConfig
from lockstep_operator.traffic.envoy.readback import clusters_of, route_version
from lockstep_operator.traffic.envoy.stats import RouterStats


@dataclass(frozen=True, slots=True)
class PodView:
    """A Ready router pod and its statistics; None: it could not be read.

    `ready_since`: in seconds since the epoch.
    """

    name: str
    uid: str
    stats: RouterStats | None
    ready_since: float = 0.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What each pod should run for one ModelDeployment, by the ConfigMap."""

    deployment: str
    route_version: str | None
    clusters: Sequence[str]

    @classmethod
    def by(cls, config: RouterConfig, deployment: str) -> "Wanted":
        """Return what a configuration says."""
        return cls(deployment, route_version(config, deployment), clusters_of(config, deployment))


def lacking(stats: RouterStats, wanted: Wanted) -> tuple[str, ...]:
    """Return the files of which a pod has not yet taken over what concerns this ModelDeployment.

    Not by the versions of cds.yaml and lds.yaml: these change with every other ModelDeployment's
    revisions, and one bad cluster of theirs keeps the version back though ours was taken over.
    """
    files = []
    if stats.route_version is None:
        files.append(names.LISTENERS_FILE)
    elif stats.route_version != wanted.route_version:
        files.append(names.route_file(wanted.deployment))
    if any(cluster not in stats.healthy for cluster in wanted.clusters):
        files.append(names.CLUSTERS_FILE)
    return tuple(files)


def applied(view: PodView, wanted: Wanted) -> bool:
    """Whether a pod runs what the ConfigMap says."""
    return view.stats is not None and not lacking(view.stats, wanted)


def fewest_healthy(views: Sequence[PodView], wanted: Wanted) -> dict[str, int]:
    """Return, by cluster, the healthy endpoints that the least lucky readable pod sees."""
    seen = [view.stats.healthy for view in views if view.stats is not None]
    return {
        cluster: min(healthy.get(cluster, 0) for healthy in seen)
        for cluster in wanted.clusters
        if any(cluster in healthy for healthy in seen)
    }


def by_revision(healthy: Mapping[str, int]) -> dict[str, int]:
    """Return the healthy pods by revision, of HTTP's and gRPC's clusters the fewer."""
    return {
        name: min(count, healthy.get(names.grpc_cluster(name), count))
        for name, count in healthy.items()
        if names.is_split(name)
    }


class Refusals:
    """Tells a refusal of what is wanted now from one of the past, for one ModelDeployment.

    Envoy counts refusals over its life. The count at which a pod last had what was wanted is
    remembered; without one (a new operator) an old refusal is reported until the pod catches up.
    """

    def __init__(self) -> None:
        self._forgiven: Mapping[tuple[str, str], int] = {}

    def sentence(self, views: Sequence[PodView], wanted: Wanted) -> str | None:
        """Return which pod refuses which file, None when none does."""
        forgiven: dict[tuple[str, str], int] = {}
        sentences = []
        for view in views:
            if view.stats is None:
                continue
            missing = lacking(view.stats, wanted)
            for file, count in view.stats.refusals.items():
                key = (view.uid, file)
                if file not in missing:
                    forgiven[key] = count
                    continue
                forgiven[key] = self._forgiven.get(key, 0)
                if count > forgiven[key]:
                    sentences.append(f"router pod {view.name} refuses {file}; its log says why")
        self._forgiven = forgiven
        return "; ".join(sorted(sentences)) or None
