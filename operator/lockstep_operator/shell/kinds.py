"""The kinds of API objects that the operator touches, and their paths in the API."""

from dataclasses import dataclass

from lockstep_operator.api.group import (
    API_VERSION,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    MODEL_DEPLOYMENT,
    MODEL_REVISION,
)

OURS = f"{MANAGED_BY_LABEL}={MANAGED_BY}"


@dataclass(frozen=True, slots=True)
class Kind:
    """A namespaced kind. `selector`: which objects of it the store holds, None for all."""

    name: str
    api_version: str
    plural: str
    selector: str | None = None

    @property
    def group(self) -> str:
        """Return the API group, "" for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        """Return the version without its group."""
        return self.api_version.rpartition("/")[2]

    def path(self, namespace: str | None, name: str | None = None, subresource: str = "") -> str:
        """Return the URL path of a collection, an object or its subresource."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"
        parts = [root]
        if namespace is not None:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join(parts)


WATCHED = (
    Kind(MODEL_DEPLOYMENT, API_VERSION, "modeldeployments"),
    Kind(MODEL_REVISION, API_VERSION, "modelrevisions"),
    Kind("Deployment", "apps/v1", "deployments", OURS),
    Kind("Service", "v1", "services", OURS),
    Kind("ConfigMap", "v1", "configmaps", OURS),
    Kind("Pod", "v1", "pods", OURS),
    Kind("PodDisruptionBudget", "policy/v1", "poddisruptionbudgets", OURS),
)

KINDS = {
    kind.name: kind
    for kind in (
        *WATCHED,
        Kind("Event", "v1", "events"),
        Kind("Lease", "coordination.k8s.io/v1", "leases"),
        Kind("Secret", "v1", "secrets"),  # only got, where a gate names one
    )
}
