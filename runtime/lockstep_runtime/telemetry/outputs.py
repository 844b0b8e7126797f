"""Distributions of what the model answers: labels by name, numbers by bin.

Rows of one answer are not independent: a client may send all its requests of one kind as one batch.
So for the gates an answer is one observation: one of its rows, drawn at random. The other rows are
counted beside, for the metrics.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import numpy as np

from lockstep_runtime.telemetry.bins import BIN_NAMES, bin_counts, bin_of
from lockstep_runtime.telemetry.sampling import rank
from lockstep_runtime.tensors import Array, Tensor, TensorSpec

MAX_COLUMNS = 16
MAX_LABELS = 64
MAX_LABEL_LENGTH = 100
OTHER_LABELS = "(other)"
_OTHERS = object()  # the key of those that have no name: no label of a model equals it
# Up to so many rows a plain loop is quicker than numpy.
_FEW_ROWS = 16
# So many outputs of one row, and of so many values at most, are counted together.
_MANY, _SMALL = 128, 64


class Distribution(Protocol):
    """Counts of one output, or of one column of it, since the process started."""

    numeric: bool

    def add_all(self, values: Array) -> None:
        """Count the values of many answers of one row each."""

    def add_batch(self, values: Array, row: int) -> None:
        """Count an answer of many rows: the one that was drawn, and the others beside."""

    def bins(self) -> dict[str, int]:
        """Return by bin how many answers were counted in it, without those that are 0."""

    def values(self) -> dict[str, int]:
        """Return by bin how many values all answers had, without those that are 0."""


class LabelDistribution:
    """Counts labels: `MAX_LABELS` by name, all others as one.

    By name are counted those that come first. But of a model that is known to have more classes,
    it is those whose hash comes first: two pods must choose the same ones, or they would seem to
    answer differently.
    """

    __slots__ = ("_beside", "_counts")
    numeric = False

    def __init__(self, classes: tuple[Any, ...] = ()) -> None:
        self._counts: dict[Any, int] = {}
        self._beside: dict[Any, int] = {}
        if len(classes) > MAX_LABELS:
            chosen = sorted(classes, key=lambda label: rank(_label(label).encode()))[:MAX_LABELS]
            self._counts = {_key(label): 0 for label in chosen}

    def add_all(self, values: Array) -> None:
        """Count the labels of many answers of one row each."""
        counts, known = self._counts, self._known
        for value in values.tolist():
            counts[known(value)] += 1

    def add_batch(self, values: Array, row: int) -> None:
        """Count an answer of many rows: the one that was drawn, and the others beside."""
        labels = values.tolist()
        drawn = self._known(labels[row])
        self._counts[drawn] += 1
        beside, known = self._beside, self._known
        beside[drawn] = beside.get(drawn, 0) - 1
        for value, count in Counter(labels).items():
            key = known(value)
            beside[key] = beside.get(key, 0) + count

    def _known(self, value: Any) -> Any:
        """Return what a label is counted under."""
        known = self._counts
        key = _key(value)
        if key not in known:
            if len(known) - (_OTHERS in known) >= MAX_LABELS:
                key = _OTHERS
            known.setdefault(key, 0)
        return key

    def bins(self) -> dict[str, int]:
        """Return answers by label; `OTHER_LABELS` is there only when there were too many."""
        return _by_name(self._counts)

    def values(self) -> dict[str, int]:
        """Return values by label; `OTHER_LABELS` is there only when there were too many."""
        beside = self._beside
        return _by_name({key: count + beside.get(key, 0) for key, count in self._counts.items()})


def _by_name(counts: dict[Any, int]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for key, count in counts.items():
        if count:
            found[OTHER_LABELS if key is _OTHERS else str(key)] += count
    return dict(found)


def _key(value: Any) -> Any:
    """Return what a label is counted under: spelling an integer takes longer than counting it."""
    return value if type(value) is int else _label(value)


def _label(value: Any) -> str:
    """Spell a label as JSON would, but 1.0 as 1: that a class is a float is no other class."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))[:MAX_LABEL_LENGTH]
    return str(value)[:MAX_LABEL_LENGTH]


