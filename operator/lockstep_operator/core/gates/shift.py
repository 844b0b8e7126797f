"""The predictionShift gate: do the two revisions answer differently under the same traffic?

Requests are dealt at random, so without a shift both sides' outputs have the same distribution in
every slice, however the traffic changes. Two things make the gate fail, both are needed:

- evidence that there is a shift: a bet on a set of bins that the candidate preferred in earlier
  slices. If there is none, the candidate's share in this set is on average no larger than stable's
  in the same slice (S. Shekhar and A. Ramdas, "Nonparametric two-sample testing by betting", IEEE
  Transactions on Information Theory 70(2), 2024; A. Podkopaev and A. Ramdas, "Sequential
  predictive two-sample and independence testing", NeurIPS 2023), see `core.gates.tracks`;
- that it is large: the population stability index, less what chance gives, over `max`.

An answer is one sample: model servers count one row of each, drawn at random, since rows of one
answer are not independent. Shuffled labels cannot be seen where the shares of the classes stay:
that is what shadowDisagreement is for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import log
from typing import Any, Self

from lockstep_operator.api.gates import Gate
from lockstep_operator.core.gates.distributions import (
    OTHER,
    Distribution,
    distance,
    leaning,
    stability_index,
)
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
from lockstep_operator.core.gates.tracks import Allowance, Process, Tally

DEFAULT_MAX = 0.2
DEFAULT_SAMPLES = 200
# Outputs that are watched, the first by name; and bins of all of them, since the state is bounded.
MOST_OUTPUTS = 20
_ALL_BINS = 160
_FEWEST_BINS = 8
_NOT_SHARED = "no samples yet of an output that both revisions have"
_ALLOWANCE = Allowance(relative=True, smallest=0.05)


@dataclass(frozen=True, slots=True)
class OutputShift:
    """One output.

    Attributes:
        distribution: counts of both sides.
        process: bets on sets of bins.
        answers: successful answers of candidate and stable, where they were counted.
    """

    distribution: Distribution
    process: Process[frozenset[str]]
    answers: tuple[int, int] = (0, 0)

    def add(self, look: Look, name: str) -> Self:
        """Return it after this look."""
        nothing: Mapping[str, int] = {}
        ours = look.candidate.outputs.get(name, nothing)
        theirs = look.stable.outputs.get(name, nothing)
        answers = (
            self.answers[0] + look.candidate.answers,
            self.answers[1] + look.stable.answers,
        )
        process = self.process.learn(lambda: leaning(self.distribution.groups()))
        known = replace(self, distribution=self.distribution.add(ours, theirs), answers=answers)
        process = process.collect(
            look.time, look.complete, lambda witness: known.tally(witness, ours, theirs)
        )
        return replace(known, process=process)

    def tally(
        self, witness: frozenset[str] | None, ours: Mapping[str, int], theirs: Mapping[str, int]
    ) -> Tally:
        """Count the samples that are in the set of bins that is bet on."""
        if not witness:
            return Tally()
        numbers, size = [], self.size
        for bins in (ours, theirs):
            keys = ((self.distribution.key(name), count) for name, count in bins.items())
            inside = sum(count for key, count in keys if key in witness)
            numbers += [sum(bins.values()) / size, inside / size]
        return Tally(*numbers)

    @property
    def size(self) -> float:
        """Values per answer, of the side that has more, at least 1: a server may count all rows."""
        pairs = zip(self.distribution.totals, self.answers, strict=True)
        return max(1.0, *(total / answers for total, answers in pairs if answers), 1.0)

    @property
    def samples(self) -> tuple[int, int]:
        """Answers of candidate and stable that have this output."""
        ours, theirs = self.distribution.totals
        return round(ours / self.size), round(theirs / self.size)

    @property
    def index(self) -> float:
        """The population stability index less what chance gives, at least 0."""
        return max(0.0, stability_index(self.distribution.groups(), self.size))

    def evidence(self, most: float, outputs: int) -> float:
        """Return the share of what a fail takes: of the evidence or of the size, the smaller.

        `outputs`: how many are watched; each may spend its part of alpha.
        """
        alpha = self.process.alpha
        found = self.process.evidence * log(alpha) / log(alpha / outputs)
        size = self.index / most if most else float(self.index > 0)
        return min(found, size)

    def describe(self) -> str:
        """Return the shift in words: what changed most."""
        if self.distribution.numeric:
            return f"Kolmogorov-Smirnov distance {number(distance(self.distribution))}"
        ours, theirs = (max(1, total) for total in self.distribution.totals)
        shares = {
            OTHER if len(keys) > 1 else next(iter(keys)): (100 * c / ours, 100 * s / theirs)
            for keys, c, s in self.distribution.groups()
        }
        label = max(shares, key=lambda key: (abs(shares[key][0] - shares[key][1]), key))
        mine, other = shares[label]
        return f"{label!r} is {mine:.3g} % of the candidate's, {other:.3g} % of stable's"

    def state(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"d": self.distribution.state(), "p": self.process.state(), "a": self.answers}

    def resume(self, state: Mapping[str, Any]) -> Self:
        """Return it with what `state` wrote."""
        return replace(
            self,
            distribution=Distribution.restore(state["d"]),
            process=self.process.resume(state["p"]),
            answers=(int(state["a"][0]), int(state["a"][1])),
        )


@dataclass(frozen=True, slots=True)
class Shift:
    """Judge of `predictionShift`; `outputs` by name, also those that one side only has."""

    gate: Gate
    target: Target
    outputs: Mapping[str, OutputShift]

    @classmethod
    def begin(cls, gate: Gate, target: Target) -> Self:
        """Return the judge of a gate without evidence."""
        return cls(gate, target, {})

    def add(self, look: Look) -> Self:
        """Return the judge that has seen this look too."""
        names = self._names(look)
        most = max(_FEWEST_BINS, _ALL_BINS // max(1, len(names)))
        outputs = {}
        for name in names:
            output = self.outputs.get(name) or self._begin(name, look, most)
            distribution = output.distribution.bounded(min(most, output.distribution.most))
            outputs[name] = replace(output, distribution=distribution).add(look, name)
        return replace(self, outputs=outputs)

    def _names(self, look: Look) -> list[str]:
        seen = {*self.outputs, *look.candidate.outputs, *look.stable.outputs}
        if self.gate.output is not None:
            return [self.gate.output] if self.gate.output in seen else []
        return [*self.outputs, *sorted(seen - self.outputs.keys())][:MOST_OUTPUTS]

    def _begin(self, name: str, look: Look, most: int) -> OutputShift:
        process: Process[frozenset[str]] = Process.begin(_ALLOWANCE, self.target.alpha)
        numeric = name in look.candidate.numeric | look.stable.numeric
        return OutputShift(Distribution(numeric, most, {}), process)

    def finding(self) -> Finding:
        """Return what it found so far; the numbers are those of the output that shifted most."""
        most = DEFAULT_MAX if self.gate.max is None else self.gate.max
        shared = {name: output for name, output in self.outputs.items() if all(output.samples)}
        found = {name: output.evidence(most, len(shared)) for name, output in shared.items()}
        worst = max(found, key=lambda name: (found[name], shared[name].index), default=None)
        samples, stable = self._samples(shared)
        evidence = found[worst] if worst is not None else 0.0
        lack = shortage(self.target, least_samples(self.gate, DEFAULT_SAMPLES), samples, stable)
        lack = self._missing() or lack
        result = verdict(evidence, lack, any(output.index > most for output in shared.values()))
        if worst is None or (result == "inconclusive" and lack):
            return Finding(
                "inconclusive",
                lack or _NOT_SHARED,
                limit=most,
                samples=samples,
                stable_samples=stable,
            )
        shown = evidence if shared[worst].process.shown is not None else None
        return Finding(
            result,
            self._message(result, worst, most) + doubt(result, shown),
            value=shared[worst].index,
            limit=most,
            samples=samples,
            stable_samples=stable,
            evidence=shown,
        )

    def _samples(self, shared: Mapping[str, OutputShift]) -> tuple[int, int]:
        pairs = [output.samples for output in shared.values()]
        pairs = pairs or [output.samples for output in self.outputs.values()] or [(0, 0)]
        return min(ours for ours, _ in pairs), min(theirs for _, theirs in pairs)

    def _missing(self) -> str | None:
        """Return the sentence about an output of stable that the candidate does not have."""
        needed = least_samples(self.gate, DEFAULT_SAMPLES)
        for name, output in self.outputs.items():
            ours, theirs = output.samples
            if theirs >= needed and not ours and output.answers[0] >= needed:
                return (
                    f"the candidate does not answer output {name!r}, which stable has; set "
                    "`output` to one that both have"
                )
        return None

    def _message(self, result: str, name: str, most: float) -> str:
        output = self.outputs[name]
        words = " over the limit" if result == "fail" else ", limit"
        index = f"predictionShift {number(output.index)}{words} {number(most)}"
        return f"{index}, output {name!r}: {output.describe()}, {output.samples[0]} samples"

    def state(self) -> dict[str, Any]:
        """Return what to go on from, as JSON."""
        return {"o": {name: output.state() for name, output in self.outputs.items()}}

    def resume(self, state: Mapping[str, Any]) -> Self:
        """Return the judge with what `state` wrote."""
        process: Process[frozenset[str]] = Process.begin(_ALLOWANCE, self.target.alpha)
        empty = OutputShift(Distribution(False, 0, {}), process)
        return replace(self, outputs={name: empty.resume(old) for name, old in state["o"].items()})

    def due(self, now: datetime) -> bool:
        """Return False: it asks for nothing."""
        return False
