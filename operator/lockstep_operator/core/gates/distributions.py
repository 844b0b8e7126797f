"""Distributions of an output of both revisions: counts by bin, and how far they are apart.

Bins are class labels, or numbers by the lower bound of their bin (any spelling of one number is
one bin, and what is no number is `nan`). What is kept is bounded: the rarest labels become one
bin, numbers in neighbouring bins are put together.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

OTHER = "(other)"
NOT_A_NUMBER = "nan"
# Groups of numbers for the population stability index: deciles, as is usual for it.
_GROUPS = 10
# Labels with a smaller share on average of both sides are one group.
_RARE = 0.01
_LONGEST_LABEL = 40

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Distribution:
    """Counts of candidate and stable by bin, since the step began.

    Attributes:
        numeric: whether bins are numbers.
        counts: candidate's and stable's count by bin.
        most: bins that are kept at most.
    """

    numeric: bool
    most: int
    counts: Mapping[str, Pair]

    def key(self, name: str) -> str:
        """Return the bin that a reading's bin belongs to."""
        key = _number_key(name) if self.numeric else _label_key(name)
        if key in self.counts or len(self.counts) < self.most:
            return key
        if not self.numeric:
            return OTHER
        below = [known for known in self.counts if _order(known) <= _order(key)]
        return max(below, key=_order) if below else min(self.counts, key=_order)

    def add(self, candidate: Mapping[str, int], stable: Mapping[str, int]) -> "Distribution":
        """Return the distribution with one more slice."""
        counts = dict(self.counts)
        for side, news in enumerate((candidate, stable)):
            for name, count in news.items():
                key = self.key(name)
                pair = counts.get(key, (0, 0))
                counts[key] = (
                    (pair[0] + count, pair[1]) if side == 0 else (pair[0], pair[1] + count)
                )
        return Distribution(self.numeric, self.most, counts).bounded(self.most)

    def bounded(self, most: int) -> "Distribution":
        """Return it with at most this many bins."""
        counts = dict(self.counts)
        while len(counts) > most:
            if self.numeric:
                _merge_neighbours(counts)
            else:
                _merge_rarest(counts)
        return Distribution(self.numeric, most, counts)

    @property
    def totals(self) -> Pair:
        """Counts of candidate and stable over all bins."""
        return sum(c for c, _ in self.counts.values()), sum(s for _, s in self.counts.values())

    def groups(self) -> list[tuple[frozenset[str], float, float]]:
        """Return groups of bins with the two sides' counts, few enough to compare shares.

        Numbers: neighbours, each group about a tenth of both sides' mean. Labels: one each, but
        together those that are rare or may be hidden on one side.
        """
        ours, theirs = (max(1, total) for total in self.totals)
        ordered = sorted(self.counts, key=_order if self.numeric else str)
        groups: list[tuple[set[str], float, float, float]] = []
        rare: tuple[set[str], float, float, float] = (set(), 0.0, 0.0, 0.0)
        for key in ordered:
            c, s = self.counts[key]
            weight = (c / ours + s / theirs) / 2
            if not self.numeric and (weight < _RARE or self._may_hide(key)):
                rare = (rare[0] | {key}, rare[1] + c, rare[2] + s, 0.0)
            elif self.numeric and groups and groups[-1][3] + weight / 2 < 1 / _GROUPS:
                keys, c0, s0, weight0 = groups[-1]
                groups[-1] = (keys | {key}, c0 + c, s0 + s, weight0 + weight)
            else:
                groups.append(({key}, float(c), float(s), weight))
        found = [*groups, rare] if rare[0] else groups
        return [(frozenset(keys), c, s) for keys, c, s, _ in found]

    def _may_hide(self, label: str) -> bool:
        """Return whether a side may have counted this label under `OTHER`.

        A pod names the labels that it sees first, so those that one side names may be others on
        the other side.
        """
        others = self.counts.get(OTHER, (0, 0))
        pairs = zip(self.counts[label], others, strict=True)
        return label == OTHER or any(other and not count for count, other in pairs)

    def state(self) -> dict[str, Any]:
        """Return it as JSON."""
        bins = [[key, *pair] for key, pair in sorted(self.counts.items())]
        return {"n": self.numeric, "m": self.most, "b": bins}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> "Distribution":
        """Return what `state` wrote."""
        counts = {str(key): (int(c), int(s)) for key, c, s in state["b"]}
        return cls(bool(state["n"]), int(state["m"]), counts)


