"""Bets against "the candidate does no harm": evidence that may be looked at as often as one likes.

A bettor starts with capital 1 and stakes a share of it, round by round, on the candidate being
worse than allowed. Each round gives a *ratio* of what was seen to what is allowed, which is at
most 1 on average if the candidate is harmless; stake b turns capital W into W * (1 + b(ratio - 1)).
So a harmless candidate makes the bettor no richer on average (the capital is a nonnegative
supermartingale), and by Ville's inequality the probability that it *ever* reaches 1/alpha is at
most alpha, no matter how often one looks or when one stops.

The best stake depends on the harm, which nobody knows: several bettors hold a stake each, and their
mean is a bettor too. Capital that is in from the first round melts in a long time without harm,
and would take as long to recover; so a part of it enters round by round, which is a mixture over
the moment when the harm begins.

Sources: J. Ville, "Étude critique de la notion de collectif" (1939); I. Waudby-Smith and A. Ramdas,
"Estimating means of bounded random variables by betting", JRSS B 86(1), 2024; S. Howard,
A. Ramdas, J. McAuliffe and J. Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence
sequences", Annals of Statistics 49(2), 2021 (mixtures); J. Shin, A. Ramdas and A. Rinaldo,
"E-detectors", NEJSDS 2(2), 2024 (starts over time).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

STAKES = (0.005, 0.015, 0.04, 0.1, 0.25, 0.5, 0.9)
# Logarithm of "no capital yet"; finite, so that it can be written as JSON.
_NOTHING = -700.0
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Wealth:
    """The bettors' capital.

    Attributes:
        rounds: bets so far.
        logs: natural logarithm of each bettor's capital, in the order of `STAKES`; rounded, so
            that what is written and read again is the same.
    """

    rounds: int = 0
    logs: tuple[float, ...] = (_NOTHING,) * len(STAKES)

    @property
    def log(self) -> float:
        """Logarithm of the capital of all: the evidence of harm, as log e-value."""
        return _log_sum(self.logs) - math.log(len(STAKES))

    def bet(self, ratio: float, ceiling: float = math.inf) -> "Wealth":
        """Return the wealth after one more round.

        Args:
            ratio: what was seen by what is allowed, 0 or more; on average at most 1 without harm.
            ceiling: most that a round may add to the logarithm of a bettor's capital. Winning less
                than is due keeps a bet honest; it is for not letting one short burst decide.
        """
        rounds = self.rounds + 1
        fresh = math.log(_reserve(rounds - 1) - _reserve(rounds))
        gains = (min(ceiling, math.log1p(stake * (ratio - 1.0))) for stake in STAKES)
        logs = (_log_sum((log, fresh)) + gain for log, gain in zip(self.logs, gains, strict=True))
        return Wealth(rounds, tuple(round(max(log, _NOTHING), _DIGITS) for log in logs))

    def state(self) -> list[float]:
        """Return it as JSON numbers, see `restore`."""
        return [self.rounds, *self.logs]

    @classmethod
    def restore(cls, state: Sequence[float]) -> "Wealth":
        """Return what `state` wrote.

        Raises:
            ValueError: it was written by a build with other stakes.
        """
        rounds, *logs = state
        if len(logs) != len(STAKES):
            raise ValueError(f"{len(logs)} bettors, {len(STAKES)} expected")
        return cls(int(rounds), tuple(float(log) for log in logs))


def log_mean(logs: Sequence[float]) -> float:
    """Return the logarithm of the mean of the capitals with these logarithms."""
    return _log_sum(logs) - math.log(len(logs))


def _reserve(rounds: int) -> float:
    """Return the share of the capital that is not in yet: half enters at once, the rest slowly."""
    return 1.0 if rounds == 0 else 0.5 / math.log(rounds - 1 + math.e)


def _log_sum(logs: Sequence[float]) -> float:
    top = max(logs)
    return top + math.log(math.fsum(math.exp(log - top) for log in logs))
