"""When two values of a model's answer count as the same."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

# Default tolerance: of the value itself, or of 1 where it is smaller; about float32's precision.
DEFAULT_TOLERANCE = 1e-6


def same(left: Any, right: Any, tolerance: float | None) -> bool:
    """Return whether two plain values are the same.

    Args:
        left, right: numbers, strings, booleans or None. NaN and None are "no number" and the same;
            a boolean is the same as a boolean only, a string as a string.
        tolerance: numbers that differ by no more are the same; None: `DEFAULT_TOLERANCE`.
    """
    if _missing(left) or _missing(right):
        return _missing(left) and _missing(right)
    if not (_is_number(left) and _is_number(right)):
        return type(left) is type(right) and bool(left == right)
    if left == right:
        return True
    allowed = tolerance
    if allowed is None:
        largest = max(1.0, abs(left), abs(right))
        allowed = DEFAULT_TOLERANCE * largest if math.isfinite(largest) else 0.0
    return bool(abs(left - right) <= allowed)


def all_same(left: Sequence[Any], right: Sequence[Any], tolerance: float | None) -> bool:
    """Return whether two rows of plain values are the same, value by value."""
    return len(left) == len(right) and all(
        same(one, other, tolerance) for one, other in zip(left, right, strict=True)
    )


def differences(
    expected: Any, answer: Any, tolerance: float | None, path: str = "the answer"
) -> Iterator[str]:
    """Yield a sentence for each place where two JSON values are not the same."""
    if isinstance(expected, dict) and isinstance(answer, dict):
        for key in [*expected, *(key for key in answer if key not in expected)]:
            if key not in answer:
                yield f"{path} has no {key!r}"
            elif key not in expected:
                yield f"{path} has {key!r}, which is not expected"
            else:
                yield from differences(expected[key], answer[key], tolerance, f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(answer, list):
        if len(expected) != len(answer):
            yield f"{path} has {len(answer)} values, expected {len(expected)}"
            return
        for index, (one, other) in enumerate(zip(expected, answer, strict=True)):
            yield from differences(one, other, tolerance, f"{path}[{index}]")
    elif not same(expected, answer, tolerance):
        yield f"{path} is {show(answer)}, expected {show(expected)}"


def show(value: Any) -> str:
    """Return a value as a person reads it, at most 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
