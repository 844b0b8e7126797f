"""What every gate's judge gets and gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, Self

from lockstep_operator.api.gates import Gate, Verdict
from lockstep_operator.core.gates.samples import Answer, GoldenResult, QueryResult
from lockstep_operator.core.gates.slices import Side
from lockstep_operator.core.gates.target import Target

# Most characters of a gate's message: the API takes 1,024.
_LONGEST_MESSAGE = 1000


@dataclass(frozen=True, slots=True)
class Look:
    """What is new for one gate.

    Attributes:
        time: when it was gathered.
        candidate, stable: what the two did since the last look.
        candidate_answers, stable_answers: to be compared one by one: the candidate's to mirrored
            requests, stable's to the same requests of users.
        golden, query: results, where they were due.
        complete: False while something that the gate needs could not be read: data is kept, but
            nothing is concluded from it.
    """

    time: datetime
    candidate: Side = field(default_factory=Side)
    stable: Side = field(default_factory=Side)
    candidate_answers: tuple[Answer, ...] = ()
    stable_answers: tuple[Answer, ...] = ()
    golden: GoldenResult | None = None
    query: QueryResult | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """What a judge says now; see `api.gates.GateStatus`."""

    verdict: Verdict
    message: str
    value: float | None = None
    stable_value: float | None = None
    limit: float | None = None
    samples: int = 0
    stable_samples: int = 0
    evidence: float | None = None


class Judge(Protocol):
    """Gathers evidence for one gate; immutable."""

    def add(self, look: Look) -> Self:
        """Return the judge that has seen this look too."""

    def finding(self) -> Finding:
        """Return what it found so far."""

    def state(self) -> dict[str, Any]:
        """Return what to go on from, as JSON."""

    def resume(self, state: Mapping[str, Any]) -> Self:
        """Return the judge with what `state` wrote.

        Raises:
            ValueError, KeyError, TypeError: it was written by another build.
        """

    def due(self, now: datetime) -> bool:
        """Return whether it wants golden requests or a query to be asked now."""


def least_samples(gate: Gate, default: int = 100) -> int:
    """Return how many samples the gate needs to pass."""
    return gate.min_samples if gate.min_samples is not None else default


def shortage(target: Target, needed: int, samples: int, stable: int | None) -> str | None:
    """Return the sentence that says which samples are missing, None when there are enough.

    Args:
        target: what is judged.
        needed: least samples of each side.
        samples: the candidate's.
        stable: stable's; None where the gate does not compare with stable.
    """
    if stable is not None and target.stable is None:
        return "there is no stable revision to compare with; a gate with max needs none"
    if not samples:
        return f"no samples yet (0 of {needed} samples)"
    if samples < needed:
        return f"{samples} of {needed} samples"
    if stable is not None and stable < needed:
        return f"{samples} samples, but of stable only {stable} of {needed}"
    return None


def verdict(evidence: float, lack: str | None, beyond: bool) -> Verdict:
    """Return the verdict.

    Args:
        evidence: share of what a fail takes; harm shows whatever the number of samples.
        lack: which samples are missing.
        beyond: what was measured is over the limit, if only by chance; that is no pass.
    """
    if evidence >= 1.0:
        return "fail"
    return "inconclusive" if lack or beyond else "pass"


def doubt(result: Verdict, evidence: float | None) -> str:
    """Return what a message of this verdict ends with: why a value over the limit is no fail.

    `evidence`: None before the first bet.
    """
    if result != "inconclusive":
        return ""
    if evidence is None:
        return "; over the limit, but too few samples yet to rule out chance"
    return f"; over the limit, but with {number(max(0.0, evidence))} of the evidence that fails it"


def short(text: str) -> str:
    """Return the text, cut where it is too long for a message."""
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"


def number(value: float) -> str:
    """Return a number as people read it: three significant digits."""
    text = f"{value:.3g}"
    return f"{value:.0f}" if "e+" in text and abs(value) < 1e9 else text
