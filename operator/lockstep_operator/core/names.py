"""Names and labels of the objects that one ModelDeployment is turned into."""

from typing import Any

from lockstep_operator.api.group import (
    COMPONENT_LABEL,
    DEPLOYMENT_LABEL,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    MODEL_DEPLOYMENT,
    REVISION_LABEL,
)

# Of our own model server; one of the user's own may have others.
MODEL_PORT = 8080
HEALTH_PATH = "/v2/health/ready"
# Metrics and answers for the gates; the router sends nobody there.
TELEMETRY_PORT = 8081
# The same protocol over gRPC, for revisions that offer it.
GRPC_PORT = 8082


def observed_name(revision: str) -> str:
    """Return the name of the ConfigMap that tells a revision's pods which bytes they must load."""
    return f"{revision}-observed"


def model_labels(deployment: str, revision: str) -> dict[str, str]:
    """Return the labels of everything that serves one revision."""
    return {
        MANAGED_BY_LABEL: MANAGED_BY,
        COMPONENT_LABEL: "model",
        DEPLOYMENT_LABEL: deployment,
        REVISION_LABEL: revision,
    }


def revision_labels(deployment: str) -> dict[str, str]:
    """Return the labels of a ModelRevision."""
    return {
        MANAGED_BY_LABEL: MANAGED_BY,
        COMPONENT_LABEL: "revision",
        DEPLOYMENT_LABEL: deployment,
    }


def owner_reference(deployment: dict[str, Any]) -> dict[str, Any]:
    """Return the controller ownerReference to a ModelDeployment."""
    return {
        "apiVersion": deployment["apiVersion"],
        "kind": MODEL_DEPLOYMENT,
        "name": deployment["metadata"]["name"],
        "uid": deployment["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
