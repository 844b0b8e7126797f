"""The runtime's Prometheus metrics: what was recorded, written out when somebody asks.

prometheus_client's own counters cost several µs per request; a collector costs nothing until a
scrape.
"""

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from lockstep_runtime.inference.statistics import QueueStatistics
from lockstep_runtime.schema.enforcement import SchemaCheck
from lockstep_runtime.telemetry.latency import LATENCY_BOUNDS, LatencyHistogram
from lockstep_runtime.telemetry.recorder import Recorder

CONTENT_TYPE = CONTENT_TYPE_LATEST
_BUCKETS = (*map(floatToGoString, LATENCY_BOUNDS), "+Inf")
_ROWS = (*(float(2**power) for power in range(13)), float("inf"))


class Metrics(Collector):
    """Tells what was recorded of one revision (inference requests, not probes).

    Attributes:
        schema: whose violations are told, if there is one.
        model_name: of the metrics that KServe has too.
    """

    def __init__(self, recorder: Recorder, queue: QueueStatistics | None = None) -> None:
        self._recorder = recorder
        self._queue = queue or QueueStatistics()
        self.schema: SchemaCheck | None = None
        self.model_name = recorder.revision
        self._load_seconds: float | None = None
        self._model: dict[str, str] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def model_loaded(self, seconds: float, **facts: str) -> None:
        """Record how long loading took, and what was loaded."""
        self._load_seconds = seconds
        self._model = {"revision": self._recorder.revision, **facts}

    def render(self) -> bytes:
        """Return the text exposition."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        yield self._requests()
        yield self._latency()
        yield self._outputs()
        yield from self._stages()
        yield self._waits()
        yield self._batches()
        yield self._unserved()
        if self.schema is not None:
            yield self._violations(self.schema)
        yield self._gauge(
            "lockstep_inference_waiting", "Requests in the model's queue.", self._queue.waiting
        )
        yield self._gauge(
            "lockstep_inference_inflight",
            "Inference requests being answered.",
            self._recorder.inflight,
        )
        if self._load_seconds is not None:
            yield self._gauge(
                "lockstep_model_load_seconds",
                "Time to verify, load and warm up the model.",
                self._load_seconds,
            )
            yield InfoMetricFamily("lockstep_model", "The model that is served.", self._model)

    def _requests(self) -> Metric:
        family = CounterMetricFamily(
            "lockstep_inference_requests",
            "Inference requests answered, by HTTP status code; 499: the client went away.",
            labels=["revision", "assignment", "code"],
        )
        for (assignment, code), count in self._recorder.requests.items():
            family.add_metric([self._recorder.revision, assignment, str(code)], count)
        return family

    def _latency(self) -> Metric:
        family = HistogramMetricFamily(
            "lockstep_inference_duration_seconds",
            "From an inference request's headers to its answer's last byte; 200 answers only.",
            labels=["revision", "assignment"],
        )
        for assignment, histogram in self._recorder.latency.items():
            labels = [self._recorder.revision, assignment]
            family.add_metric(labels, _cumulative(histogram), histogram.total)
        return family

    def _stages(self) -> Iterator[Metric]:
        """Yield the parts of requests under KServe's names, for dashboards made for those."""
        for stage, histogram in self._recorder.stages.items():
            family = HistogramMetricFamily(
                f"request_{stage}_seconds", f"request {stage} latency", labels=["model_name"]
            )
            family.add_metric([self.model_name], _cumulative(histogram), histogram.total)
            yield family

    def _waits(self) -> Metric:
        family = HistogramMetricFamily(
            "lockstep_inference_queue_seconds",
            "How long requests waited for the model.",
            labels=["revision"],
        )
        waits = self._queue.waits
        family.add_metric([self._recorder.revision], _cumulative(waits), waits.total)
        return family

    def _batches(self) -> Metric:
        family = HistogramMetricFamily(
            "lockstep_inference_batch_rows",
            "Rows of each call of the model.",
            labels=["revision"],
        )
        batches = self._queue.batches
        counts = [sum(n for rows, n in batches.items() if rows <= bound) for bound in _ROWS]
        buckets = list(zip(map(floatToGoString, _ROWS), counts, strict=True))
        total = sum(rows * count for rows, count in batches.items())
        family.add_metric([self._recorder.revision], buckets, total)
        return family

    def _violations(self, schema: SchemaCheck) -> Metric:
        family = CounterMetricFamily(
            "lockstep_schema_violations",
            "Requests that broke the declared schema, refused or not.",
            labels=["revision", "feature", "rule"],
        )
        for (feature, rule), count in schema.violations.items():
            family.add_metric([self._recorder.revision, feature, rule], count)
        return family

    def _unserved(self) -> Metric:
        family = CounterMetricFamily(
            "lockstep_inference_unserved",
            "Requests that the model never saw: the queue was full, or their timeout passed in it.",
            labels=["revision", "reason"],
        )
        for reason, count in (("full", self._queue.refused), ("timeout", self._queue.expired)):
            family.add_metric([self._recorder.revision, reason], count)
        return family

    def _outputs(self) -> Metric:
        family = CounterMetricFamily(
            "lockstep_inference_outputs",
            "Values answered, by label, or by the lower bound of ten bins per decade.",
            labels=["revision", "assignment", "output", "bin"],
        )
        for assignment, outputs in self._recorder.outputs.items():
            for name, distribution in outputs.items():
                for key, count in distribution.values().items():
                    family.add_metric([self._recorder.revision, assignment, name, key], count)
        return family

    def _gauge(self, name: str, documentation: str, value: float) -> Metric:
        family = GaugeMetricFamily(name, documentation, labels=["revision"])
        family.add_metric([self._recorder.revision], value)
        return family


def _cumulative(histogram: LatencyHistogram) -> list[tuple[str, float]]:
    return list(zip(_BUCKETS, accumulate(histogram.counts), strict=True))
