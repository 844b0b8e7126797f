"""A histogram of durations."""

from bisect import bisect_left

# Ten per decade from 0.1 ms to 31.6 s: neighbours differ by a quarter, fine enough to compare
# the p99 of two revisions.
LATENCY_BOUNDS = tuple(round(10 ** (exponent / 10), 7) for exponent in range(-40, 16))


class LatencyHistogram:
    """Counts durations in seconds since the process started.

    Attributes:
        counts: how many were at most the bound of the same place in `LATENCY_BOUNDS` and above
            the one before; the last count is of those above all bounds.
        total: their sum in seconds.
    """

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(LATENCY_BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(LATENCY_BOUNDS, seconds)] += 1
        self.total += seconds
