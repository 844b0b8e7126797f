"""Objects for the tests."""

from typing import Any

Manifest = dict[str, Any]
NAMESPACE = "shop"


def build(kind: str, name: str, version: int = 1, **parts: Any) -> Manifest:
    metadata = {
        "namespace": NAMESPACE,
        "name": name,
        "uid": parts.pop("uid", f"uid-{kind}-{name}"),
        "resourceVersion": str(version),
        **parts.pop("metadata", {}),
    }
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **parts}


def deployment(name: str = "churn", version: int = 1, **parts: Any) -> Manifest:
    spec = parts.pop("spec", {"replicas": 1})
    return build("ModelDeployment", name, version, spec=spec, **parts) | {
        "apiVersion": "serving.lockstep.dev/v1alpha1"
    }


def revision(
    name: str = "churn-1a2b3c4d", parent: str = "churn", version: int = 1, **parts: Any
) -> Manifest:
    spec = {"modelDeploymentName": parent, **parts.pop("spec", {})}
    return build("ModelRevision", name, version, spec=spec, **parts) | {
        "apiVersion": "serving.lockstep.dev/v1alpha1"
    }


def labels(parent: str | None = "churn", component: str = "revision") -> dict[str, str]:
    ours = {
        "app.kubernetes.io/managed-by": "lockstep",
        "app.kubernetes.io/component": component,
    }
    return ours | ({"serving.lockstep.dev/model-deployment": parent} if parent else {})


def child(kind: str = "Service", name: str = "churn-1a2b3c4d", **spec: Any) -> Manifest:
    """A wanted child, as the core renders it."""
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"namespace": NAMESPACE, "name": name, "labels": labels()},
        "spec": spec or {"port": 80},
    }
