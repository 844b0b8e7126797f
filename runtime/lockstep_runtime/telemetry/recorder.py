"""Recording requests as they are answered, in plain Python: this runs for each of them."""

import secrets
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from lockstep_runtime.telemetry.answers import RecentAnswers
from lockstep_runtime.telemetry.assignment import DIRECT
from lockstep_runtime.telemetry.latency import LATENCY_BOUNDS, LatencyHistogram
from lockstep_runtime.telemetry.outputs import OutputDistributions
from lockstep_runtime.tensors import Tensor, TensorSpec

# As KServe calls the parts of a request in its metrics.
STAGES = ("preprocess", "predict", "postprocess", "explain")


class Recorder:
    """Counts what one process answered since it started, by assignment.

    Attributes:
        started: names this process: where it changes, all counts began again.
        inflight: inference requests being answered.
        requests: how many were answered, by (assignment, HTTP status).
        latency, outputs: of 200 answers only, by assignment.
        stages: how long decoding, the model with its queue, encoding and explanations took.
    """

    def __init__(self, revision: str) -> None:
        self.revision = revision
        self.started = f"{int(time.time())}-{secrets.token_hex(4)}"
        self.inflight = 0
        self.requests: Counter[tuple[str, int]] = Counter()
        self.latency: dict[str, LatencyHistogram] = {}
        self.outputs: dict[str, OutputDistributions] = {}
        self.stages = {stage: LatencyHistogram() for stage in STAGES}
        self._answers = RecentAnswers()

    def request_started(self) -> None:
        """Count a request in."""
        self.inflight += 1

    def request_finished(self, assignment: str, status: int, seconds: float | None) -> None:
        """Count a request out; `seconds` from its headers to its answer's last byte.

        None: it is no inference whose time could be compared with others.
        """
        self.inflight -= 1
        self.requests[assignment, status] += 1
        if status == 200 and seconds is not None:
            histogram = self.latency.get(assignment)
            if histogram is None:
                histogram = self.latency[assignment] = LatencyHistogram()
            histogram.add(seconds)

    def answered(
        self,
        assignment: str,
        identity: bytes | None,
        outputs: Sequence[Tensor],
        specs: Mapping[str, TensorSpec],
    ) -> None:
        """Count the outputs of a 200 answer and remember it, if its request has a pairing id.

        `specs`: the model's outputs by name.
        """
        distributions = self.outputs.get(assignment)
        if distributions is None:
            distributions = self.outputs[assignment] = OutputDistributions()
        for tensor in outputs:
            distributions.add(tensor, specs[tensor.name])
        if identity is not None and assignment != DIRECT:
            self._answers.offer(identity, assignment, outputs, time.monotonic())

    def report(self, after: int | None) -> bytes:
        """Return the JSON of `/telemetry`, with answers after this cursor."""
        cursor, items = self._answers.after(after)
        document: dict[str, Any] = {
            "revision": self.revision,
            "started": self.started,
            "latency": {
                assignment: {"bounds": [*LATENCY_BOUNDS, None], "counts": histogram.counts}
                for assignment, histogram in self.latency.items()
            },
            "outputs": {name: outputs.report() for name, outputs in self.outputs.items()},
            "answers": {"cursor": cursor, "items": [orjson.Fragment(item) for item in items]},
        }
        return orjson.dumps(document)
