"""lds.yaml: one listener per ModelDeployment, and the one that answers the readiness probe."""

from typing import Any

from lockstep_operator.core.errors import LockstepError
from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.envoy.connections import listener
from lockstep_operator.traffic.envoy.discovery import Resource, config_source

_TYPE = {"@type": "type.googleapis.com/envoy.config.listener.v3.Listener"}


def model_listener(deployment: str, port: int, *, grpc: bool = False) -> Resource:
    """Return the listener of one ModelDeployment; everything that can be wrong is in its route.

    It takes HTTP/1.1 and HTTP/2 alike; `grpc`: the statuses of gRPC's answers are counted too.
    """
    source = config_source(names.route_file(deployment))
    rds = {"route_config_name": deployment, "config_source": source}
    routing = {"rds": rds, "early_header_mutation_extensions": [_request_id()]}
    return {**_TYPE, **listener(deployment, port, routing, counts_grpc=grpc)}


def ready_listener() -> Resource:
    """Return the listener of the readiness probe.

    It comes with the others' file: an Envoy that has not loaded it is LIVE, but not Ready.
    """
    ready = {"match": {"path": names.READY_PATH}, "direct_response": {"status": 200}}
    host = {"name": "ready", "domains": ["*"], "routes": [ready]}
    route = {"name": names.READY_LISTENER, "virtual_hosts": [host]}
    unlimited = {"ignore_global_conn_limit": True}
    return {
        **_TYPE,
        **listener(names.READY_LISTENER, names.READY_PORT, {"route_config": route}),
        **unlimited,
    }


def listener_port(resource: Resource) -> int:
    """Return the port of a listener.

    Raises:
        LockstepError: it has none.
    """
    try:
        return int(resource["address"]["socket_address"]["port_value"])
    except (KeyError, TypeError, ValueError) as error:
        raise LockstepError(f"listener {resource.get('name')!r} has no port") from error


def _request_id() -> dict[str, Any]:
    """Give each request an id of the router's own, before it is routed."""
    header = {"key": names.REQUEST_ID_HEADER, "value": "%UNIQUE_ID%"}
    change = {"append": {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
    extension = "http.early_header_mutation.header_mutation.v3.HeaderMutation"
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": {
            "@type": f"type.googleapis.com/envoy.extensions.{extension}",
            "mutations": [change],
        },
    }
