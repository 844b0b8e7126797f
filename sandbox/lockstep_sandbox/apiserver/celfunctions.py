"""The functions that Kubernetes adds to CEL, as far as CRDs in the sandbox use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celpy import celtypes

from lockstep_sandbox.apiserver.quantity import parse

_String, _Bool, _List = celtypes.StringType, celtypes.BoolType, celtypes.ListType


def _is_quantity(text: Any) -> Any:
    try:
        parse(text)
    except ValueError:
        return _Bool(False)
    return _Bool(True)


def _sum(values: Any) -> Any:
    return sum(values[1:], values[0]) if values else celtypes.IntType(0)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    # an optional oldSelf is a list of none or one
    "hasValue": lambda optional: _Bool(bool(optional)),
    "value": lambda optional: optional[0],
    "orValue": lambda optional, other: optional[0] if optional else other,
    "isQuantity": _is_quantity,
    "isSorted": lambda values: _Bool(list(values) == sorted(values)),
    "lowerAscii": lambda text: _String(str(text).lower()),
    "max": max,
    "min": min,
    "split": lambda text, by: _List([_String(part) for part in str(text).split(str(by))]),
    "sum": _sum,
    "trim": lambda text: _String(str(text).strip()),
}
