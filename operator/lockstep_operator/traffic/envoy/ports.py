"""Which listener port a ModelDeployment gets: once, and then always the same."""

from collections.abc import Collection, Sequence
from typing import Any

from lockstep_operator.core.errors import Invalid
from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.envoy.config import RouterConfig
from lockstep_operator.traffic.envoy.listeners import listener_port
from lockstep_operator.traffic.envoy.manifests import service_port

Manifest = dict[str, Any]


def choose_port(deployment: str, config: RouterConfig, services: Sequence[Manifest]) -> int:
    """Return the port of its listener, else of its Service, else the lowest that nobody has.

    Args:
        deployment: name of the ModelDeployment.
        config: the router's configuration.
        services: the namespace's user-facing Services; they remember what a lost ConfigMap knew.

    Raises:
        Invalid: no port is left.
    """
    if deployment in config.listeners:
        return listener_port(config.listeners[deployment])
    taken = {listener_port(listener) for listener in config.listeners.values()}
    remembered = {name: port for name, port in map(_memory, services) if port is not None}
    mine = remembered.pop(deployment, None)
    if mine is not None and mine not in taken:
        return mine
    return _lowest_free(taken | set(remembered.values()))


def _memory(service: Manifest) -> tuple[str, int | None]:
    name = service["metadata"]["name"]
    return name, service_port(service, name)


def _lowest_free(taken: Collection[int]) -> int:
    for port in range(names.FIRST_PORT, names.LAST_PORT + 1):
        if port not in taken:
            return port
    raise Invalid(f"the router's ports {names.FIRST_PORT} to {names.LAST_PORT} are all taken")
