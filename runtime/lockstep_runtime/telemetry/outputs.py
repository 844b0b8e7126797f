"""Distributions of what the model answers: labels by name, numbers by bin."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Protocol

from lockstep_runtime.telemetry.bins import BIN_NAMES, bin_counts, bin_of
from lockstep_runtime.telemetry.sampling import rank
from lockstep_runtime.tensors import Array, Tensor, TensorSpec

MAX_COLUMNS = 16
MAX_LABELS = 64
MAX_LABEL_LENGTH = 100
OTHER_LABELS = "(other)"
# Up to so many rows a plain loop is quicker than numpy.
_FEW_ROWS = 16


class Distribution(Protocol):
    """Counts of one output, or of one column of it, since the process started."""

    numeric: bool

    def add(self, value: Any) -> None:
        """Count one value."""

    def add_all(self, values: Array) -> None:
        """Count a column."""

    def bins(self) -> dict[str, int]:
        """Return the counts by bin, without those that are 0."""


class LabelDistribution:
    """Counts labels: `MAX_LABELS` by name, all others as one.

    By name are counted those that come first. But of a model that is known to have more classes,
    it is those whose hash comes first: two pods must choose the same ones, or they would seem to
    answer differently.
    """

    __slots__ = ("_counts", "_other")
    numeric = False

    def __init__(self, classes: tuple[Any, ...] = ()) -> None:
        self._counts: dict[Any, int] = {}
        self._other = 0
        if len(classes) > MAX_LABELS:
            chosen = sorted(classes, key=lambda label: rank(_label(label).encode()))[:MAX_LABELS]
            self._counts = {_key(label): 0 for label in chosen}

    def add(self, value: Any) -> None:
        """Count one label."""
        self._add(value, 1)

    def add_all(self, values: Array) -> None:
        """Count a column of labels."""
        for value, count in Counter(values.tolist()).items():
            self._add(value, count)

    def _add(self, value: Any, count: int) -> None:
        known = self._counts
        key = _key(value)
        if key in known:
            known[key] += count
        elif len(known) < MAX_LABELS:
            known[key] = count
        else:
            self._other += count

    def bins(self) -> dict[str, int]:
        """Return the counts by label; `OTHER_LABELS` is there only when there were too many."""
        found = Counter({str(key): count for key, count in self._counts.items() if count})
        if self._other:
            found[OTHER_LABELS] += self._other
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

    __slots__ = ("_counts",)
    numeric = True

    def __init__(self) -> None:
        self._counts = [0] * len(BIN_NAMES)

    def add(self, value: float) -> None:
        """Count one number."""
        self._counts[bin_of(value)] += 1

    def add_all(self, values: Array) -> None:
        """Count a column of numbers."""
        counts = bin_counts(values)
        for place in counts.nonzero()[0].tolist():
            self._counts[place] += int(counts[place])

    def bins(self) -> dict[str, int]:
        """Return the counts in ascending order of the bins."""
        pairs = zip(BIN_NAMES, self._counts, strict=True)
        return {name: count for name, count in pairs if count}


class OutputDistributions:
    """The distributions of all outputs of a model, for one assignment.

    A vector has one distribution under its own name, a table one per column, `name[0]` …, up to
    `MAX_COLUMNS`.
    """

    def __init__(self) -> None:
        self._columns: dict[tuple[str, bool, bool], list[Distribution]] = {}

    def add(self, tensor: Tensor, spec: TensorSpec) -> None:
        """Count an output as the loader describes it: each row is a sample."""
        array = tensor.array
        if not array.size:
            return
        rows = len(array) if array.ndim else 1
        columns = self._of(tensor, array.size // rows, spec)
        if rows == 1:
            # Only as many values as there are distributions: a table may be much wider.
            for one, value in zip(columns, array.ravel()[: len(columns)].tolist(), strict=True):
                one.add(value)
            return
        table = array.reshape(rows, -1)
        for index, one in enumerate(columns):
            _add_column(one, table[:, index])

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
        for (name, table, _), columns in self._columns.items():
            for index, column in enumerate(columns):
                yield (f"{name}[{index}]" if table else name), column

    def report(self) -> dict[str, Any]:
        """Return all of it for `/telemetry`."""
        return {name: {"numeric": one.numeric, "bins": one.bins()} for name, one in self.items()}


def _add_column(distribution: Distribution, values: Array) -> None:
    if len(values) > _FEW_ROWS:
        distribution.add_all(values)
    else:
        for value in values.tolist():
            distribution.add(value)
