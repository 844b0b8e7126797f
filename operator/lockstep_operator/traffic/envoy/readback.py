"""What a router is configured to do, read from its ConfigMap: there is no second copy of it."""

from lockstep_operator.core.errors import LockstepError
from lockstep_operator.core.routing import Backend, Endpoint, LiveRoute, Route, TrafficSettings
from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.envoy.clusters import cluster_owner, endpoint_of
from lockstep_operator.traffic.envoy.config import RouterConfig
from lockstep_operator.traffic.envoy.discovery import parse
from lockstep_operator.traffic.envoy.listeners import listener_port
from lockstep_operator.traffic.envoy.routes import RouteFile, extra_clusters, read_route
from lockstep_operator.traffic.envoy.settings import RouterSettings


def read_route_of(config: RouterConfig, deployment: str) -> LiveRoute:
    """Return what is configured for one ModelDeployment; the rest is for others to fill in.

    A damaged route file reads as no weights and no settings.
    """
    listener = config.listeners.get(deployment)
    file = _route_file(config, deployment)
    known = {name: 0 for name in clusters_of(config, deployment) if names.is_split(name)}
    record = file.record
    return LiveRoute(
        port=None if listener is None else listener_port(listener),
        weights=known | dict(file.weights),
        endpoints={name: endpoint_of(config.clusters[name]) for name in known},
        settings=None if record is None else record.settings,
        mirror=None if record is None else record.mirror,
        candidate=None if record is None else record.candidate,
        stable=None if record is None else record.stable,
    )


def clusters_of(config: RouterConfig, deployment: str) -> tuple[str, ...]:
    """Return the names of a ModelDeployment's clusters, also those of its mirror and matches."""
    return tuple(name for name, c in config.clusters.items() if cluster_owner(c) == deployment)


def route_version(config: RouterConfig, deployment: str) -> str | None:
    """Return the version of a route file, None when there is none that can be read."""
    try:
        return parse(config.routes.get(deployment, ""), deployment)[0]
    except LockstepError:
        return None


def urgent_since(config: RouterConfig, deployment: str) -> str | None:
    """Return since when the configured route is to take traffic off a revision, None: it is not."""
    record = _route_file(config, deployment).record
    return None if record is None else record.urgent_since


def as_route(live: LiveRoute, namespace: str, deployment: str) -> Route:
    """Return the route that would configure what is configured."""
    return Route(
        namespace=namespace,
        deployment=deployment,
        backends=tuple(
            Backend(name, weight, live.endpoints.get(name, Endpoint()))
            for name, weight in sorted(live.weights.items())
        ),
        settings=live.settings or TrafficSettings(),
        mirror=live.mirror,
        candidate=live.candidate,
        stable=live.stable,
    )


def used_clusters(live: LiveRoute, deployment: str) -> frozenset[str]:
    """Return the clusters for mirror and matches that the configured route uses."""
    return extra_clusters(as_route(live, "", deployment))


def is_current(config: RouterConfig, namespace: str, name: str, settings: RouterSettings) -> bool:
    """Whether this build of the operator would write the same for a ModelDeployment."""
    live = read_route_of(config, name)
    if live.port is None:
        return False
    route, since = as_route(live, namespace, name), urgent_since(config, name)
    try:
        return config.with_route(route, live.port, settings, urgent_since=since) == config
    except LockstepError:  # not even a route: somebody edited it
        return False


_NOTHING = RouteFile({}, None)


def _route_file(config: RouterConfig, name: str) -> RouteFile:
    text = config.routes.get(name)
    if text is None:
        return _NOTHING
    try:
        return read_route(text, f"{names.route_file(name)} of ConfigMap {names.ROUTER!r}")
    except LockstepError:
        return _NOTHING
