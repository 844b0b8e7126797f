"""What a model pod of ours tells on its telemetry port, as samples."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, cast

from lockstep_operator.core.gates.samples import Answer, Histogram, ModelReading

PAGE = 1000
"""Most answers in one page."""

# More than our model server ever tells: what is longer would cost the operator its time.
_MOST_BINS = 1024
_MOST_SERIES = 4096
_LONGEST_NAME = 1000
_LARGEST_COUNT = 2**53
_Value = float | int | str | bool | None


class Unreadable(ValueError):
    """Not what our model server tells."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page; `cursor`: where the next one begins, for as long as the process is `started`."""

    reading: ModelReading
    started: str
    cursor: int

    @property
    def is_full(self) -> bool:
        """Whether there are probably more answers."""
        return len(self.reading.answers) >= PAGE

    def followed_by(self, page: "Page") -> "Page":
        """Return both as one: the counts are the later ones."""
        answers = (*self.reading.answers, *page.reading.answers)
        return replace(page, reading=replace(page.reading, answers=answers))


def parse_page(body: bytes, uid: str, revision: str) -> Page:
    """Return the page of a pod.

    Raises:
        Unreadable: the message says why.
    """
    try:
        told = json.loads(body)
        started, answers = _name(told["started"]), told["answers"]
        items = _bounded(answers.get("items") or [], PAGE)
        reading = ModelReading(
            source=f"{uid}/{started}",
            revision=revision,
            latency={_name(name): _histogram(one) for name, one in told["latency"].items()},
            outputs=_outputs(told["outputs"]),
            numeric=_numeric(told["outputs"]),
            answers=tuple(_answer(item) for item in items),
        )
        return Page(reading, started, _count(answers["cursor"]))
    except (
        ArithmeticError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        why = f"{type(error).__name__}: {error}"[:200]
        raise Unreadable(f"its telemetry cannot be read ({why})") from error


def _histogram(told: Mapping[str, Any]) -> Histogram:
    told_bounds = _bounded(told["bounds"], _MOST_BINS)
    bounds = tuple(math.inf if bound is None else float(bound) for bound in told_bounds)
    counts = tuple(_count(count) for count in told["counts"])
    if len(bounds) != len(counts):
        raise ValueError(f"{len(bounds)} bounds but {len(counts)} counts")
    ascending = all(low < high for low, high in pairwise((0.0, *bounds)))  # and no NaN
    if not ascending or bounds[-1:] != (math.inf,):
        raise ValueError("the bounds of a histogram must ascend, up to null")
    return Histogram(bounds, counts)


def _outputs(told: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, int]]:
    found = {
        (_name(assignment), _name(name)): {
            _name(bin_): _count(count)
            for bin_, count in _bounded(output["bins"], _MOST_BINS).items()
        }
        for assignment, outputs in told.items()
        for name, output in outputs.items()
    }
    if len(found) > _MOST_SERIES:
        raise ValueError(f"more than {_MOST_SERIES} outputs")
    return found


def _numeric(told: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(
        name
        for outputs in told.values()
        for name, output in outputs.items()
        if output["numeric"] is True
    )


def _answer(told: Mapping[str, Any]) -> Answer:
    outputs = told.get("outputs")
    return Answer(
        request_id=_name(told["id"]),
        assignment=_name(told["assignment"]),
        outputs=None
        if outputs is None
        else {_name(name): _values(values) for name, values in outputs.items()},
        digest=_name(told.get("digest") or ""),
    )


def _values(told: Any) -> tuple[_Value, ...]:
    if not isinstance(told, list):
        raise TypeError("the values of an output must be a list")
    return tuple(_value(value) for value in told)


def _value(told: Any) -> _Value:
    if isinstance(told, list | dict):
        raise TypeError("the values of an output must be flat")
    if isinstance(told, int):
        float(told)  # one that is too large for this cannot be compared either
    return cast("_Value", told)


def _count(told: Any) -> int:
    if not isinstance(told, int) or isinstance(told, bool) or not 0 <= told <= _LARGEST_COUNT:
        raise ValueError("a count must be a whole number of 0 or more")
    return told


def _name(told: Any) -> str:
    if not isinstance(told, str) or len(told) > _LONGEST_NAME:
        raise ValueError(f"a name must be a text of at most {_LONGEST_NAME} characters")
    return told


def _bounded(told: Any, most: int) -> Any:
    if not isinstance(told, list | dict) or len(told) > most:
        raise ValueError(f"more than {most} entries, or neither list nor object")
    return told