class NumberDistribution:
    """Counts numbers in the bins of `telemetry.bins`."""

    __slots__ = ("_beside", "_counts")
    numeric = True

    def __init__(self) -> None:
        self._counts = [0] * len(BIN_NAMES)
        self._beside = [0] * len(BIN_NAMES)

    def add_all(self, values: Array) -> None:
        """Count the numbers of many answers of one row each."""
        _add(self._counts, values)

    def add_batch(self, values: Array, row: int) -> None:
        """Count an answer of many rows: the one that was drawn, and the others beside."""
        beside = self._beside
        drawn = bin_of(values[row].item())
        self._counts[drawn] += 1
        beside[drawn] -= 1
        _add(beside, values)

    def bins(self) -> dict[str, int]:
        """Return answers by bin, in ascending order of the bins."""
        return _by_bin(self._counts)

    def values(self) -> dict[str, int]:
        """Return values by bin, in ascending order of the bins."""
        return _by_bin(map(sum, zip(self._counts, self._beside, strict=True)))


def _add(counts: list[int], values: Array) -> None:
    """Add numbers to the counts of their bins."""
    if len(values) <= _FEW_ROWS:
        for value in values.tolist():
            counts[bin_of(value)] += 1
        return
    found = bin_counts(values)
    for place in found.nonzero()[0].tolist():
        counts[place] += int(found[place])


def _by_bin(counts: Iterable[int]) -> dict[str, int]:
    return {name: count for name, count in zip(BIN_NAMES, counts, strict=True) if count}


class OutputDistributions:
    """The distributions of all outputs of a model, for one assignment.

    A vector has one distribution under its own name, a table one per column, `name[0]` …, up to
    `MAX_COLUMNS`.
    """

    def __init__(self, draw: Callable[[], float] = random.random) -> None:
        """Draw rows by numbers from 0 to 1, evenly spread and independent of all answers."""
        self._draw = draw
        self._columns: dict[tuple[str, bool, bool], list[Distribution]] = {}
        self._waiting: list[tuple[Tensor, TensorSpec]] = []

    def add(self, tensor: Tensor, spec: TensorSpec) -> None:
        """Count an answer's output, which is as the loader describes it."""
        array, waiting = tensor.array, self._waiting
        if array.shape[:1] != (1,) or array.size > _SMALL:
            self._add_answer(tensor, spec)
            return
        # Many at once cost a tenth of one by one.
        waiting.append((tensor, spec))
        if len(waiting) >= _MANY:
            self._count_waiting()

    def _add_answer(self, tensor: Tensor, spec: TensorSpec) -> None:
        array = tensor.array
        rows = len(array) if array.ndim else 1
        if not array.size:
            return
        table = array.reshape(rows, -1)
        if rows == 1:
            self._add_rows(table, tensor, spec)
            return
        row = int(self._draw() * rows)
        for index, one in enumerate(self._of(tensor, table.shape[1], spec)):
            one.add_batch(table[:, index], row)

    def _count_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        alike: dict[tuple[Any, ...], list[tuple[Tensor, TensorSpec]]] = {}
        for one in waiting:
            tensor = one[0]
            what = (tensor.name, tensor.datatype, tensor.array.shape)
            alike.setdefault(what, []).append(one)
        for group in alike.values():
            table = np.concatenate([tensor.array for tensor, _ in group])
            self._add_rows(table.reshape(len(group), -1), *group[0])

    def _add_rows(self, table: Array, tensor: Tensor, spec: TensorSpec) -> None:
        """Count answers of one row each, all like this one."""
        for index, one in enumerate(self._of(tensor, table.shape[1], spec)):
            one.add_all(table[:, index])

    def _of(self, tensor: Tensor, width: int, spec: TensorSpec) -> list[Distribution]:
        """Return the columns' distributions, made when first seen: a model's width may vary."""
        numeric = spec.kind != "label" and tensor.array.dtype.kind in "fiu"
        columns = self._columns.setdefault((tensor.name, tensor.array.ndim > 1, numeric), [])
        wanted = min(width, MAX_COLUMNS)
        while len(columns) < wanted:
            columns.append(NumberDistribution() if numeric else LabelDistribution(spec.classes))
        return columns if len(columns) == wanted else columns[:wanted]

    def items(self) -> Iterator[tuple[str, Distribution]]:
        """Yield names and distributions."""
        self._count_waiting()
        for (name, table, _), columns in self._columns.items():
            for index, column in enumerate(columns):
                yield (f"{name}[{index}]" if table else name), column

    def report(self) -> dict[str, Any]:
        """Return all of it for `/telemetry`."""
        return {name: {"numeric": one.numeric, "bins": one.bins()} for name, one in self.items()}
