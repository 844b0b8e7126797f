"""The latency gates: a bet on the share of answers that are slower than the limit.

That a quantile is over a limit means that more than 1 - quantile of the answers take longer. A
limit relative to stable is a multiple of stable's quantile in earlier slices; where stable itself
has more answers beyond it in the same block, that many are allowed (`core.gates.tracks`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from math import inf
from typing import Any, Self

from lockstep_operator.api.gates import Gate
from lockstep_operator.core.gates.judging import (
    Finding,
    Look,
    doubt,
    least_samples,
    number,
    shortage,
    verdict,
)
from lockstep_operator.core.gates.slices import Bucket
from lockstep_operator.core.gates.target import Target
from lockstep_operator.core.gates.tracks import Allowance, Process, Record, Tally

DEFAULT_RATIO = 1.5
QUANTILES = {"latencyP50": 0.5, "latencyP95": 0.95, "latencyP99": 0.99}
_MOST_BUCKETS = 250
# Seconds, see `tracks.Allowance`: slow moments are less of an all or nothing than errors.
_DOUBT = 0.2


@dataclass(frozen=True, slots=True)
class Spread:
    """Answers by the upper bound of their bucket, in seconds, since the step began."""

    counts: Mapping[float, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All answers."""
        return sum(self.counts.values())

    def add(self, news: Mapping[Bucket, int]) -> "Spread":
        """Return it with the answers of one more slice; at most `_MOST_BUCKETS` are kept."""
        grown = Counter(self.counts)
        for (_, upper), count in news.items():
            grown[upper] += count
        while len(grown) > _MOST_BUCKETS:
            _merge_smallest(grown)
        return Spread(grown)

    def quantile(self, share: float) -> float | None:
        """Return the bound below which at least `share` of the answers are; None without answers.

        Beyond the last finite bound: that bound.
        """
        left, bounds = share * self.total, sorted(self.counts)
        for index, upper in enumerate(bounds):
            left -= self.counts[upper]
            if left <= 0:
                return upper if upper < inf else bounds[max(0, index - 1)]
        return None

    def state(self) -> list[tuple[float | None, int]]:
        """Return it as JSON, which has no infinity: None."""
        pairs = sorted(self.counts.items())
        return [(None if upper == inf else upper, count) for upper, count in pairs if count]

    @classmethod
    def restore(cls, state: Iterable[tuple[float | None, int]]) -> "Spread":
        """Return what `state` wrote."""
        return cls({inf if upper is None else float(upper): int(count) for upper, count in state})


def _merge_smallest(counts: Counter[float]) -> None:
    """Put the two neighbours with the fewest answers together, under the higher bound."""
    bounds = sorted(counts)
    pairs = pairwise(bounds)
    low, high = min(pairs, key=lambda pair: counts[pair[0]] + counts[pair[1]])
    counts[high] += counts.pop(low)


@dataclass(frozen=True, slots=True)
class Latency:
    """Judge of `latencyP50`, `latencyP95` and `latencyP99`.

    Attributes:
        ours, theirs: answers of candidate and stable.
        record: those over the limit of their time.
    """

    gate: Gate
    target: Target
    process: Process[float]
    ours: Spread = field(default_factory=Spread)
    theirs: Spread = field(default_factory=Spread)
    record: Record = field(default_factory=Record)

    @classmethod
    def begin(cls, gate: Gate, target: Target) -> Self:
        """Return the judge of a gate without evidence."""
        slow = round(1.0 - QUANTILES[gate.metric], 6)
        allowance = Allowance(floor=slow, relative=gate.max is None, doubt=_DOUBT)
        return cls(gate, target, Process.begin(allowance, target.alpha))

    def add(self, look: Look) -> Self:
        """Return the judge that has seen this look too."""

        def slow(limit: float | None) -> Tally:
            return _slow(look.candidate.latency, look.stable.latency, limit)

        process = self.process.learn(lambda: self.limit)
        grown = replace(
            self,
            process=process.collect(look.time, look.complete, slow),
            ours=self.ours.add(look.candidate.latency),
            theirs=self.theirs.add(look.stable.latency),
        )
        # Only bets must not know what they are made on: the first answers count in the record.
        limit = grown.limit if self.limit is None else self.limit
        return replace(grown, record=self.record.add(slow(limit)))

    @property
    def limit(self) -> float | None:
        """Seconds that the quantile may have; None while stable's is not known."""
        if self.gate.max is not None:
            return self.gate.max
        stable = self.theirs.quantile(QUANTILES[self.gate.metric])
        return None if stable is None else _ratio(self.gate) * stable

    def finding(self) -> Finding:
        """Return what it found so far."""
        evidence, samples, stable = self.process.evidence, self.ours.total, self.theirs.total
        relative = self.gate.max is None
        needed = least_samples(self.gate)
        lack = shortage(self.target, needed, samples, stable if relative else None)
        result = verdict(evidence, lack, self._beyond)
        share = QUANTILES[self.gate.metric]
        return Finding(
            result,
            (lack if result == "inconclusive" else None)
            or self._message(result) + doubt(result, self.process.shown),
            value=self.ours.quantile(share),
            stable_value=self.theirs.quantile(share),
            limit=self.limit,
            samples=samples,
            stable_samples=stable,
            evidence=self.process.shown,
        )

    @property
    def _beyond(self) -> bool:
        total = self.record.total
        return total.share > max(self.process.allowance.floor, total.stable_share)

    def _message(self, result: str) -> str:
        value = self.ours.quantile(QUANTILES[self.gate.metric]) or 0.0
        limit = self.limit or 0.0
        bound = f"{number(limit)} s"
        if self.gate.max is None:
            ratio = _ratio(self.gate)
            bound += f" ({number(ratio)} x stable {number(limit / ratio)} s)"
        words = " over the limit" if result == "fail" else ", limit"
        text = f"{self.gate.metric} {number(value)} s{words} {bound}"
        if result == "fail" and value <= limit:
            # The quantile since the step began hides harm that began late.
            text = (
                f"{self.gate.metric}: lately {100 * self.record.lately.share:.3g} % of the answers "
                f"took longer than {bound}, {100 * self.process.allowance.floor:.3g} % may"
            )
        return f"{text}, {self.ours.total} requests"

    def state(self) -> dict[str, Any]:
        """Return what to go on from, as JSON."""
        return {
            "p": self.process.state(),
            "r": self.record.state(),
            "c": self.ours.state(),
            "b": self.theirs.state(),
        }

    def resume(self, state: Mapping[str, Any]) -> Self:
        """Return the judge with what `state` wrote."""
        return replace(
            self,
            process=self.process.resume(state["p"]),
            record=Record.restore(state["r"]),
            ours=Spread.restore(state["c"]),
            theirs=Spread.restore(state["b"]),
        )

    def due(self, now: datetime) -> bool:
        """Return False: it asks for nothing."""
        return False


def _ratio(gate: Gate) -> float:
    return gate.max_ratio_to_stable or DEFAULT_RATIO


def _slow(ours: Mapping[Bucket, int], theirs: Mapping[Bucket, int], limit: float | None) -> Tally:
    """Count answers that took surely longer than the limit: those in buckets that begin there."""
    if limit is None:
        return Tally()
    bad, stable_bad = (
        sum(count for (lower, _), count in buckets.items() if lower >= limit)
        for buckets in (ours, theirs)
    )
    return Tally(sum(ours.values()), bad, sum(theirs.values()), stable_bad)
