"""The configuration of one router as data: built from routes, written to and read from files."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from lockstep_operator.core.errors import Invalid
from lockstep_operator.core.routing import Endpoint, Route
from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.envoy.bootstrap import bootstrap_text
from lockstep_operator.traffic.envoy.clusters import cluster_owner, model_cluster
from lockstep_operator.traffic.envoy.discovery import Resource, dump_lines
from lockstep_operator.traffic.envoy.listeners import model_listener, ready_listener
from lockstep_operator.traffic.envoy.routes import extra_clusters, own_clusters, route_text
from lockstep_operator.traffic.envoy.settings import RouterSettings

# The API server refuses a ConfigMap over 1 MiB; labels, annotations and JSON escapes come on top.
MAX_BYTES = 900 * 1024


@dataclass(frozen=True, slots=True)
class RouterConfig:
    """All of a router's files.

    Attributes:
        bootstrap: the file's text.
        listeners: Envoy listener by ModelDeployment, and the readiness probe's own.
        clusters: Envoy cluster by ModelRevision, of all ModelDeployments.
        routes: text of the route file by ModelDeployment. Others' files are never written anew.
        damaged: shared files of which not everything could be read.
    """

    bootstrap: str
    listeners: Mapping[str, Resource]
    clusters: Mapping[str, Resource]
    routes: Mapping[str, str]
    damaged: tuple[str, ...] = ()

    def with_route(
        self,
        route: Route,
        port: int,
        settings: RouterSettings,
        spare: Collection[str] = (),
        urgent_since: str | None = None,
    ) -> "RouterConfig":
        """Return a configuration in which one ModelDeployment is as `route` says.

        Args:
            route: the ModelDeployment's route.
            port: of its listener.
            settings: the operator's.
            spare: clusters for mirror and matches that the route does not use yet, or no more.
            urgent_since: see `records.Record`.

        Raises:
            LockstepError: the route is not a split.
            Invalid: one ModelDeployment too many, or a cluster of that name is another's.
        """
        name = route.deployment
        if name not in self.routes and len(self.routes) >= settings.max_models:
            raise Invalid(
                f"the router of a namespace serves at most {settings.max_models} ModelDeployments; "
                f"move {name!r} to another namespace"
            )
        host_suffix = f"{route.namespace}.svc.{settings.cluster_domain}"
        endpoints = {one.revision: one.endpoint for one in route.backends}
        clusters = {
            one: model_cluster(
                one,
                name,
                host_suffix,
                route.settings,
                endpoints.get(names.revision_of(one), Endpoint()),
            )
            for one in own_clusters(route) | extra_clusters(route) | set(spare)
        }
        others = {key: c for key, c in self.clusters.items() if cluster_owner(c) != name}
        for revision in clusters.keys() & others.keys():
            raise Invalid(
                f"revision {revision!r} of {name!r} has the name of another ModelDeployment's"
            )
        ready = {names.READY_LISTENER: ready_listener()}
        return RouterConfig(
            bootstrap=bootstrap_text(settings),
            listeners={
                **self.listeners,
                **ready,
                name: model_listener(name, port, grpc=route.settings.grpc),
            },
            clusters={**others, **clusters},
            routes={**self.routes, name: route_text(route, urgent_since)},
        )

    def only(self, deployments: Collection[str]) -> "RouterConfig":
        """Return the configuration without the ModelDeployments that are not named."""
        keep = {*deployments, names.READY_LISTENER}
        return replace(
            self,
            listeners={name: value for name, value in self.listeners.items() if name in keep},
            clusters={k: c for k, c in self.clusters.items() if cluster_owner(c) in keep},
            routes={name: text for name, text in self.routes.items() if name in keep},
        )

    def data(self) -> dict[str, str]:
        """Return the ConfigMap's data; resources stand in order of name.

        Raises:
            Invalid: more than a ConfigMap can hold.
        """
        data = {
            names.BOOTSTRAP_FILE: self.bootstrap,
            names.CLUSTERS_FILE: dump_lines([c for _, c in sorted(self.clusters.items())]),
            names.LISTENERS_FILE: dump_lines([c for _, c in sorted(self.listeners.items())]),
            **{names.route_file(name): text for name, text in sorted(self.routes.items())},
        }
        size = sum(len(key) + len(text.encode()) for key, text in data.items())
        if size > MAX_BYTES:
            raise Invalid(
                f"the router's configuration takes {size} bytes, above the limit of {MAX_BYTES} "
                f"({len(self.routes)} ModelDeployments, {len(self.clusters)} revisions); "
                "move ModelDeployments to another namespace"
            )
        return data


EMPTY = RouterConfig(bootstrap="", listeners={}, clusters={}, routes={})
