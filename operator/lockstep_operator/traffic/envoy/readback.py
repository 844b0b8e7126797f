"""What a router is configured to do, read from its ConfigMap: there is no second copy of it."""

from collections.abc import Mapping
from typing import Any

from lockstep_operator.core.errors import LockstepError
from lockstep_operator.core.routing import Backend, LiveRoute, Route
from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.envoy.clusters import cluster_owner
from lockstep_operator.traffic.envoy.config import EMPTY, RouterConfig
from lockstep_operator.traffic.envoy.discovery import Resource, parse
from lockstep_operator.traffic.envoy.listeners import listener_port
from lockstep_operator.traffic.envoy.routes import read_route
from lockstep_operator.traffic.envoy.settings import RouterSettings

Manifest = dict[str, Any]

DEFAULT_TIMEOUT_SECONDS = 15.0


def read_config(configmap: Manifest | None) -> RouterConfig:
    """Return the configuration in a router's ConfigMap, an empty one when there is none.

    Raises:
        LockstepError: a file that all ModelDeployments share is damaged; nothing must be built on
            it. (A damaged route file concerns one of them only and is overwritten.)
    """
    data = (configmap or {}).get("data")
    if not data:
        return EMPTY
    return RouterConfig(
        bootstrap=data.get(names.BOOTSTRAP_FILE, ""),
        listeners=_resources(data, names.LISTENERS_FILE),
        clusters=_resources(data, names.CLUSTERS_FILE),
        routes=_routes(data),
    )


def read_route_of(config: RouterConfig, deployment: str) -> LiveRoute:
    """Return port, weights and timeout of one ModelDeployment; the rest is for others to fill in.

    A damaged route file reads as no weights and no timeout.
    """
    listener = config.listeners.get(deployment)
    known = {name: 0 for name, c in config.clusters.items() if cluster_owner(c) == deployment}
    weights, timeout = _weights(config, deployment)
    return LiveRoute(
        port=None if listener is None else listener_port(listener),
        weights=known | weights,
        timeout_seconds=timeout,
    )


def route_version(config: RouterConfig, deployment: str) -> str | None:
    """Return the version of a route file, None when there is none that can be read."""
    try:
        return parse(config.routes.get(deployment, ""), deployment)[0]
    except LockstepError:
        return None


def as_route(live: LiveRoute, namespace: str, deployment: str) -> Route:
    """Return the route that would configure what is configured."""
    return Route(
        namespace=namespace,
        deployment=deployment,
        backends=tuple(Backend(name, weight) for name, weight in sorted(live.weights.items())),
        timeout_seconds=live.timeout_seconds or DEFAULT_TIMEOUT_SECONDS,
    )


def is_current(config: RouterConfig, namespace: str, name: str, settings: RouterSettings) -> bool:
    """Whether this build of the operator would write the same for a ModelDeployment."""
    live = read_route_of(config, name)
    if live.port is None:
        return False
    try:
        return config.with_route(as_route(live, namespace, name), live.port, settings) == config
    except LockstepError:  # not even a route: somebody edited it
        return False


def _resources(data: Mapping[str, str], key: str) -> dict[str, Resource]:
    _, resources = parse(data.get(key, ""), _where(key))
    return {resource["name"]: resource for resource in resources}


def _routes(data: Mapping[str, str]) -> dict[str, str]:
    prefix, suffix = names.route_file("\0").split("\0")
    return {
        key[len(prefix) : -len(suffix)]: text
        for key, text in data.items()
        if key.startswith(prefix) and key.endswith(suffix)
    }


def _weights(config: RouterConfig, name: str) -> tuple[dict[str, int], float | None]:
    text = config.routes.get(name)
    if text is None:
        return {}, None
    try:
        return read_route(text, _where(names.route_file(name)))
    except LockstepError:
        return {}, None


def _where(key: str) -> str:
    return f"{key} of ConfigMap {names.ROUTER!r}"
