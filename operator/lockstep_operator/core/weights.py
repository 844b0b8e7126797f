"""Weights as integers in hundredths of a percent, so that sums and comparisons are exact."""

FULL = 10_000


def from_percent(percent: float) -> int:
    """Return hundredths (0..10000) for a percentage with at most two decimals."""
    return round(percent * 100)


def to_percent(weight: int) -> float:
    """Return the percentage for hundredths; whole numbers stay whole in JSON."""
    return weight // 100 if weight % 100 == 0 else weight / 100


def pods_needed(weight: int, replicas: int) -> int:
    """Return how many of `replicas` ready pods carry `weight`; at least one for any weight."""
    return -(-replicas * weight // FULL) if weight else 0
