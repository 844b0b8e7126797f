"""What the queue of a model tells of itself."""

from collections import Counter
from dataclasses import dataclass, field

from lockstep_runtime.telemetry.latency import LatencyHistogram


@dataclass(slots=True)
class QueueStatistics:
    """Counts since the process started.

    Attributes:
        waiting: requests in the queue now.
        batches: calls of the model by number of rows.
        waits: how long requests waited before their call began.
        refused: requests that found the queue full.
        expired: requests whose deadline passed in the queue.
    """

    waiting: int = 0
    batches: Counter[int] = field(default_factory=Counter)
    waits: LatencyHistogram = field(default_factory=LatencyHistogram)
    refused: int = 0
    expired: int = 0
