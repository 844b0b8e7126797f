"""The errorRate gate: a bet on the share of requests with a 5xx answer (`core.gates.tracks`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
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
from lockstep_operator.core.gates.target import Target
from lockstep_operator.core.gates.tracks import Allowance, Process, Record, Tally

DEFAULT_INCREASE = 0.01
# Seconds, see `tracks.Allowance`; chosen by simulation, as the one of latency.
_DOUBT = 0.8


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """Judge of `errorRate`. Stable's earlier share counts too: bursts may hit one side only."""

    gate: Gate
    target: Target
    process: Process[None]
    record: Record = field(default_factory=Record)

    @classmethod
    def begin(cls, gate: Gate, target: Target) -> Self:
        """Return the judge of a gate without evidence."""
        allowance = (
            Allowance(increase=_increase(gate), relative=True, doubt=_DOUBT)
            if gate.max is None
            else Allowance(floor=gate.max)
        )
        return cls(gate, target, Process.begin(allowance, target.alpha))

    def add(self, look: Look) -> Self:
        """Return the judge that has seen this look too."""
        ours, theirs = look.candidate, look.stable
        news = Tally(ours.requests, ours.errors, theirs.requests, theirs.errors)
        process = self.process.collect(look.time, look.complete, lambda _: news)
        return replace(self, process=process, record=self.record.add(news))

    def finding(self) -> Finding:
        """Return what it found so far."""
        total, evidence = self.record.total, self.process.evidence
        if self.gate.max == 0 and total.bad:
            evidence = 1.0
        relative = self.gate.max is None
        samples, stable = int(total.requests), int(total.stable_requests)
        needed = least_samples(self.gate)
        lack = shortage(self.target, needed, samples, stable if relative else None)
        result = verdict(evidence, lack, samples > 0 and total.share > self._limit(total))
        shown, when = self._shown(result)
        return Finding(
            result,
            (lack if result == "inconclusive" else None)
            or self._message(result, shown, when) + doubt(result, self.process.shown),
            value=shown.share if samples else None,
            stable_value=shown.stable_share if stable else None,
            limit=self._limit(shown),
            samples=samples,
            stable_samples=stable,
            evidence=evidence if result == "fail" else self.process.shown,
        )

    def _limit(self, shown: Tally) -> float:
        return _increase(self.gate) + shown.stable_share if self.gate.max is None else self.gate.max

    def _shown(self, result: str) -> tuple[Tally, str]:
        """Harm that began late is hidden in the whole: then the latest numbers are shown."""
        total, lately = self.record.total, self.record.lately
        if result == "fail" and total.share <= self._limit(total):
            return lately, " lately"
        return total, ""

    def _message(self, result: str, shown: Tally, when: str) -> str:
        limit = number(self._limit(shown))
        source = (
            f" (stable {number(shown.stable_share)} + {number(_increase(self.gate))})"
            if self.gate.max is None
            else ""
        )
        words = " over the limit" if result == "fail" else ", limit"
        requests = int(self.record.total.requests)
        return f"errorRate {number(shown.share)}{when}{words} {limit}{source}, {requests} requests"

    def state(self) -> dict[str, Any]:
        """Return what to go on from, as JSON."""
        return {"p": self.process.state(), "r": self.record.state()}

    def resume(self, state: Mapping[str, Any]) -> Self:
        """Return the judge with what `state` wrote."""
        process = self.process.resume(state["p"])
        return replace(self, process=process, record=Record.restore(state["r"]))

    def due(self, now: datetime) -> bool:
        """Return False: it asks for nothing."""
        return False


def _increase(gate: Gate) -> float:
    return (
        DEFAULT_INCREASE
        if gate.max_increase_over_stable is None
        else (gate.max_increase_over_stable)
    )
