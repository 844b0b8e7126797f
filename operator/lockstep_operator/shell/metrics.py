"""The operator's Prometheus metrics."""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_ROLES = ("stableRevision", "candidateRevision")


class Metrics:
    """All metrics of one operator process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.reconciles = Counter(
            "lockstep_reconciles", "Reconciles by result", ["result"], registry=self.registry
        )
        self.reconcile_seconds = Histogram(
            "lockstep_reconcile_seconds", "Duration of reconciles", registry=self.registry
        )
        self.replans = Counter(
            "lockstep_replans", "Plans made again because an object changed", registry=self.registry
        )
        self.queue_depth = Gauge(
            "lockstep_queue_depth", "ModelDeployments due or in work", registry=self.registry
        )
        self.is_leader = Gauge(
            "lockstep_is_leader", "1 when this process acts", registry=self.registry
        )
        self.api_requests = Counter(
            "lockstep_api_requests",
            "Requests to the API server; code 0: no answer",
            ["verb", "code"],
            registry=self.registry,
        )
        self.weight = Gauge(
            "lockstep_traffic_weight_percent",
            "Live weight of the stable and the candidate revision",
            ["namespace", "model_deployment", "role"],
            registry=self.registry,
        )
        self.condition = Gauge(
            "lockstep_condition",
            "1 when the condition is True",
            ["namespace", "model_deployment", "type"],
            registry=self.registry,
        )
        self._conditions: dict[tuple[str, str], set[str]] = {}

    def report(self, namespace: str, name: str, status: dict[str, Any]) -> None:
        """Publish the weights and conditions of a ModelDeployment's status."""
        weights = {entry["revision"]: entry["weight"] for entry in status.get("traffic") or []}
        for role in _ROLES:
            label = role.removesuffix("Revision")
            self.weight.labels(namespace, name, label).set(weights.get(status.get(role), 0))
        types = {c["type"]: c["status"] == "True" for c in status.get("conditions") or []}
        for gone in self._conditions.get((namespace, name), set()) - types.keys():
            self.condition.remove(namespace, name, gone)
        for kind, holds in types.items():
            self.condition.labels(namespace, name, kind).set(holds)
        self._conditions[(namespace, name)] = set(types)

    def forget(self, namespace: str, name: str) -> None:
        """Stop publishing a ModelDeployment that is gone."""
        for kind in self._conditions.pop((namespace, name), set()):
            self.condition.remove(namespace, name, kind)
        self.weight.remove_by_labels({"namespace": namespace, "model_deployment": name})

    def exposition(self) -> bytes:
        """Return the text format that Prometheus scrapes."""
        return generate_latest(self.registry)
