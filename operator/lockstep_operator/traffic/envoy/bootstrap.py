"""The router's bootstrap: what an Envoy reads once, at start."""

from functools import lru_cache
from typing import Any

import yaml

from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.envoy.connections import listener
from lockstep_operator.traffic.envoy.discovery import Resource, config_source
from lockstep_operator.traffic.envoy.settings import RouterSettings

STATS_PATHS = ("/stats", "/stats/prometheus")

# Envoy's default buckets (5, 10, 25, 50 ms …) are too coarse to compare models' latencies.
LATENCY_BUCKETS_MS = (
    *(1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150, 200, 250, 300),
    *(400, 500, 600, 800, 1000, 1200, 1500, 2000, 2500, 3000, 4000, 5000, 6000, 8000, 10000),
    *(15000, 20000, 30000, 60000),
)


@lru_cache(maxsize=8)
def bootstrap_text(settings: RouterSettings) -> str:
    """Return the bootstrap as YAML; the same for every namespace."""
    return yaml.safe_dump(_bootstrap(settings), sort_keys=False, width=1000)


def _bootstrap(settings: RouterSettings) -> dict[str, Any]:
    return {
        # In the pod's own volume: on TCP every neighbour could ask it to quit.
        "admin": {"address": {"pipe": {"path": names.ADMIN_SOCKET, "mode": 0o600}}},
        "dynamic_resources": {
            "lds_config": config_source(names.LISTENERS_FILE),
            "cds_config": config_source(names.CLUSTERS_FILE),
        },
        "static_resources": {"listeners": [_stats_listener()], "clusters": [_admin_cluster()]},
        "stats_flush_interval": "1s",
        "stats_config": {"histogram_bucket_settings": [_latency_buckets()]},
        "overload_manager": {"resource_monitors": [_connection_limit(settings)]},
    }


def _stats_listener() -> Resource:
    """All of the admin interface that other pods may see: GET of the statistics."""
    routes = [
        {
            "match": {
                "path": path,
                "headers": [{"name": ":method", "string_match": {"exact": "GET"}}],
            },
            "route": {"cluster": names.ADMIN_CLUSTER, "timeout": "10s"},
        }
        for path in STATS_PATHS
    ]
    host = {"name": "stats", "domains": ["*"], "routes": routes}
    route = {"name": names.STATS_LISTENER, "virtual_hosts": [host]}
    return {
        **listener(names.STATS_LISTENER, names.STATS_PORT, {"route_config": route}),
        "ignore_global_conn_limit": True,
    }


def _admin_cluster() -> Resource:
    endpoint = {"address": {"pipe": {"path": names.ADMIN_SOCKET}}}
    return {
        "name": names.ADMIN_CLUSTER,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": names.ADMIN_CLUSTER,
            "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}],
        },
    }


def _latency_buckets() -> dict[str, Any]:
    return {
        "match": {"suffix": "_rq_time"},
        "buckets": [float(bound) for bound in LATENCY_BUCKETS_MS],
    }


def _connection_limit(settings: RouterSettings) -> dict[str, Any]:
    name = "downstream_connections"
    return {
        "name": "envoy.resource_monitors.global_downstream_max_connections",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.resource_monitors."
            f"{name}.v3.DownstreamConnectionsConfig",
            "max_active_downstream_connections": settings.max_connections,
        },
    }
