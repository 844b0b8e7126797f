"""Bets on shares: of the candidate's requests, how many are bad, and is that more than allowed?

A *block* is what both sides did between two moments, and one bet. Requests of one moment are not
independent (errors come in bursts), so a block counts once, however many requests it has: only
the mean of its share has to be right.

With `n` requests and `e` bad ones of the candidate, the ratio that is bet on is (e/n)/q. Against a
fixed bound q is that bound. Against stable, q must not be smaller on average than what stable's
share really is *at this moment*, or an outage that hits both would look like harm. With m requests
and f bad ones of stable in the same block, q = (f+1)/(m+1): for any shares of single requests,
E[1/(f+1)] <= 1/((m+1)p), so (e/n)/q is at most 1 on average when both sides are alike, and so it is
with a constant added to q (Jensen) or with any larger q. For unequal requests see W. Hoeffding, "On
the distribution of the number of successes in independent trials", Annals of Mathematical
Statistics 27(3), 1956.

Where bursts may hit one side alone, stable's share over all blocks so far is a lower bound of q
too, with some seconds of errors for bursts that were not seen yet. This part is tuned by
simulation (`proofs/statistics`), not proved: bursts that last over several blocks, and hit the
candidate's side more often than stable's by chance, are told from harm by their length only.

Two *scales* of blocks share the capital: short ones find great harm quickly, long ones know
stable's share well enough to find small harm.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from lockstep_operator.core.gates.betting import Wealth, log_mean

# Seconds: a shorter burst of errors hardly makes a gate fail by itself. No block adds more of the
# evidence that a fail takes than its share of this time, and no block as much as half.
BURST = 5.0
_MOST_PER_BLOCK = 0.4
# Looks are a second apart, more or less.
_SHORT_SECONDS, _LONG_SECONDS = 0.8, 5.0
_SHORT_STABLE = 15.0
# Weight of the past in what happened lately.
_FADING = 0.95

Witness = TypeVar("Witness")


@dataclass(frozen=True, slots=True)
class Tally:
    """Requests and the bad ones among them, of both sides.

    Not whole where several values of one answer are counted as one sample.
    """

    requests: float = 0.0
    bad: float = 0.0
    stable_requests: float = 0.0
    stable_bad: float = 0.0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(a + b for a, b in zip(self.numbers(), other.numbers(), strict=True)))

    def numbers(self) -> tuple[float, float, float, float]:
        """Return the four numbers in the order of the attributes."""
        return self.requests, self.bad, self.stable_requests, self.stable_bad

    @property
    def share(self) -> float:
        """The candidate's share of bad requests; 0 without requests."""
        return self.bad / self.requests if self.requests else 0.0

    @property
    def stable_share(self) -> float:
        """Stable's share of bad requests; 0 without requests."""
        return self.stable_bad / self.stable_requests if self.stable_requests else 0.0


