"""A simulated rollout: traffic, errors, latencies and answers of two revisions, as pods count them.

Everything that `Evidence` gets comes through the same cumulative readings that real pods give:
router pods with counters, model pods with histograms, output bins and recent answers.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lockstep_operator.core.gates.samples import Answer, Histogram, ModelReading, Samples
from lockstep_operator.core.routing import RouterCount

Counts = NDArray[np.int64]
START = datetime(2026, 1, 1, tzinfo=UTC)
# Upper bounds of the latency buckets in seconds: 20 per decade from 1 ms to 10 s.
BOUNDS = np.array([*(10 ** (-3 + k / 20) for k in range(81)), math.inf])
LABELS = ("rose", "tulip", "violet")
# Ids that all pods keep, per second, see the runtime's ring of answers.
MOST_PAIRS = 256
# Answers that a pod keeps until they are read.
RING = 2048


@dataclass(frozen=True, slots=True)
class Bursts:
    """Moments of errors and slowness: exponential gaps, uniform lengths, in seconds."""

    every: float
    shortest: float
    longest: float
    errors: float
    slower: float = 3.0


@dataclass(frozen=True, slots=True)
class Conditions:
    """What goes on whether or not the candidate is harmful.

    Attributes:
        rate: requests per second of users, Poisson.
        weights: the candidate's percent, a step each.
        hold: seconds of a step.
        errors: share of requests that fail at any time, on both sides.
        alone, both: bursts that hit each revision by itself, and both at once.
        mix: seconds in which the shares of the classes, the latency and the load go from one end
            to the other and back; 0: never.
        restarts: seconds between two restarts of a pod, of any revision or of the router.
        mirror: percent of the requests that the candidate gets a copy of.
        rows: values per answer.
        pace: whether looks get rarer as a step goes on, as the operator's do; otherwise it looks
            every second.
    """

    name: str
    rate: float = 100.0
    weights: tuple[float, ...] = (5.0, 25.0, 50.0)
    hold: int = 120
    errors: float = 0.002
    alone: Bursts | None = None
    both: Bursts | None = None
    mix: float = 0.0
    restarts: float = 0.0
    mirror: float = 20.0
    rows: int = 1
    pace: bool = True


@dataclass(frozen=True, slots=True)
class Harm:
    """What is wrong with the candidate.

    Attributes:
        errors: share of requests that fail beside all others.
        slower: factor of every latency.
        leaning: share of answers that become the first label whatever they were.
        disagreement: share of mirrored requests that are answered differently.
        begins: seconds after the step began.
    """

    name: str
    errors: float = 0.0
    slower: float = 1.0
    leaning: float = 0.0
    disagreement: float = 0.05
    begins: int = 0


HARMLESS = Harm("none")


@dataclass(slots=True)
class Pod:
    """A model pod's counters."""

    source: str
    revision: str
    latency: dict[str, Counts] = field(default_factory=dict)
    outputs: dict[tuple[str, str], Counts] = field(default_factory=dict)
    answers: deque[Answer] = field(default_factory=lambda: deque(maxlen=RING))

    def reading(self) -> ModelReading:
        """Return what it reports, and forget the answers that it told."""
        told = tuple(self.answers)
        self.answers.clear()
        return ModelReading(
            source=self.source,
            revision=self.revision,
            latency={
                key: Histogram(tuple(BOUNDS.tolist()), tuple(counts.tolist()))
                for key, counts in self.latency.items()
            },
            outputs={
                key: dict(zip(_names(key[1]), counts.tolist(), strict=True))
                for key, counts in self.outputs.items()
            },
            numeric=frozenset({"score"}),
            answers=told,
        )


# Bins of a number, ten per decade from 0.01 to 1.
SCORES = [repr(10 ** (k / 10)) for k in range(-20, 1)]


def _names(output: str) -> list[str] | tuple[str, ...]:
    return SCORES if output == "score" else LABELS


