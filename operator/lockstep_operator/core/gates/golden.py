"""Golden requests: questions with known answers, for models without traffic.

The document is JSON:

    {"tolerance": 1e-6, "requests": [{"name": "a flower", "request": {…}, "expected": {…}}]}

`request` is the body of an inference request of the Open Inference Protocol, and `expected` has
the `outputs` that matter. For a server of the user's own a request has a `path`, and `expected`
is the whole answer.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

from lockstep_operator.api.gates import Gate
from lockstep_operator.core.errors import LockstepError
from lockstep_operator.core.gates.equality import differences, show
from lockstep_operator.core.gates.judging import Finding, Look, number
from lockstep_operator.core.gates.samples import GoldenResult
from lockstep_operator.core.gates.target import Target

MOST_REQUESTS = 1000
MOST_BYTES = 1024 * 1024
_LONGEST_MISS = 500
# After something went wrong with asking, as after a pod that was just being replaced.
_AGAIN = timedelta(seconds=5)


class InvalidGolden(LockstepError, ValueError):
    """A golden document cannot be used; the message names the field and what would be right."""


@dataclass(frozen=True, slots=True)
class GoldenRequest:
    """One question.

    Attributes:
        name: unique in its document.
        body: JSON to send.
        path: where to; None: the inference path of the model.
        expected: outputs by name (flat values), or with a path the whole answer.
    """

    name: str
    body: Any
    path: str | None
    expected: Any


@dataclass(frozen=True, slots=True)
class GoldenDocument:
    """Questions in order; `tolerance` None where the document says nothing about it."""

    tolerance: float | None
    requests: tuple[GoldenRequest, ...]


def parse_golden(text: str | bytes) -> GoldenDocument:
    """Read a golden document.

    Raises:
        InvalidGolden: it is not such a document.
    """
    if len(text) > MOST_BYTES:
        raise InvalidGolden(f"the golden document is longer than {MOST_BYTES} bytes")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidGolden(f"the golden document is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise InvalidGolden(f"the golden document is {_kind(document)}, must be an object")
    requests = document.get("requests")
    if not isinstance(requests, list) or not 1 <= len(requests) <= MOST_REQUESTS:
        raise InvalidGolden(f"requests: must be a list of 1 to {MOST_REQUESTS} requests")
    parsed = tuple(_request(index, request) for index, request in enumerate(requests))
    names = [request.name for request in parsed]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise InvalidGolden(f"requests[{index}].name: {name!r} is there twice")
    return GoldenDocument(_tolerance(document), parsed)


def _tolerance(document: Mapping[str, Any]) -> float | None:
    tolerance = document.get("tolerance")
    if tolerance is None:
        return None
    usable = isinstance(tolerance, int | float) and not isinstance(tolerance, bool)
    if not usable or not 0 <= tolerance < math.inf:
        raise InvalidGolden(f"tolerance: is {show(tolerance)}, must be a number of 0 or more")
    return float(tolerance)


def _request(index: int, request: Any) -> GoldenRequest:
    where = f"requests[{index}]"
    if not isinstance(request, dict):
        raise InvalidGolden(f"{where}: is {_kind(request)}, must be an object")
    name = request.get("name", f"request {index + 1}")
    if not isinstance(name, str) or not 1 <= len(name) <= 253:
        raise InvalidGolden(f"{where}.name: must be a text of 1 to 253 characters")
    path = request.get("path")
    if path is not None and not (isinstance(path, str) and path.startswith("/")):
        raise InvalidGolden(f"{where}.path: is {show(path)}, must be a text that begins with /")
    for key in ("request", "expected"):
        if key not in request:
            raise InvalidGolden(f"{where}.{key}: is missing")
    body, expected = request["request"], request["expected"]
    if path is None:
        if not isinstance(body, dict) or not isinstance(body.get("inputs"), list):
            raise InvalidGolden(
                f"{where}.request: must be the body of an inference request, an object with a "
                "list `inputs`; a request to a server of your own has a `path`"
            )
        expected = _outputs(expected, InvalidGolden(f"{where}.expected: {_OUTPUTS_RULE}"))
        if not expected:
            raise InvalidGolden(f"{where}.expected.outputs: must have an output")
    return GoldenRequest(name, body, path, expected)


_OUTPUTS_RULE = "must be an object with a list `outputs` of objects with `name` and `data`"


def _outputs(value: Any, error: LockstepError) -> dict[str, list[Any]]:
    """Return flat values by output name."""
    outputs = value.get("outputs") if isinstance(value, dict) else None
    if not isinstance(outputs, list):
        raise error
    found = {}
    for output in outputs:
        name = output.get("name") if isinstance(output, dict) else None
        if not isinstance(name, str) or not isinstance(output.get("data"), list):
            raise error
        found[name] = _flat(output["data"])
    return found


def _flat(values: list[Any]) -> list[Any]:
    flat: list[Any] = []
    stack = [iter(values)]
    while stack:
        for value in stack[-1]:
            if isinstance(value, list):
                stack.append(iter(value))
                break
            flat.append(value)
        else:
            stack.pop()
    return flat


def first_difference(request: GoldenRequest, answer: Any, tolerance: float | None) -> str | None:
    """Return what differs from the expectation, None when nothing does.

    Args:
        request: the question.
        answer: the parsed JSON of a 200 answer.
        tolerance: for numbers; None: relative, see `equality.DEFAULT_TOLERANCE`.
    """
    try:
        found = next(_differences(request, answer, tolerance), None)
    except RecursionError:
        return "the answer is nested too deeply to be compared"
    except OverflowError:
        return "the answer has a number that is too large to be compared"
    except InvalidGolden as error:
        return str(error)
    return found if found is None or len(found) <= _LONGEST_MISS else found[:_LONGEST_MISS] + "…"


def _differences(request: GoldenRequest, answer: Any, tolerance: float | None) -> Iterator[str]:
    if request.path is not None:
        yield from differences(request.expected, answer, tolerance)
        return
    outputs = _outputs(answer, InvalidGolden("the answer has no outputs with name and data"))
    for name, expected in request.expected.items():
        if name in outputs:
            yield from differences(expected, outputs[name], tolerance, f"output {name!r}")
        else:
            yield f"the answer has no output {name!r}"


def tolerance_of(document: GoldenDocument, gate: Gate) -> float | None:
    """Return the tolerance for numbers: the gate's goes before the document's."""
    return document.tolerance if gate.tolerance is None else gate.tolerance


def result_of(document: GoldenDocument, misses: Mapping[str, str | None]) -> GoldenResult:
    """Return how many answers are wrong.

    Args:
        document: the questions.
        misses: by request name, what was wrong with its answer, None when nothing was. A request
            that is not in it was not asked.
    """
    asked = [request.name for request in document.requests if request.name in misses]
    wrong = [f"{name}: {misses[name]}" for name in asked if misses[name] is not None]
    return GoldenResult(len(asked), len(wrong), wrong[0] if wrong else "")


@dataclass(frozen=True, slots=True)
class Golden:
    """Judge of `goldenRequests`: asked once; `result` holds for the whole rollout."""

    gate: Gate
    target: Target
    result: GoldenResult | None = None
    tried: datetime | None = None

    def add(self, look: Look) -> Self:
        """Return the judge that has seen this look too."""
        if look.golden is None:
            return self if look.complete else replace(self, tried=look.time)
        return replace(self, result=look.golden, tried=look.time)

    def finding(self) -> Finding:
        """Return what it found so far."""
        if self.result is None or self.result.asked < 1:
            return Finding("inconclusive", "the golden requests are not answered yet")
        asked, wrong, limit = self.result.asked, self.result.wrong, self.gate.max or 0.0
        share = wrong / asked
        failed = share > limit
        text = f"{wrong} of {asked} golden requests answered wrong"
        if self.gate.max:
            text += f", {number(limit)} of them may be"
        return Finding(
            "fail" if failed else "pass",
            f"{text}; first {self.result.first_miss}" if wrong else text,
            value=share,
            limit=limit,
            samples=asked,
            evidence=1.0 if failed else 0.0,
        )

    def state(self) -> dict[str, Any]:
        """Return what to go on from, as JSON."""
        if self.result is None:
            return {}
        return {"a": self.result.asked, "w": self.result.wrong, "m": self.result.first_miss[:800]}

    def resume(self, state: Mapping[str, Any]) -> Self:
        """Return the judge with what `state` wrote."""
        if not state:
            return self
        return replace(self, result=GoldenResult(int(state["a"]), int(state["w"]), str(state["m"])))

    def due(self, now: datetime) -> bool:
        """Return whether it was not answered yet, and not tried a moment ago."""
        if self.result is not None and self.result.asked > 0:
            return False
        return self.tried is None or not timedelta(0) <= now - self.tried < _AGAIN


def _kind(value: Any) -> str:
    return {list: "a list", str: "a text", type(None): "null"}.get(type(value), show(value))
