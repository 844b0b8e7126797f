"""Requests held against a schema."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lockstep_runtime.errors import InvalidInput
from lockstep_runtime.schema.declaration import Feature, Schema
from lockstep_runtime.tensors import Array, Tensor

_NUMBERS = frozenset("iuf")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong with a feature: which rule it breaks, and a sentence with the value."""

    feature: str
    rule: str
    message: str


class SchemaCheck:
    """Looks at each request's tensors before the model does.

    Attributes:
        violations: how many requests broke it, by feature and rule.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.violations: Counter[tuple[str, str]] = Counter()
        self._places = {feature.name: place for place, feature in enumerate(schema.features)}
        numbers = all(one.type == "number" and not one.categories for one in schema.features)
        self._quick = _within(schema.features) if numbers else None

    def check(self, tensors: Sequence[Tensor]) -> None:
        """Count what is wrong with a request; refuse it when the mode is `enforce`.

        Raises:
            InvalidInput: it breaks the schema; the message names the feature.
        """
        if self.schema.mode == "off":
            return
        table = self._table(tensors)
        if table is not None and self._quick is not None and self._quick(table.array):
            return
        found = list(self._of_table(table) if table is not None else self._of_columns(tensors))
        if not found:
            return
        for one in {(one.feature, one.rule) for one in found}:
            self.violations[one] += 1
        if self.schema.mode == "enforce":
            raise InvalidInput(f"feature {found[0].feature!r}: {found[0].message}")
        features = sorted({one.feature for one in found})  # never the values: they are payload
        _log.warning("a request breaks the schema", extra={"fields": {"features": features}})

    def _table(self, tensors: Sequence[Tensor]) -> Tensor | None:
        """Return the tensor that holds all features as its columns; None: they come by name."""
        width = len(self.schema.features)
        if len(tensors) != 1 or tensors[0].array.ndim != 2:
            return None
        first = tensors[0]
        fits = first.array.shape[1] == width and (width == 1 or first.name not in self._places)
        return first if fits else None

    def _of_table(self, table: Tensor) -> Iterator[Violation]:
        for place, feature in enumerate(self.schema.features):
            yield from _problems(feature, table.datatype, table.array[:, place])

    def _of_columns(self, tensors: Sequence[Tensor]) -> Iterator[Violation]:
        by_name = {tensor.name: tensor for tensor in tensors}
        for feature in self.schema.features:
            tensor = by_name.get(feature.name)
            if tensor is None:
                names = ", ".join(by_name)
                yield Violation(feature.name, "missing", f"it is missing; the inputs are {names}")
            else:
                yield from _problems(feature, tensor.datatype, tensor.array.ravel())
        for name in by_name.keys() - self._places.keys():
            yield Violation(name, "unknown", "the schema has no such feature")


def _within(features: Sequence[Feature]) -> Callable[[Array], bool]:
    """Return a quick look at a table of numbers: whether nothing at all is wrong with it."""
    low = np.array([-np.inf if one.minimum is None else one.minimum for one in features])
    high = np.array([np.inf if one.maximum is None else one.maximum for one in features])

    def look(table: Array) -> bool:
        # A comparison with NaN is false, so a missing value gets the long look.
        return table.dtype.kind in _NUMBERS and bool(((table >= low) & (table <= high)).all())

    return look


def _problems(feature: Feature, datatype: str, values: Array) -> Iterator[Violation]:
    """Yield at most one violation of each rule in a column."""
    wrong_type = _type_problem(feature, datatype, values)
    if wrong_type:
        yield Violation(feature.name, "type", wrong_type)
        return
    if values.dtype.kind == "f":
        missing = np.isnan(values)
        if missing.any() and not feature.nullable:
            yield Violation(feature.name, "null", "a value is missing (null or NaN)")
        values = values[~missing]
    if feature.minimum is not None and (below := values < feature.minimum).any():
        value = values[below][0].item()
        message = f"{value:g} is below its minimum {feature.minimum:g}"
        yield Violation(feature.name, "range", message)
    elif feature.maximum is not None and (above := values > feature.maximum).any():
        value = values[above][0].item()
        message = f"{value:g} is above its maximum {feature.maximum:g}"
        yield Violation(feature.name, "range", message)
    if feature.categories and (strange := _strange(feature, values)) is not None:
        known = ", ".join(repr(one) for one in sorted(feature.categories)[:10])
        yield Violation(feature.name, "category", f"{strange!r} is no category; there are {known}")


def _strange(feature: Feature, values: Array) -> Any:
    return next((one for one in values.tolist() if one not in feature.categories), None)


def _type_problem(feature: Feature, datatype: str, values: Array) -> str | None:
    if feature.type == "string":
        fits = datatype == "BYTES"
    elif feature.type == "boolean":
        fits = datatype == "BOOL" or (
            values.dtype.kind in _NUMBERS and bool(np.isin(values, (0, 1)).all())
        )
    else:
        fits = values.dtype.kind in _NUMBERS
    if not fits:
        return f"datatype {datatype} is no {feature.type}"
    if feature.type == "integer" and values.dtype.kind == "f":
        known = values[~np.isnan(values)]
        fractions = known[known != np.floor(known)]
        if fractions.size:
            return f"{fractions[0].item():g} is no integer"
    return None
