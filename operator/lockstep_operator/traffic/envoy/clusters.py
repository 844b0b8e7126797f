"""cds.yaml: one cluster per ModelRevision that the router knows."""

from typing import Any

from lockstep_operator.core.names import MODEL_PORT
from lockstep_operator.traffic.envoy.discovery import Resource

_METADATA = "lockstep"
_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def model_cluster(revision: str, deployment: str, namespace: str, domain: str) -> Resource:
    """Return the cluster of one revision: the pods behind its headless Service."""
    # The last dot keeps the resolver from trying the pod's search domains first (ndots: 5).
    address = f"{revision}.{namespace}.svc.{domain}."
    return {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": revision,
        "metadata": {"filter_metadata": {_METADATA: {"deployment": deployment}}},
        "cluster_type": {"name": "envoy.cluster.dns", "typed_config": _resolution()},
        # An address that left DNS may be another model's pod by now and pass the health check.
        # (Ending pods stay in DNS, as the Service publishes addresses that are not ready.)
        "ignore_health_on_host_removal": True,
        "load_assignment": {
            "cluster_name": revision,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _socket(address)}}]}],
        },
        "connect_timeout": "1s",
        # Inference times differ widely and a pod works on one at a time: count what is waiting.
        "lb_policy": "LEAST_REQUEST",
        # 1 % (0 would be never): only when no pod is healthy is any pod better than a sure 503.
        # A busy single replica that misses two probes then goes on being used, and pods that are
        # starting get nothing as long as another is healthy.
        "common_lb_config": {"healthy_panic_threshold": {"value": 1.0}},
        "health_checks": [_health_check(revision)],
        "circuit_breakers": {"thresholds": [_unbounded()]},
        "typed_extension_protocol_options": {_OPTIONS: _http_options()},
    }


def cluster_owner(resource: Resource) -> str | None:
    """Return the ModelDeployment that a cluster belongs to, None when the text does not say."""
    try:
        owner = resource["metadata"]["filter_metadata"][_METADATA]["deployment"]
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


def _socket(address: str) -> dict[str, Any]:
    return {"socket_address": {"address": address, "port_value": MODEL_PORT}}


def _health_check(revision: str) -> dict[str, Any]:
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
        "http_health_check": {"path": "/v2/health/ready", "host": revision},
    }


def _unbounded() -> dict[str, Any]:
    """Out of the way (the defaults are 1024, and 3 retries): load is shed by the model server."""
    limit = 1_000_000
    return {
        "max_connections": limit,
        "max_pending_requests": limit,
        "max_requests": limit,
        "max_retries": limit,
    }


def _http_options() -> dict[str, Any]:
    return {
        "@type": f"type.googleapis.com/{_OPTIONS}",
        # Below the 5 s after which uvicorn, by default, closes an idle connection.
        "common_http_protocol_options": {"idle_timeout": "4s"},
        "explicit_http_config": {"http_protocol_options": {}},
    }
