"""Reading a router's ConfigMap, also where somebody has damaged it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from lockstep_operator.core.errors import LockstepError
from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.envoy.clusters import cluster_owner
from lockstep_operator.traffic.envoy.config import EMPTY, RouterConfig
from lockstep_operator.traffic.envoy.discovery import Resource, parse
from lockstep_operator.traffic.envoy.listeners import listener_port
from lockstep_operator.traffic.envoy.readback import as_route, read_route_of, urgent_since
from lockstep_operator.traffic.envoy.settings import RouterSettings

Manifest = dict[str, Any]


def read_config(configmap: Manifest | None) -> RouterConfig:
    """Return the configuration in a router's ConfigMap, an empty one when there is none.

    Of a damaged file it has the entries that can still be read, and `damaged` names it.
    """
    data = (configmap or {}).get("data")
    if not data:
        return EMPTY
    listeners, listeners_whole = _resources(data.get(names.LISTENERS_FILE, ""), _has_port)
    clusters, clusters_whole = _resources(data.get(names.CLUSTERS_FILE, ""), _has_owner)
    whole = {names.LISTENERS_FILE: listeners_whole, names.CLUSTERS_FILE: clusters_whole}
    return RouterConfig(
        bootstrap=data.get(names.BOOTSTRAP_FILE, ""),
        listeners=listeners,
        clusters=clusters,
        routes=_routes(data),
        damaged=tuple(file for file, is_whole in whole.items() if not is_whole),
    )


def joined(config: RouterConfig, before: RouterConfig) -> RouterConfig:
    """Return a damaged configuration with the entries of `before` that it lacks."""
    return replace(
        config,
        listeners={**before.listeners, **config.listeners},
        clusters={**before.clusters, **config.clusters},
    )


def mended(
    config: RouterConfig,
    namespace: str,
    ports: Mapping[str, int | None],
    settings: RouterSettings,
) -> RouterConfig:
    """Return a damaged configuration with the entries that follow from the intact route files.

    Those are the listeners, and the clusters of revisions that get requests: the router would
    otherwise forget models that it still serves, as soon as the file can be read again.

    Args:
        config: what could be read.
        namespace: the router's.
        ports: listener port by ModelDeployment, as its Service says.
        settings: the operator's.
    """
    for name in config.routes:
        live = read_route_of(config, name)
        port = live.port or ports.get(name)
        if live.settings is None or port is None:
            continue  # its own reconcile writes it
        route, since = as_route(live, namespace, name), urgent_since(config, name)
        try:
            whole = config.with_route(route, port, settings, urgent_since=since)
        except LockstepError:  # edited by somebody
            continue
        config = replace(whole, bootstrap=config.bootstrap, damaged=config.damaged)
    return config


def _resources(text: str, sound: Callable[[Resource], bool]) -> tuple[dict[str, Resource], bool]:
    """Return the sound resources of a file by name, and whether that is all there was."""
    try:
        _, found = parse(text, "")
        readable = True
    except LockstepError:
        found, readable = _lines(text), False
    resources = {one["name"]: one for one in found if sound(one)}
    return resources, readable and len(resources) == len(found)


def _lines(text: str) -> tuple[Resource, ...]:
    """Return the resources on lines of their own, as `dump_lines` writes them."""
    found = []
    for line in text.splitlines():
        try:
            resource = json.loads(line.strip().rstrip(","))
        except json.JSONDecodeError:
            continue
        if isinstance(resource, dict) and isinstance(resource.get("name"), str):
            found.append(resource)
    return tuple(found)


def _has_owner(cluster: Resource) -> bool:
    return cluster_owner(cluster) is not None


def _has_port(listener: Resource) -> bool:
    try:
        return listener_port(listener) > 0
    except LockstepError:
        return False


def _routes(data: Mapping[str, str]) -> dict[str, str]:
    prefix, suffix = names.route_file("\0").split("\0")
    return {
        key[len(prefix) : -len(suffix)]: text
        for key, text in data.items()
        if key.startswith(prefix) and key.endswith(suffix)
    }
