"""cds.yaml: a cluster per ModelRevision that the router knows, and those of mirror, matches, gRPC.

Mirrored and matched requests have clusters of their own, so that the statistics, the limits and
the ejections of a revision's cluster are those of the split. gRPC has its own, for another port
and HTTP/2.
"""

from typing import Any

from lockstep_operator.core.names import GRPC_PORT
from lockstep_operator.core.routing import Endpoint, TrafficSettings
from lockstep_operator.traffic.envoy import durations, names
from lockstep_operator.traffic.envoy.discovery import Resource

_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


# A slow candidate must not fill the router's memory with copies that wait for it.
MAX_MIRRORED = 256


def model_cluster(
    name: str,
    deployment: str,
    host_suffix: str,
    settings: TrafficSettings,
    endpoint: Endpoint,
) -> Resource:
    """Return a cluster of one revision: the pods behind its headless Service.

    Args:
        name: the revision, or the name of its cluster for mirror, matches or gRPC.
        deployment: the ModelDeployment that it belongs to.
        host_suffix: what follows the Service's name, `<namespace>.svc.<cluster domain>`.
        settings: limits and ejection.
        endpoint: where its pods take requests and are asked for their health.
    """
    revision = names.revision_of(name)
    # The last dot keeps the resolver from trying the pod's search domains first (ndots: 5).
    address = f"{revision}.{host_suffix}."
    return {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": name,
        "metadata": {"filter_metadata": {names.METADATA: {"deployment": deployment}}},
        "cluster_type": {"name": "envoy.cluster.dns", "typed_config": _resolution()},
        # An address that left DNS may be another model's pod by now and pass the health check.
        # (Ending pods stay in DNS, as the Service publishes addresses that are not ready.)
        "ignore_health_on_host_removal": True,
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": _socket_of(name, address, endpoint)}]}],
        },
        "connect_timeout": "1s",
        # Inference times differ widely and a pod works on one at a time: count what is waiting.
        "lb_policy": "LEAST_REQUEST",
        # 1 % (0 would be never): only when no pod is healthy is any pod better than a sure 503.
        # A busy single replica that misses two probes then goes on being used, and pods that are
        # starting get nothing as long as another is healthy.
        "common_lb_config": {"healthy_panic_threshold": {"value": 1.0}},
        "health_checks": [_health_check(revision, endpoint.health_path)],
        "circuit_breakers": {"thresholds": [_limits(name, settings)]},
        **_ejection(name, settings),
        "typed_extension_protocol_options": {_OPTIONS: _http_options(name)},
    }


def cluster_owner(resource: Resource) -> str | None:
    """Return the ModelDeployment that a cluster belongs to, None when the text does not say."""
    try:
        owner = resource["metadata"]["filter_metadata"][names.METADATA]["deployment"]
    except (KeyError, TypeError):
        return None
    return str(owner)


def _resolution() -> dict[str, Any]:
    """Each address that DNS has is an endpoint (what the older STRICT_DNS type does)."""
    return {
        "@type": "type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster",
        # Answers come from caches (CoreDNS, NodeLocal) that keep the records' lifetime anyway.
        "dns_refresh_rate": "2s",
        "dns_jitter": "0.5s",
        "dns_failure_refresh_rate": {"base_interval": "0.5s", "max_interval": "2s"},
        # One question where IPv4 answers; a dual-stack Service's pods are not counted twice.
        "dns_lookup_family": "V4_PREFERRED",
    }


def endpoint_of(resource: Resource) -> Endpoint:
    """Return what a cluster was made with; what cannot be read is as our own server has it."""
    try:
        (group,) = resource["load_assignment"]["endpoints"]
        (pods,) = group["lb_endpoints"]
        port = pods["endpoint"]["address"]["socket_address"]["port_value"]
        path = resource["health_checks"][0]["http_health_check"]["path"]
    except (KeyError, TypeError, ValueError, IndexError):
        return Endpoint()
    return Endpoint(int(port), str(path))


def _socket_of(name: str, address: str, endpoint: Endpoint) -> dict[str, Any]:
    """A pod is healthy for gRPC whenever it is for HTTP: it is asked on HTTP's port."""
    if not names.is_grpc(name):
        return {"address": _socket(address, endpoint.port)}
    probed = {"port_value": endpoint.port}
    return {"address": _socket(address, GRPC_PORT), "health_check_config": probed}


def _socket(address: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": address, "port_value": port}}


def _health_check(revision: str, path: str) -> dict[str, Any]:
    """Every interval is set: the defaults without traffic are 60 s."""
    return {
        "timeout": "1s",
        "interval": "1s",
        "initial_jitter": "0.1s",
        "interval_jitter": "0.1s",
        "no_traffic_interval": "1s",
        "no_traffic_healthy_interval": "1s",
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
        "http_health_check": {"path": path, "host": revision},
    }


def _limits(name: str, settings: TrafficSettings) -> dict[str, int]:
    """Envoy's own defaults are 1024, and 3 retries."""
    most = MAX_MIRRORED if names.is_mirror(name) else settings.max_requests
    return {
        "max_connections": settings.max_connections,
        "max_pending_requests": min(settings.max_pending_requests, most),
        "max_requests": min(settings.max_requests, most),
        "max_retries": 1_000_000,
    }


def _ejection(name: str, settings: TrafficSettings) -> dict[str, Any]:
    """A mirror's pods are never ejected: it is there to see their errors."""
    if names.is_mirror(name) or not settings.consecutive_errors:
        return {}
    seconds = max(settings.ejection_time, 0.001)
    detection = {
        "consecutive_5xx": settings.consecutive_errors,
        "enforcing_consecutive_5xx": 100,
        "enforcing_success_rate": 0,
        "interval": "1s",
        "base_ejection_time": durations.to_text(seconds),
        "max_ejection_time": durations.to_text(max(seconds, 300.0)),
        "max_ejection_percent": settings.max_ejected_percent,
        # Else the next health check, a second later, would bring the pod back.
        "successful_active_health_check_uneject_host": False,
    }
    return {"outlier_detection": detection}


def _http_options(name: str) -> dict[str, Any]:
    if names.is_grpc(name):
        config: dict[str, Any] = {"http2_protocol_options": {}}
        return {"@type": f"type.googleapis.com/{_OPTIONS}", "explicit_http_config": config}
    return {
        "@type": f"type.googleapis.com/{_OPTIONS}",
        # Below the 5 s after which uvicorn, by default, closes an idle connection.
        "common_http_protocol_options": {"idle_timeout": "4s"},
        "explicit_http_config": {"http_protocol_options": {}},
    }