@dataclass(frozen=True, slots=True)
class Record:
    """What was counted: since the step began, and in the last twenty slices or so."""

    total: Tally = Tally()
    lately: Tally = Tally()

    def add(self, news: Tally) -> "Record":
        """Return the record with one more slice."""
        if news == Tally():
            return self
        faded = Tally(*(round(number * _FADING, 3) for number in self.lately.numbers()))
        return Record(self.total + news, faded + news)

    def state(self) -> list[tuple[float, ...]]:
        """Return it as JSON."""
        return [self.total.numbers(), self.lately.numbers()]

    @classmethod
    def restore(cls, state: Sequence[Sequence[float]]) -> "Record":
        """Return what `state` wrote."""
        total, lately = (Tally(*(float(number) for number in numbers)) for numbers in state)
        return cls(total, lately)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What share of bad requests the candidate may have.

    Attributes:
        floor: share that is always allowed.
        increase: added to stable's share; only with `relative`.
        relative: stable's share in the same block is allowed too.
        doubt: when set, stable's share in all blocks so far is allowed too, for bursts that hit one
            side; and it is taken to have had so many seconds of bad requests only before the
            step, for bursts that were not seen yet.
        smallest: smallest share that stable's long blocks have to tell.
    """

    floor: float = 0.0
    increase: float = 0.0
    relative: bool = False
    doubt: float = 0.0
    smallest: float = 0.001

    @property
    def stable_needed(self) -> float:
        """Requests of stable in a long block: enough to tell a share as small as is allowed."""
        least = max(self.floor, self.increase, self.smallest)
        return max(_SHORT_STABLE, 3.0 / least) if self.relative else 0.0

    def limit(self, block: Tally, seconds: float, track: "Track[Any]") -> float:
        """Return the share that is allowed in this block of so many seconds."""
        if not self.relative:
            return self.floor
        now = (block.stable_bad + 1.0) / (block.stable_requests + 1.0)
        if not self.doubt:
            return max(self.floor, now) + self.increase
        bad = track.stable_bad + seconds * block.stable_share
        so_far = (bad + self.doubt) / (track.observed + seconds + self.doubt)
        return max(self.floor, now, so_far) + self.increase


@dataclass(frozen=True, slots=True)
class Track(Generic[Witness]):
    """Blocks of one scale, and the wealth of the bets on them.

    Attributes:
        seconds, stable_needed: least length of a block, and least requests of stable in it.
        witness: what makes a request bad, where that is learned: fixed when a block begins.
        begun, block: the block that is being filled.
        observed, stable_bad: length of the earlier blocks in seconds, and of it stable's share of
            bad requests: a burst counts by how long it was, not by how many requests it hit.
    """

    seconds: float
    stable_needed: float
    wealth: Wealth = field(default_factory=Wealth)
    witness: Witness | None = None
    begun: datetime | None = None
    block: Tally = Tally()
    observed: float = 0.0
    stable_bad: float = 0.0

    @property
    def idle(self) -> bool:
        """Whether no block has begun to fill, so that the witness may change."""
        return self.block == Tally()

    def collect(
        self, now: datetime, news: Tally, allowance: Allowance, alpha: float, closing: bool
    ) -> "Track[Witness]":
        """Return the track with this slice in its block, and the bet made where that is full.

        Args:
            now: end of the slice; may be earlier than the last one when a clock was set.
            news: the slice.
            allowance: what the candidate is held to.
            alpha: probability of a false alarm that the gate may spend.
            closing: False while the data is known to be incomplete: no bets then.
        """
        block = self.block + news
        if block == Tally() or self.begun is None:
            return replace(self, begun=now)
        begun = min(self.begun, now)
        seconds = (now - begun).total_seconds()
        full = seconds >= self.seconds and block.stable_requests >= self.stable_needed
        if not (closing and full):
            return replace(self, begun=begun, block=block)
        return self._bet(now, block, allowance, -math.log(alpha))

    def _bet(
        self, now: datetime, block: Tally, allowance: Allowance, enough: float
    ) -> "Track[Witness]":
        """Bet on a full block; `enough`: the log evidence that a fail takes."""
        seconds = (now - self.begun).total_seconds() if self.begun and self.begun < now else 0.0
        # Without requests of the candidate there is nothing to bet on, and what stable did before
        # they come is no measure for them.
        limit = allowance.limit(block, seconds, self) if block.requests else 0.0
        ceiling = enough * min(_MOST_PER_BLOCK, seconds / BURST)
        return replace(
            self,
            wealth=self.wealth.bet(block.share / limit, ceiling) if limit else self.wealth,
            begun=now,
            block=Tally(),
            observed=round(self.observed + seconds, 3),
            stable_bad=round(self.stable_bad + seconds * block.stable_share, 6),
        )

    def state(self) -> dict[str, Any]:
        """Return it as JSON, without the block at hand: that begins anew."""
        return {"w": self.wealth.state(), "t": self.observed, "s": self.stable_bad}

    def resume(self, state: Mapping[str, Any]) -> "Track[Witness]":
        """Return the track with what `state` wrote."""
        wealth = Wealth.restore(state["w"])
        return replace(
            self, wealth=wealth, observed=float(state["t"]), stable_bad=float(state["s"])
        )


@dataclass(frozen=True, slots=True)
class Process(Generic[Witness]):
    """The evidence of one question: a short and a long track with half the capital each."""

    allowance: Allowance
    alpha: float
    tracks: tuple[Track[Witness], ...] = field(default=())

    @classmethod
    def begin(cls, allowance: Allowance, alpha: float) -> "Process[Witness]":
        """Return a process without evidence."""
        short = _SHORT_STABLE if allowance.relative else 0.0
        quick: Track[Witness] = Track(_SHORT_SECONDS, short)
        patient: Track[Witness] = Track(_LONG_SECONDS, allowance.stable_needed)
        return cls(allowance, alpha, (quick, patient))

    @property
    def evidence(self) -> float:
        """Share of the evidence that a fail takes; 1 and more: enough. Negative: against harm."""
        return log_mean([track.wealth.log for track in self.tracks]) / -math.log(self.alpha)

    @property
    def shown(self) -> float | None:
        """The evidence to be reported: None before the first bet."""
        return self.evidence if any(track.wealth.rounds for track in self.tracks) else None

    def collect(
        self, now: datetime, closing: bool, tally: Callable[[Witness | None], Tally]
    ) -> "Process[Witness]":
        """Return the process after a slice; `tally` counts it, given what makes a request bad."""
        tracks = (
            track.collect(now, tally(track.witness), self.allowance, self.alpha, closing)
            for track in self.tracks
        )
        return replace(self, tracks=tuple(tracks))

    def learn(self, witness: Callable[[], Witness | None]) -> "Process[Witness]":
        """Return the process with this witness wherever no block has begun to fill."""
        if not any(track.idle for track in self.tracks):
            return self
        fresh = witness()
        tracks = (replace(track, witness=fresh) if track.idle else track for track in self.tracks)
        return replace(self, tracks=tuple(tracks))

    def state(self) -> list[dict[str, Any]]:
        """Return it as JSON."""
        return [track.state() for track in self.tracks]

    def resume(self, state: list[dict[str, Any]]) -> "Process[Witness]":
        """Return the process with what `state` wrote."""
        tracks = (track.resume(old) for track, old in zip(self.tracks, state, strict=True))
        return replace(self, tracks=tuple(tracks))
