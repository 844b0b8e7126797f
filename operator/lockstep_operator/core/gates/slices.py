"""From cumulative counts of many processes to what happened since the last look.

Counters start at zero with their process. A source that is seen for the first time only sets its
baseline: what it counted before is not of this step. A counter that fell has started again, and
all it shows is new. A source that could not be read for a while catches up at its next reading.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lockstep_operator.core.gates.samples import Histogram, ModelReading
from lockstep_operator.core.routing import RouterCount

# Pods come and go while a canary runs for days; those seen longest ago are forgotten.
_SOURCES = 1024

Bucket = tuple[float, float]
Bins = Counter[str]
Series = tuple[str, ...]
Counts = Mapping[Any, int]
_LATENCY, _OUTPUT = "latency", "output"


@dataclass(frozen=True, slots=True)
class Ledger:
    """The last reading of each source: by series, counts by name."""

    sources: Mapping[str, Mapping[Series, Counts]] = field(default_factory=dict)

    def advance(
        self, readings: Mapping[str, Mapping[Series, Counts]]
    ) -> tuple["Ledger", dict[Series, Counter[object]]]:
        """Return the ledger after these readings, and what is new by series, over all sources."""
        increments: dict[Series, Counter[object]] = {}
        for source, reading in readings.items():
            known = self.sources.get(source)
            if known is None:
                continue
            for series, counts in reading.items():
                news = _increment(known.get(series, {}), counts)
                increments.setdefault(series, Counter()).update(news)
        return Ledger(self._remember(readings)), increments

    def _remember(
        self, readings: Mapping[str, Mapping[Series, Counts]]
    ) -> dict[str, Mapping[Series, Counts]]:
        """Those read now come last; a series that is absent for once keeps its baseline."""
        kept = {source: old for source, old in self.sources.items() if source not in readings}
        for source, reading in readings.items():
            kept[source] = {**self.sources.get(source, {}), **reading}
        return dict(list(kept.items())[-_SOURCES:])


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
class Slices:
    """Turns looks into slices: what both sides did between two looks.

    `late`: errors beyond the requests of their slice, by side. The router counts a request when it
    sends it and an error when it ends, which may be seconds later.
    """

    candidate: Series
    stable: Series | None
    router: Ledger = Ledger()
    models: Ledger = Ledger()
    late: tuple[int, int] = (0, 0)

    def advance(
        self, router: Iterable[RouterCount], models: Iterable[ModelReading]
    ) -> tuple["Slices", Side, Side]:
        """Return the next state, and what candidate and stable did since the last look."""
        models = tuple(models)
        router_ledger, routed = self.router.advance(_router_readings(router))
        model_ledger, modelled = self.models.advance(_model_readings(models))
        sides, late = [], []
        for who, owed in zip((self.candidate, self.stable), self.late, strict=True):
            news = routed.get(who, Counter()) if who else Counter[object]()
            requests, errors = news["requests"], news["errors"] + owed
            counted = min(errors, requests)
            late.append(errors - counted)
            numeric = frozenset[str]().union(
                *(model.numeric for model in models if who and model.revision == who[0])
            )
            sides.append(_side(who, requests, counted, modelled, numeric))
        after = Slices(self.candidate, self.stable, router_ledger, model_ledger, (late[0], late[1]))
        return after, sides[0], sides[1]


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
        numbers = {"requests": count.requests, "errors": count.errors}
        readings.setdefault(count.pod, {})[series] = numbers
    return readings


def _model_readings(models: Iterable[ModelReading]) -> dict[str, dict[Series, Counts]]:
    readings: dict[str, dict[Series, Counts]] = {}
    for model in models:
        reading = readings.setdefault(model.source, {})
        for assignment, histogram in model.latency.items():
            reading[model.revision, assignment, _LATENCY] = dict(_buckets(histogram))
        for (assignment, output), bins in model.outputs.items():
            reading[model.revision, assignment, _OUTPUT, output] = dict(bins)
    return readings


def _buckets(histogram: Histogram) -> Iterable[tuple[Bucket, int]]:
    lower = 0.0
    for upper, count in zip(histogram.bounds, histogram.counts, strict=True):
        yield (lower, upper), count
        lower = upper
