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
from lockstep_runtime.telemetry.outputs import OutputDistributions
from lockstep_runtime.tensors import Tensor, TensorSpec
from proofs.statistics.conditions import Batches, Bursts, Conditions, Harm

Counts = NDArray[np.int64]
START = datetime(2026, 1, 1, tzinfo=UTC)
# Upper bounds of the latency buckets in seconds: 20 per decade from 1 ms to 10 s.
BOUNDS = np.array([*(10 ** (-3 + k / 20) for k in range(81)), math.inf])
LABELS = ("rose", "tulip", "violet")
_LABEL = TensorSpec("label", "INT64", (-1,), "label", (0, 1, 2))
_SCORE = TensorSpec("score", "FP64", (-1,))
# Ids that all pods keep, per second, see the runtime's ring of answers.
MOST_PAIRS = 256
# Answers that a pod keeps until they are read.
RING = 2048


@dataclass(slots=True)
class Pod:
    """A model pod's counters."""

    source: str
    revision: str
    latency: dict[str, Counts] = field(default_factory=dict)
    outputs: dict[tuple[str, str], Counts] = field(default_factory=dict)
    batches: OutputDistributions | None = None
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
            outputs=self._outputs(),
            numeric=frozenset({"score"}),
            answers=told,
        )

    def _outputs(self) -> dict[tuple[str, str], dict[str, int]]:
        if self.batches:
            return {("split", name): one.bins() for name, one in self.batches.items()}
        return {
            key: dict(zip(_names(key[1]), counts.tolist(), strict=True))
            for key, counts in self.outputs.items()
        }


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
        batched = OutputDistributions(self.random.random) if self.conditions.batches else None
        return Pod(f"pod-{self.serial}", revision, batches=batched)

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
            if pod.batches and self.conditions.batches:
                for _ in range(count):
                    self._answer_batch(pod.batches, self.conditions.batches, level, lean, mix)
                continue
            _add(pod.outputs, ("split", "label"), self.random.multinomial(count, mix))
            score = self.random.beta(2 + 2 * level, 4, count) ** (1 - lean)
            places = np.clip(np.floor(10 * np.log10(score)) + 20, 0, 20).astype(int)
            _add(pod.outputs, ("split", "score"), np.bincount(places, minlength=21))

    def _answer_batch(
        self,
        counted: OutputDistributions,
        batches: Batches,
        level: float,
        lean: float,
        mix: NDArray[np.float64],
    ) -> None:
        """Count an answer of many rows as the runtime does."""
        rows = batches.most if self.random.random() < batches.share else batches.fewest
        labels = self.random.choice(len(LABELS), rows, p=mix)
        scores = self.random.beta(2 + 2 * level, 4, rows) ** (1 - lean)
        alike = self.random.random(rows) < batches.alike
        labels[alike], scores[alike] = labels[0], scores[0]
        counted.add(Tensor("label", "INT64", labels), _LABEL)
        counted.add(Tensor("score", "FP64", scores), _SCORE)

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
