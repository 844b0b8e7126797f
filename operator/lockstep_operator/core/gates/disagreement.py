"""The shadowDisagreement gate: how often the two revisions answer the same request differently.

Stable's answer to a user's request and the candidate's to its copy carry one request id. All pods
keep the same ids, chosen by a hash, so both are found wherever they were answered. Pairs of one
slice are one bet on the share of pairs that differ (`core.gates.tracks`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any, Self

from lockstep_operator.api.gates import Gate
from lockstep_operator.core.gates.equality import all_same
from lockstep_operator.core.gates.judging import (
    Finding,
    Look,
    doubt,
    least_samples,
    number,
    shortage,
    verdict,
)
from lockstep_operator.core.gates.samples import Answer
from lockstep_operator.core.gates.target import Target
from lockstep_operator.core.gates.tracks import Allowance, Process, Record, Tally

# Bounds of what waits for its counterpart: answers, their values, seconds; and of the ids that
# are done with.
MOST_WAITING = 4096
MOST_VALUES = 262_144
MOST_SECONDS = 60.0
MOST_DONE = 8192

_CANDIDATE, _STABLE = 0, 1


@dataclass(frozen=True, slots=True)
class _Waiting:
    side: int
    answer: Answer
    since: datetime

    @property
    def size(self) -> int:
        """Values that it keeps in memory."""
        return 1 + sum(len(values) for values in (self.answer.outputs or {}).values())


@dataclass(frozen=True, slots=True)
class Pairing:
    """Brings answers to the same request together; bounded in memory and time.

    An id that one side has with two different answers belongs to two requests: it is left out.
    """

    waiting: Mapping[str, _Waiting] = field(default_factory=dict)
    done: Mapping[str, None] = field(default_factory=dict)

    def add(
        self, now: datetime, candidate: Iterable[Answer], stable: Iterable[Answer]
    ) -> tuple["Pairing", list[tuple[Answer, Answer]]]:
        """Return the next state, and the new pairs: the candidate's answer and stable's."""
        waiting = {
            key: replace(entry, since=min(entry.since, now)) if entry.since > now else entry
            for key, entry in self.waiting.items()
            if (now - entry.since).total_seconds() <= MOST_SECONDS
        }
        done, pairs = dict(self.done), []
        for side, answer in _sides(candidate, stable):
            key = answer.request_id
            if key in done:
                continue
            other = waiting.get(key)
            if other is None:
                waiting[key] = _Waiting(side, answer, now)
                continue
            if other.side == side and other.answer == answer:
                continue
            done[key] = None
            del waiting[key]
            if other.side != side:
                mine, theirs = (answer, other.answer)[:: 1 if side == _CANDIDATE else -1]
                pairs.append((mine, theirs))
        return Pairing(_bounded(waiting), _latest(done, MOST_DONE)), pairs


def _sides(candidate: Iterable[Answer], stable: Iterable[Answer]) -> Iterator[tuple[int, Answer]]:
    for answer in stable:
        yield _STABLE, answer
    for answer in candidate:
        yield _CANDIDATE, answer


def _bounded(waiting: dict[str, _Waiting]) -> dict[str, _Waiting]:
    kept = _latest(waiting, MOST_WAITING)
    values = sum(entry.size for entry in kept.values())
    for key in list(kept):
        if values <= MOST_VALUES:
            break
        values -= kept.pop(key).size
    return kept


def _latest(entries: dict[str, Any], most: int) -> dict[str, Any]:
    return dict(islice(entries.items(), max(0, len(entries) - most), None))


def agree(
    candidate: Answer, stable: Answer, output: str | None, tolerance: float | None
) -> bool | None:
    """Return whether two answers are the same; None when that cannot be told.

    An output that only one of them has is a disagreement. Of a large answer only the digest is
    known: an equal one is agreement, another one may be no more than the tolerance away.
    """
    if candidate.outputs is None or stable.outputs is None:
        if candidate.digest and candidate.digest == stable.digest:
            return True
        return False if tolerance == 0 and output is None else None
    names = {output} if output is not None else candidate.outputs.keys() | stable.outputs.keys()
    for name in names:
        ours, theirs = candidate.outputs.get(name), stable.outputs.get(name)
        if ours is None and theirs is None:
            return None
        if ours is None or theirs is None or not all_same(ours, theirs, tolerance):
            return False
    return True


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Judge of `shadowDisagreement`.

    Attributes:
        record: pairs, and those that differ.
        unknown: pairs of which it cannot be told.
        pairing: answers that wait; not part of the state.
    """

    gate: Gate
    target: Target
    process: Process[None]
    record: Record = field(default_factory=Record)
    unknown: int = 0
    pairing: Pairing = field(default_factory=Pairing)

    @classmethod
    def begin(cls, gate: Gate, target: Target) -> Self:
        """Return the judge of a gate without evidence."""
        process: Process[None] = Process.begin(Allowance(floor=gate.max or 0.0), target.alpha)
        return cls(gate, target, process)

    def add(self, look: Look) -> Self:
        """Return the judge that has seen this look too."""
        pairing, pairs = self.pairing.add(look.time, look.candidate_answers, look.stable_answers)
        outcomes = [agree(*pair, self.gate.output, self.gate.tolerance) for pair in pairs]
        unknown = outcomes.count(None)
        news = Tally(requests=len(outcomes) - unknown, bad=outcomes.count(False))
        process = self.process.collect(look.time, look.complete, lambda _: news)
        return replace(
            self,
            process=process,
            record=self.record.add(news),
            unknown=self.unknown + unknown,
            pairing=pairing,
        )

    def finding(self) -> Finding:
        """Return what it found so far."""
        total, lately = self.record.total, self.record.lately
        limit, evidence = self.gate.max or 0.0, self.process.evidence
        if limit == 0 and total.bad:
            evidence = 1.0
        pairs = int(total.requests)
        lack = self._blindness() or shortage(self.target, least_samples(self.gate), pairs, None)
        if self.target.stable is None:
            lack = "there is no stable revision to compare with"
        result = verdict(evidence, lack, total.share > limit)
        late = result == "fail" and total.share <= limit
        share = lately.share if late else total.share
        words = " over the limit" if result == "fail" else ", limit"
        message = f"{number(share)}{' lately' if late else ''}{words} {number(limit)}"
        return Finding(
            result,
            (lack if result == "inconclusive" else None)
            or f"shadowDisagreement {message}, {pairs} requests answered by both"
            + doubt(result, self.process.shown),
            value=share if pairs else None,
            limit=limit,
            samples=pairs,
            stable_samples=pairs,
            evidence=evidence if result == "fail" else self.process.shown,
        )

    def _blindness(self) -> str | None:
        """Return why too many pairs cannot be compared: as many as would make it fail."""
        total = self.record.total
        pairs = total.requests + self.unknown
        if not self.unknown or total.bad + self.unknown <= (self.gate.max or 0.0) * pairs:
            return None
        wanted = f"output {self.gate.output!r}" if self.gate.output else "all values"
        return (
            f"{self.unknown} of {int(pairs)} pairs cannot be compared: only answers of at most "
            f"1,024 values that have {wanted} can, unless they are equal to the byte"
        )

    def state(self) -> dict[str, Any]:
        """Return what to go on from, as JSON."""
        return {"p": self.process.state(), "r": self.record.state(), "u": self.unknown}

    def resume(self, state: Mapping[str, Any]) -> Self:
        """Return the judge with what `state` wrote."""
        return replace(
            self,
            process=self.process.resume(state["p"]),
            record=Record.restore(state["r"]),
            unknown=int(state["u"]),
        )

    def due(self, now: datetime) -> bool:
        """Return False: it asks for nothing."""
        return False
