"""What a model pod of ours tells on its telemetry port, as samples."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lockstep_operator.core.gates.samples import Answer, Histogram, ModelReading

PAGE = 1000
"""Most answers in one page."""


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
        started, answers = str(told["started"]), told["answers"]
        reading = ModelReading(
            source=f"{uid}/{started}",
            revision=revision,
            latency={name: _histogram(one) for name, one in told["latency"].items()},
            outputs=_outputs(told["outputs"]),
            numeric=_numeric(told["outputs"]),
            answers=tuple(_answer(item) for item in answers.get("items") or []),
        )
        return Page(reading, started, int(answers["cursor"]))
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
    bounds = tuple(math.inf if bound is None else float(bound) for bound in told["bounds"])
    counts = tuple(int(count) for count in told["counts"])
    if len(bounds) != len(counts):
        raise ValueError(f"{len(bounds)} bounds but {len(counts)} counts")
    return Histogram(bounds, counts)


def _outputs(told: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, int]]:
    return {
        (assignment, name): {str(bin_): int(count) for bin_, count in output["bins"].items()}
        for assignment, outputs in told.items()
        for name, output in outputs.items()
    }


def _numeric(told: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(
        name for outputs in told.values() for name, output in outputs.items() if output["numeric"]
    )


def _answer(told: Mapping[str, Any]) -> Answer:
    outputs = told.get("outputs")
    return Answer(
        request_id=str(told["id"]),
        assignment=str(told["assignment"]),
        outputs=None
        if outputs is None
        else {str(name): tuple(values) for name, values in outputs.items()},
        digest=str(told.get("digest") or ""),
    )
