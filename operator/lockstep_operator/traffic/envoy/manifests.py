"""The Kubernetes objects of a router, and the user-facing Service of a ModelDeployment."""

from collections.abc import Mapping, Sequence
from typing import Any

from lockstep_operator.api.group import DEPLOYMENT_LABEL
from lockstep_operator.core.names import owner_reference
from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.envoy.discovery import version
from lockstep_operator.traffic.envoy.pod_template import pod_template
from lockstep_operator.traffic.envoy.settings import RouterSettings

Manifest = dict[str, Any]
_GRPC_PORT = "grpc"


def router_configmap(
    namespace: str, data: Mapping[str, str], owners: Sequence[Manifest]
) -> Manifest:
    """Return the ConfigMap whose keys are Envoy's files."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _router_metadata(namespace, owners),
        "data": dict(data),
    }


def router_deployment(
    namespace: str,
    settings: RouterSettings,
    data: Mapping[str, str],
    owners: Sequence[Manifest],
    restart: str | None = None,
) -> Manifest:
    """Return the router's Deployment; of the ConfigMap's `data`, a new bootstrap restarts pods."""
    template = pod_template(settings, namespace, version(data[names.BOOTSTRAP_FILE]), restart)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _router_metadata(namespace, owners),
        "spec": {
            "replicas": settings.replicas,
            "selector": {"matchLabels": dict(names.ROUTER_LABELS)},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
            },
            "template": template,
        },
    }


def restart_mark(deployment: Manifest | None) -> str | None:
    """Return what the router's Deployment was last restarted for."""
    if deployment is None:
        return None
    metadata = deployment["spec"]["template"].get("metadata") or {}
    mark = (metadata.get("annotations") or {}).get(names.RESTART_ANNOTATION)
    return None if mark is None else str(mark)


def router_disruption_budget(namespace: str, owners: Sequence[Manifest]) -> Manifest:
    """Return the budget; by maxUnavailable, so that a single replica does not block a drain."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _router_metadata(namespace, owners),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": dict(names.ROUTER_LABELS)},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


def resource_version(manifest: Manifest | None) -> str | None:
    """Return the version that a write must carry, None when there is no object."""
    return None if manifest is None else str(manifest["metadata"]["resourceVersion"])


def user_service(namespace: str, owner: Manifest, port: int, *, grpc: bool = False) -> Manifest:
    """Return the Service that a ModelDeployment's clients use; it goes with its owner.

    `grpc`: with a second port, to the same listener, for clients that tell gRPC by the port.
    """
    deployment = owner["metadata"]["name"]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": deployment,
            "namespace": namespace,
            "labels": {**names.ROUTER_LABELS, DEPLOYMENT_LABEL: deployment},
            "ownerReferences": [owner_reference(owner)],
        },
        "spec": {
            "type": "ClusterIP",
            "selector": dict(names.ROUTER_LABELS),
            "ports": [
                {"name": "http", "port": 80, "protocol": "TCP", "targetPort": port},
                *([_grpc_port(port)] if grpc else []),
            ],
        },
    }


def _grpc_port(target: int) -> Manifest:
    return {
        "name": _GRPC_PORT,
        "appProtocol": "kubernetes.io/h2c",
        "port": names.GRPC_SERVICE_PORT,
        "protocol": "TCP",
        "targetPort": target,
    }


def service_port(service: Manifest | None, deployment: str) -> int | None:
    """Return the listener port that a user-facing Service points to, None when it is not one."""
    if service is None or not is_user_service(service, deployment):
        return None
    target = service["spec"]["ports"][0].get("targetPort")
    return target if isinstance(target, int) else None


def is_pointed(service: Manifest | None, deployment: str, port: int | None, grpc: bool) -> bool:
    """Whether a user-facing Service leads to this listener port, and has one for gRPC or not."""
    if service is None or service_port(service, deployment) != port:
        return False
    return any(one.get("name") == _GRPC_PORT for one in service["spec"]["ports"]) == grpc


def is_user_service(service: Manifest, deployment: str) -> bool:
    """Whether it is ours and not, say, a revision's Service of the same name."""
    wanted = {**names.ROUTER_LABELS, DEPLOYMENT_LABEL: deployment}
    return wanted.items() <= (service["metadata"].get("labels") or {}).items()


def _router_metadata(namespace: str, owners: Sequence[Manifest]) -> Manifest:
    """Plain references to all: the garbage collector takes the router with the last of them."""
    references = [_plain_reference(owner) for owner in owners]
    return {
        "name": names.ROUTER,
        "namespace": namespace,
        "labels": dict(names.ROUTER_LABELS),
        "ownerReferences": sorted(references, key=lambda r: (r["name"], r["uid"])),
    }


def _plain_reference(owner: Manifest) -> Manifest:
    return {key: owner_reference(owner)[key] for key in ("apiVersion", "kind", "name", "uid")}
