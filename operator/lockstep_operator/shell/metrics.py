"""The operator's Prometheus metrics; docs/metrics.md lists them all."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from lockstep_operator.shell.rollout_metrics import RolloutMetrics

_LOOK_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.5)


class Metrics:
    """All metrics of one operator process, in a registry of its own.

    Here are those of the process; those of the ModelDeployments are in `rollouts`.
    """

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
        self.look_seconds = Histogram(
            "lockstep_analysis_look_seconds",
            "Duration of looks at what gates need",
            buckets=_LOOK_BUCKETS,
            registry=self.registry,
        )
        self.look_problems = Counter(
            "lockstep_analysis_problems",
            "Looks at which a gate of this metric could not be computed",
            ["metric"],
            registry=self.registry,
        )
        self.rollouts = RolloutMetrics(self.registry)

    def exposition(self) -> bytes:
        """Return the text format that Prometheus scrapes."""
        return generate_latest(self.registry)
