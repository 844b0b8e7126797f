"""From cumulative counts of many processes to what happened since the last look.

Counters start at zero with their process. A source that is seen for the first time only sets its
baseline: what it counted before is not of this step. A counter that fell has started again, and
all it shows is new. A source that could not be read for a while catches up at its next reading.

What is kept is bounded: another image than Lockstep's may tell of new things at every look. A
source that tells too much is refused for as long as it runs, and nothing it says counts.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lockstep_operator.core.gates.samples import Histogram, ModelReading
from lockstep_operator.core.routing import RouterCount

# Pods come and go while a canary runs for days; those seen longest ago are forgotten.
_SOURCES = 1024
# Counts that are kept of one source, and of all together: many times what our model server tells.
MOST_COUNTS = 32_768
MOST_TOGETHER = 262_144

Bucket = tuple[float, float]
Bins = Counter[str]
Series = tuple[str, ...]
Counts = Mapping[Any, int]
_LATENCY, _OUTPUT = "latency", "output"


@dataclass(frozen=True, slots=True)
class Ledger:
    """The last reading of each source: by series, counts by name; `refused`: those too large."""

    sources: Mapping[str, Mapping[Series, Counts]] = field(default_factory=dict)
    refused: Mapping[str, None] = field(default_factory=dict)

    def advance(
        self, readings: Mapping[str, Mapping[Series, Counts]]
    ) -> tuple["Ledger", dict[Series, Counter[object]]]:
        """Return the ledger after these readings, and what is new by series, over all sources."""
        after = self._remember(readings)
        increments: dict[Series, Counter[object]] = {}
        for source, reading in readings.items():
            known = self.sources.get(source)
            if known is None or source in after.refused:
                continue
            for series, counts in reading.items():
                news = _increment(known.get(series, {}), counts)
                increments.setdefault(series, Counter()).update(news)
        return after, increments

    def _remember(self, readings: Mapping[str, Mapping[Series, Counts]]) -> "Ledger":
        """Those read now come last; a series that is absent for once keeps its baseline."""
        room, refused = MOST_TOGETHER, dict(self.refused)
        read: dict[str, Mapping[Series, Counts]] = {}
        for source, reading in readings.items():
            whole = {**self.sources.get(source, {}), **reading}
            size = _size(whole)
            if source in refused or size > min(MOST_COUNTS, room):
                refused[source] = None
            else:
                read[source], room = whole, room - size
        before: dict[str, Mapping[Series, Counts]] = {}
        for source, old in reversed(list(self.sources.items())):
            if source in readings:
                continue
            room -= _size(old)
            if room < 0 or len(before) + len(read) >= _SOURCES:
                break
            before[source] = old
        kept = {**dict(reversed(before.items())), **read}
        return Ledger(kept, dict(list(refused.items())[-_SOURCES:]))


def _size(reading: Mapping[Series, Counts]) -> int:
    return sum(1 + len(counts) for counts in reading.values())


def _increment(before: Counts, after: Counts) -> Counts:
    news = {}
    for name, count in after.items():
        more = count - before.get(name, 0)
        if more < 0:
            return after
        if more:
            news[name] = more
    gone = (count for name, count in before.items() if name not in after)
    return after if any(gone) else news


@dataclass(frozen=True, slots=True)
class Side:
    """What one revision did since the last look.

    Attributes:
        requests, errors: as the router counted them; never more errors than requests.
        latency: successful answers by bucket (lower and upper bound, seconds).
        outputs: by output, counts by bin.
        numeric: outputs whose bins are numbers.
    """

    requests: int = 0
    errors: int = 0
    latency: Counter[Bucket] = field(default_factory=Counter)
    outputs: Mapping[str, Bins] = field(default_factory=dict)
    numeric: frozenset[str] = frozenset()

    @property
    def answers(self) -> int:
        """Successful answers that the model pods counted."""
        return self.latency.total()


@dataclass(frozen=True, slots=True)
class Owed:
    """What was counted too early or too late for its slice, and goes into a later one.

    The router counts a request when it sends it and an error when it ends, which may be seconds
    later; and what was not sent may be read before the request of it.

    Attributes:
        requests: 0 or less: seen as not sent, but not as a request yet.
        errors: beyond the requests of their slice, or less than 0: as `requests`.
    """

    requests: int = 0
    errors: int = 0

    def settle(self, news: Mapping[Any, int]) -> tuple[int, int, "Owed"]:
        """Return requests and errors of a slice, never negative, and what is owed after it."""
        unsent = news.get("unsent", 0)
        requests = news.get("requests", 0) - unsent + self.requests
        errors = news.get("errors", 0) - unsent + self.errors
        counted = max(0, requests)
        failed = min(max(0, errors), counted)
        return counted, failed, Owed(requests - counted, errors - failed)


@dataclass(frozen=True, slots=True)
class Slices:
    """Turns looks into slices: what both sides did between two looks.

    Attributes:
        candidate, stable: revision and assignment that are judged.
        router, models: what was read last.
        owed: of candidate and stable.
        excess: revisions with a model server that tells too much, at the last look.
    """

    candidate: Series
    stable: Series | None
    router: Ledger = Ledger()
    models: Ledger = Ledger()
    owed: tuple[Owed, Owed] = (Owed(), Owed())
    excess: frozenset[str] = frozenset()

    def advance(
        self, router: Iterable[RouterCount], models: Iterable[ModelReading]
    ) -> tuple["Slices", Side, Side]:
        """Return the next state, and what candidate and stable did since the last look."""
        models = tuple(models)
        both = (self.candidate, self.stable)
        router_ledger, routed = self.router.advance(_router_readings(router))
        model_ledger, modelled = self.models.advance(_model_readings(models, both))
        sides, owed = [], []
        for who, before in zip(both, self.owed, strict=True):
            news = routed.get(who, Counter()) if who else Counter[object]()
            requests, errors, after = before.settle(news)
            owed.append(after)
            numeric = frozenset[str]().union(
                *(model.numeric for model in models if who and model.revision == who[0])
            )
            sides.append(_side(who, requests, errors, modelled, numeric))
        excess = frozenset(one.revision for one in models if one.source in model_ledger.refused)
        after_all = Slices(
            self.candidate, self.stable, router_ledger, model_ledger, (owed[0], owed[1]), excess
        )
        return after_all, sides[0], sides[1]


def _side(
    who: Series | None,
    requests: int,
    errors: int,
    modelled: Mapping[Series, Counter[object]],
    numeric: frozenset[str],
) -> Side:
    latency: Counter[Bucket] = Counter()
    outputs: dict[str, Bins] = {}
    for series, counts in modelled.items() if who else ():
        if series[:2] != who:
            continue
        if series[2] == _LATENCY:
            latency.update({key: n for key, n in counts.items() if isinstance(key, tuple)})
        else:
            outputs[series[3]] = Counter({str(key): n for key, n in counts.items() if n})
    return Side(requests, errors, +latency, outputs, numeric)


def _router_readings(counts: Iterable[RouterCount]) -> dict[str, dict[Series, Counts]]:
    readings: dict[str, dict[Series, Counts]] = {}
    for count in counts:
        series = (count.revision, count.assignment)
        numbers = {"requests": count.requests, "errors": count.errors, "unsent": count.unsent}
        readings.setdefault(count.pod, {})[series] = numbers
    return readings


def _model_readings(
    models: Iterable[ModelReading], judged: Collection[Series | None]
) -> dict[str, dict[Series, Counts]]:
    readings: dict[str, dict[Series, Counts]] = {}
    for model in models:
        reading = readings.setdefault(model.source, {})
        for assignment, histogram in model.latency.items():
            if (model.revision, assignment) in judged:
                reading[model.revision, assignment, _LATENCY] = dict(_buckets(histogram))
        for (assignment, output), bins in model.outputs.items():
            if (model.revision, assignment) in judged:
                reading[model.revision, assignment, _OUTPUT, output] = dict(bins)
    return readings


def _buckets(histogram: Histogram) -> Iterable[tuple[Bucket, int]]:
    lower = 0.0
    for upper, count in zip(histogram.bounds, histogram.counts, strict=True):
        yield (lower, upper), count
        lower = upper
