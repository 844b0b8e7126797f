"""What runs a revision: a Deployment, a headless Service, and the ConfigMap with its digest."""

from typing import Any

from lockstep_operator.api.group import REVISION_LABEL
from lockstep_operator.core.names import model_labels, observed_name, owner_reference
from lockstep_operator.core.plan import Manifest
from lockstep_operator.core.revisions import Revision


def build_deployment(deployment: Manifest, revision: Revision, replicas: int) -> Manifest:
    """Return the Deployment of a revision, with the pod template exactly as stored."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(deployment, revision, revision.name),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {REVISION_LABEL: revision.name}},
            "template": revision.spec.pod_template,
        },
    }


def build_service(deployment: Manifest, revision: Revision) -> Manifest:
    """Return the headless Service by whose name the router finds a revision's pods.

    Addresses of pods that are not ready are published too: the router checks health itself, and
    DNS answers may be half a minute old.
    """
    port = revision.endpoint.port
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(deployment, revision, revision.name),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {REVISION_LABEL: revision.name},
            "ports": [{"name": "http", "port": port, "targetPort": port}],
        },
    }


def build_observed(deployment: Manifest, revision: Revision) -> Manifest | None:
    """Return the ConfigMap that holds a revision's pods to the bytes that it served first.

    Where the URI can move, it says what it stood for then. None until a pod has reported them.
    """
    observed = revision.spec.observed
    if observed is None:
        return None
    version = {"version": observed.version} if observed.version else {}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(deployment, revision, observed_name(revision.name)),
        "immutable": True,
        "data": {"digest": observed.digest, **version},
    }


def _metadata(deployment: Manifest, revision: Revision, name: str) -> dict[str, Any]:
    metadata = deployment["metadata"]
    return {
        "name": name,
        "namespace": metadata["namespace"],
        "labels": model_labels(metadata["name"], revision.name),
        "ownerReferences": [owner_reference(deployment)],
    }
