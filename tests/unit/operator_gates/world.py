"""Looks at two revisions, made by hand."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from lockstep_operator.api.gates import Gate, GateStatus
from lockstep_operator.core.gates.evidence import Evidence, begin
from lockstep_operator.core.gates.samples import Answer, Histogram, ModelReading, Samples
from lockstep_operator.core.gates.target import Target
from lockstep_operator.core.routing import RouterCount

START = datetime(2026, 3, 1, tzinfo=UTC)
BOUNDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, math.inf)


def target(*gates: Gate, **overrides: Any) -> Target:
    """A candidate at the first of three steps."""
    values = {
        "candidate": "new",
        "stable": "old",
        "step": 1,
        "steps": 3,
        "since": START,
        "assignment": "split",
        "gates": gates,
    }
    return Target(**{**values, **overrides})


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def routed(
    new: tuple[int, int], old: tuple[int, int], pod: str = "router"
) -> tuple[RouterCount, ...]:
    """Cumulative requests and errors of both, as one router pod counts them."""
    return (RouterCount(pod, "new", "split", *new), RouterCount(pod, "old", "split", *old))


def histogram(counts: Mapping[float, int]) -> Histogram:
    """Cumulative answers by upper bound, one of `BOUNDS`."""
    return Histogram(BOUNDS, tuple(counts.get(bound, 0) for bound in BOUNDS))


def model(
    revision: str,
    latency: Mapping[float, int] | None = None,
    outputs: Mapping[str, Mapping[str, int]] | None = None,
    *,
    answers: Sequence[Answer] = (),
    numeric: Sequence[str] = (),
    assignment: str = "split",
    source: str = "",
) -> ModelReading:
    """What one pod of a revision reports."""
    return ModelReading(
        source or f"pod-{revision}",
        revision,
        {assignment: histogram(latency)} if latency is not None else {},
        {(assignment, name): bins for name, bins in (outputs or {}).items()},
        frozenset(numeric),
        tuple(answers),
    )


def answer(
    key: str, assignment: str, values: Mapping[str, Sequence[Any]] | None, digest: str = "d"
) -> Answer:
    """One recent answer."""
    outputs = None if values is None else {name: tuple(row) for name, row in values.items()}
    return Answer(key, assignment, outputs, digest)


def only(evidence: Evidence, second: float = 1000) -> GateStatus:
    """The status of the first gate."""
    return evidence.report(at(second)).gates[0]


@dataclass
class Lookout:
    """Evidence that is fed once a second with what comes new."""

    target: Target
    evidence: Evidence = field(init=False)
    second: int = 0
    counts: dict[str, list[int]] = field(default_factory=lambda: {"new": [0, 0], "old": [0, 0]})

    def __post_init__(self) -> None:
        self.evidence = begin(self.target, None)
        self.look()

    def look(self, problems: Mapping[str, str] | None = None, **samples: Any) -> "Lookout":
        """One look a second later."""
        self.second += 1
        router = tuple(
            RouterCount("router", name, self.target.assignment if name == "new" else "split", *pair)
            for name, pair in self.counts.items()
        )
        taken = Samples(
            at(self.second), **{"router": router, "problems": problems or {}, **samples}
        )
        self.evidence = self.evidence.add(taken)
        return self

    def serve(
        self, new: tuple[int, int], old: tuple[int, int] = (0, 0), seconds: int = 1, **look: Any
    ) -> "Lookout":
        """Let requests and errors come, every second so many."""
        for _ in range(seconds):
            for name, pair in (("new", new), ("old", old)):
                self.counts[name] = [
                    sum(both) for both in zip(self.counts[name], pair, strict=True)
                ]
            self.look(**look)
        return self

    @property
    def status(self) -> GateStatus:
        return only(self.evidence, self.second)
