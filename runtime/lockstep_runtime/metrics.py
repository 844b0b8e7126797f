"""The runtime's Prometheus metrics, in a registry of their own."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

CONTENT_TYPE = CONTENT_TYPE_LATEST
# Ten per decade from 0.1 ms to 31.6 s: neighbours differ by a quarter, fine enough to compare
# the p99 of two revisions.
LATENCY_BUCKETS = tuple(round(10 ** (exponent / 10), 7) for exponent in range(-40, 16))


class Metrics:
    """Counts inference requests (not probes) of one revision."""

    def __init__(self, revision: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series per counter that nobody reads
        self.registry = CollectorRegistry()
        self._revision = revision
        self._requests = Counter(
            "lockstep_inference_requests",
            "Inference requests answered, by HTTP status code; 499: the client went away.",
            ["revision", "code"],
            registry=self.registry,
        )
        self._latency = Histogram(
            "lockstep_inference_duration_seconds",
            "From an inference request's headers to its answer's last byte.",
            ["revision"],
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        ).labels(revision)
        self._inflight = Gauge(
            "lockstep_inference_inflight",
            "Inference requests being answered.",
            ["revision"],
            registry=self.registry,
        ).labels(revision)
        self._load = Gauge(
            "lockstep_model_load_seconds",
            "Time to verify, load and warm up the model.",
            ["revision"],
            registry=self.registry,
        ).labels(revision)
        self._info = Info("lockstep_model", "The model that is served.", registry=self.registry)
        self._codes = {code: self._requests.labels(revision, str(code)) for code in (200, 400)}
        ProcessCollector(registry=self.registry)

    def started(self) -> None:
        """Count a request in."""
        self._inflight.inc()

    def finished(self, code: int, seconds: float) -> None:
        """Count a request out."""
        self._inflight.dec()
        counter = self._codes.get(code)
        if counter is None:
            counter = self._codes[code] = self._requests.labels(self._revision, str(code))
        counter.inc()
        self._latency.observe(seconds)

    def model_loaded(self, seconds: float, **facts: str) -> None:
        """Record how long loading took, and what was loaded."""
        self._load.set(seconds)
        self._info.info({"revision": self._revision, **facts})

    def render(self) -> bytes:
        """Return the text exposition."""
        return generate_latest(self.registry)
