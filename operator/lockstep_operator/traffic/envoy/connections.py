"""The HTTP side of every listener of the router."""

from typing import Any

from lockstep_operator.traffic.envoy import names

_TYPES = "type.googleapis.com/envoy.extensions.filters"

# On SIGTERM Envoy exits at once and resets what is open. So no connection gets old: at this age
# the next answer says `connection: close`. A router pod that has left its Services then has no
# busy connection any more when its preStop sleep (`RouterSettings.drain_seconds`) ends.
MAX_CONNECTION_SECONDS = 5


def listener(
    name: str, port: int, routing: dict[str, Any], *, counts_grpc: bool = False
) -> dict[str, Any]:
    """Return a listener.

    Args:
        name: its name, which its statistics have too.
        port: on all addresses.
        routing: the connection manager's `rds` or `route_config`, and what precedes them.
        counts_grpc: count answers by gRPC's status, which is not HTTP's, for each cluster.
    """
    return {
        "name": name,
        "address": {"socket_address": {"address": names.LISTEN_ADDRESS, "port_value": port}},
        "filter_chains": [{"filters": [_connection_manager(name, routing, counts_grpc)]}],
    }


def _connection_manager(
    stat_prefix: str, routing: dict[str, Any], counts_grpc: bool
) -> dict[str, Any]:
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": f"{_TYPES}.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": stat_prefix,
            **routing,
            "http_filters": [
                *([_GRPC_STATS] if counts_grpc else []),
                {
                    "name": "envoy.filters.http.router",
                    "typed_config": {"@type": f"{_TYPES}.http.router.v3.Router"},
                },
            ],
            **_trust(),
            **_limits(),
            "server_header_transformation": "PASS_THROUGH",
            # Envoy's own answers get the form that the model server's errors have.
            "local_reply_config": {"body_format": {"json_format": {"error": "%LOCAL_REPLY_BODY%"}}},
        },
    }


_GRPC_STATS = {
    "name": "envoy.filters.http.grpc_stats",
    "typed_config": {
        "@type": f"{_TYPES}.http.grpc_stats.v3.FilterConfig",
        # Not by method: clients choose its name.
        "stats_for_all_methods": False,
    },
}


def _trust() -> dict[str, Any]:
    """Clients are other pods: their address is seen, their `x-envoy-*` headers are not obeyed.

    Envoy takes orders on timeouts, retries and statistics names from internal addresses, by
    default all private ones. An empty list means the default, hence an address that no client has.
    """
    nobody = {"address_prefix": "255.255.255.255", "prefix_len": 32}
    return {
        "use_remote_address": True,
        "internal_address_config": {"cidr_ranges": [nobody]},
        "preserve_external_request_id": True,
        "always_set_request_id_in_response": True,
    }


def _limits() -> dict[str, Any]:
    return {
        "common_http_protocol_options": {
            "idle_timeout": "300s",
            "max_connection_duration": f"{MAX_CONNECTION_SECONDS}s",
        },
        # Never close between two requests of a client that is about to send the next.
        "http1_safe_max_connection_duration": True,
        "request_headers_timeout": "10s",
        "stream_idle_timeout": "60s",
    }