def stability_index(
    groups: Iterable[tuple[frozenset[str], float, float]], per_sample: float = 1.0
) -> float:
    """Return the population stability index less what chance alone gives.

    The index is the sum over groups of (p - q) ln(p/q) for the shares p and q (the symmetrised
    Kullback-Leibler divergence); half a count is added to each group, so that empty ones can be
    told. Without a shift its mean is about (groups - 1)(1/n + 1/m) for n and m samples
    (B. Yurdakul and J. Naranjo, "Statistical properties of the population stability index",
    Journal of Risk Model Validation 14(4), 2020).

    Args:
        groups: bins with the counts of both sides.
        per_sample: values that count as one sample, since they came in one answer.
    """
    counts = [(c / per_sample, s / per_sample) for _, c, s in groups]
    ours, theirs = (sum(pair[side] for pair in counts) for side in (0, 1))
    if not counts or not ours or not theirs:
        return 0.0
    half = 0.5 * len(counts)
    index = 0.0
    for c, s in counts:
        p, q = (c + 0.5) / (ours + half), (s + 0.5) / (theirs + half)
        index += (p - q) * math.log(p / q)
    return index - (len(counts) - 1) * (1 / ours + 1 / theirs)


def distance(distribution: Distribution) -> float:
    """Return the Kolmogorov-Smirnov distance: the largest gap of the cumulative shares."""
    ours, theirs = (max(1, total) for total in distribution.totals)
    gap = worst = 0.0
    for key in sorted(distribution.counts, key=_order):
        c, s = distribution.counts[key]
        gap += c / ours - s / theirs
        worst = max(worst, abs(gap))
    return worst


def leaning(groups: list[tuple[frozenset[str], float, float]]) -> frozenset[str]:
    """Return the set of bins that the candidate prefers most tellingly.

    Of all sets {bins with p/q over some bound}, which hold the best one, that with the largest
    Kullback-Leibler divergence between the two sides' probability of being in it: on this set a bet
    grows fastest. Empty where there is nothing to prefer.
    """
    ours, theirs = sum(group[1] for group in groups), sum(group[2] for group in groups)
    half = 0.5 * len(groups)
    if len(groups) < 2 or not ours or not theirs:
        return frozenset()
    shares = [((c + 0.5) / (ours + half), (s + 0.5) / (theirs + half), k) for k, c, s in groups]
    shares.sort(key=lambda share: share[0] / share[1], reverse=True)
    best, chosen, taken = 0.0, frozenset[str](), frozenset[str]()
    p = q = 0.0
    for mine, other, keys in shares[:-1]:
        p, q, taken = p + mine, q + other, taken | keys
        gain = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q)) if p > q else 0.0
        if gain > best:
            best, chosen = gain, taken
    return chosen


def _number_key(name: str) -> str:
    try:
        value = float(name)
    except ValueError:
        return NOT_A_NUMBER
    return NOT_A_NUMBER if math.isnan(value) else f"{value + 0.0:.4g}"


def _label_key(name: str) -> str:
    if len(json.dumps(name, ensure_ascii=False)) <= _LONGEST_LABEL:
        return name
    digest = hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=4).hexdigest()
    plain = "".join(letter if letter.isprintable() else "?" for letter in name[:24])
    return f"{plain.replace(chr(34), '?').replace(chr(92), '?')}…{digest}"


def _order(key: str) -> tuple[float, str]:
    return (-math.inf if key == NOT_A_NUMBER else float(key)), key


def _merge_neighbours(counts: dict[str, Pair]) -> None:
    """Put the two neighbouring numbers with the fewest counts together, under the lower one."""
    ordered = sorted(counts, key=_order)
    pairs = pairwise(ordered)
    low, high = min(pairs, key=lambda pair: sum(counts[pair[0]]) + sum(counts[pair[1]]))
    _merge(counts, high, low)


def _merge_rarest(counts: dict[str, Pair]) -> None:
    labels = (key for key in counts if key != OTHER)
    _merge(counts, min(labels, key=lambda key: (sum(counts[key]), key)), OTHER)


def _merge(counts: dict[str, Pair], gone: str, into: str) -> None:
    c, s = counts.pop(gone)
    c0, s0 = counts.get(into, (0, 0))
    counts[into] = (c + c0, s + s0)