class World:
    """Two revisions under load, second by second; one seed gives one history."""

    def __init__(
        self,
        conditions: Conditions,
        harm: Harm,
        seed: int,
        weight: float,
        *,
        shadow: bool = True,
        modelled: bool = True,
    ) -> None:
        """Begin; `shadow`, `modelled`: whether mirrored answers and pods' counts are needed."""
        self.conditions, self.harm, self.weight = conditions, harm, weight
        self.shadow, self.modelled = shadow, modelled
        self.random = np.random.default_rng(seed)
        self.second = 0
        self.serial = 0
        self.calm_until: dict[str, float] = {}
        self.burst_until: dict[str, float] = {}
        self.pods = [self._pod("candidate"), self._pod("candidate")]
        self.pods += [self._pod("stable") for _ in range(3)]
        self.routers: list[dict[str, list[int]]] = [{}, {}]
        self.router_names = ["router-a", "router-b"]

    def _pod(self, revision: str) -> Pod:
        self.serial += 1
        return Pod(f"pod-{self.serial}", revision)

    def step(self) -> None:
        """Let a second pass."""
        self.second += 1
        self._restart()
        trouble = {name: self._burst(name) for name in ("candidate", "stable", "both")}
        level = self._level()
        rate = self.conditions.rate * (0.6 + 0.8 * level)
        for revision, share in (("candidate", self.weight), ("stable", 100 - self.weight)):
            requests = int(self.random.poisson(rate * share / 100))
            self._serve(revision, requests, level, trouble)
        if self.shadow:
            self._mirror(rate * self.conditions.mirror / 100)

    def read(self) -> Samples:
        """Return what the pods report now."""
        return Samples(
            START + timedelta(seconds=self.second),
            tuple(self._router_counts()),
            tuple(pod.reading() for pod in self.pods),
        )

    def _level(self) -> float:
        """Return the hour of the day as a number from 0 to 1."""
        if not self.conditions.mix:
            return 0.5
        return 0.5 - 0.5 * math.cos(2 * math.pi * self.second / self.conditions.mix)

    def _burst(self, name: str) -> Bursts | None:
        bursts = self.conditions.both if name == "both" else self.conditions.alone
        if bursts is None:
            return None
        if name not in self.calm_until:
            self.calm_until[name] = self.random.exponential(bursts.every)
            self.burst_until[name] = -1.0
        if self.second >= self.calm_until[name] and self.burst_until[name] < 0:
            length = self.random.uniform(bursts.shortest, bursts.longest)
            self.burst_until[name] = self.calm_until[name] + length
        if self.burst_until[name] < 0:
            return None
        if self.second >= self.burst_until[name]:
            self.calm_until[name] = self.second + self.random.exponential(bursts.every)
            self.burst_until[name] = -1.0
        return bursts

    def _harmed(self, revision: str) -> bool:
        return revision == "candidate" and self.second > self.harm.begins

    def _serve(
        self, revision: str, requests: int, level: float, trouble: dict[str, Bursts | None]
    ) -> None:
        fine, slower = 1.0 - self.conditions.errors, 1.0 + level
        for bursts in (trouble[revision], trouble["both"]):
            if bursts:
                fine, slower = fine * (1 - bursts.errors), slower * bursts.slower
        if self._harmed(revision):
            fine, slower = fine * (1 - self.harm.errors), slower * self.harm.slower
        errors = int(self.random.binomial(requests, 1 - fine))
        self._count(revision, requests, errors)
        if self.modelled:
            self._answer(revision, requests - errors, slower, level)

    def _count(self, revision: str, requests: int, errors: int) -> None:
        first = int(self.random.binomial(requests, 0.5))
        failed = int(self.random.hypergeometric(errors, requests - errors, first))
        for router, more in zip(
            self.routers, ((first, failed), (requests - first, errors - failed)), strict=True
        ):
            counts = router.setdefault(revision, [0, 0])
            counts[0] += more[0]
            counts[1] += more[1]

    def _answer(self, revision: str, answers: int, slower: float, level: float) -> None:
        pods = [pod for pod in self.pods if pod.revision == revision]
        shares = self.random.multinomial(answers, [1 / len(pods)] * len(pods))
        for pod, count in zip(pods, shares.tolist(), strict=True):
            times = 0.02 * slower * np.exp(0.5 * self.random.standard_normal(count))
            buckets = np.bincount(np.searchsorted(BOUNDS, times), minlength=len(BOUNDS))
            _add(pod.latency, "split", buckets)
            lean = self.harm.leaning if self._harmed(revision) else 0.0
            mix = np.array([0.5 - 0.3 * level, 0.3, 0.2 + 0.3 * level]) * (1 - lean)
            mix[0] += lean
            # A request's rows are alike: one draw per request, repeated.
            labels = self.random.multinomial(count, mix) * self.conditions.rows
            _add(pod.outputs, ("split", "label"), labels)
            score = self.random.beta(2 + 2 * level, 4, count) ** (1 - lean)
            places = np.clip(np.floor(10 * np.log10(score)) + 20, 0, 20).astype(int)
            bins = np.bincount(places, minlength=21) * self.conditions.rows
            _add(pod.outputs, ("split", "score"), bins)

    def _mirror(self, rate: float) -> None:
        pairs = min(MOST_PAIRS, int(self.random.poisson(rate)))
        share = self.harm.disagreement if self.second > self.harm.begins else 0.0
        differ = self.random.random(pairs) < share
        mine = [pod for pod in self.pods if pod.revision == "candidate"]
        theirs = [pod for pod in self.pods if pod.revision == "stable"]
        for index in range(pairs):
            key = f"{self.second}-{index}"
            _tell(self.random.choice(len(theirs)), theirs, key, "split", "rose")
            answer = "tulip" if differ[index] else "rose"
            _tell(self.random.choice(len(mine)), mine, key, "mirror", answer)

    def _restart(self) -> None:
        every = self.conditions.restarts
        if not every or self.random.random() >= 1 / every:
            return
        chosen = int(self.random.integers(len(self.pods) + 2))
        if chosen >= len(self.pods):
            # A router's container starts again in the same pod: its counters fall.
            self.routers[chosen - len(self.pods)] = {}
        else:
            self.pods[chosen] = self._pod(self.pods[chosen].revision)

    def _router_counts(self) -> list[RouterCount]:
        return [
            RouterCount(name, revision, "split", requests, errors)
            for name, router in zip(self.router_names, self.routers, strict=True)
            for revision, (requests, errors) in router.items()
        ]


def _tell(chosen: int, pods: list[Pod], key: str, assignment: str, value: str) -> None:
    pods[int(chosen)].answers.append(Answer(key, assignment, {"label": (value,)}, value))


def _add(counters: dict[Any, Counts], key: Any, more: Counts) -> None:
    counters[key] = counters[key] + more if key in counters else more
