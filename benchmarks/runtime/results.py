"""What was measured."""

import statistics
from dataclasses import dataclass, field

from benchmarks.runtime.plan import Part, Payload
from benchmarks.runtime.rounds import Round, median

Cell = tuple[str, Payload, int, str]  # part, payload, connections, contender


@dataclass
class Results:
    """All figures of a run.

    Attributes:
        rounds: by part, payload, connections and contender.
        settings: what won a server's trial, by contender and model.
        peaks: bytes of memory by contender's title and model.
        notes: settings that could not be tried.
        failed: why a contender could not be measured.
    """

    parts: list[Part]
    rounds: dict[Cell, list[Round]] = field(default_factory=dict)
    settings: dict[tuple[str, str], str] = field(default_factory=dict)
    peaks: dict[tuple[str, str], int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def figures(self, part: str, payload: Payload, connections: int, title: str) -> Round | None:
        """Return the medians of a cell, None when it was not measured."""
        rounds = self.rounds.get((part, payload, connections, title))
        return median(rounds) if rounds else None

    def busiest_load(self) -> float:
        """Return the largest share of its core that the load generator used in a round."""
        return max((one.busy for rounds in self.rounds.values() for one in rounds), default=0.0)

    def disturbance(self) -> tuple[float, float]:
        """Return what anything else used of the servers' core: the median and the most."""
        shares = [one.others for rounds in self.rounds.values() for one in rounds] or [0.0]
        return statistics.median(shares), max(shares)
