"""The table that tabular models take, made from a request's tensors.

In a request: one tensor of shape [n, columns] under any name, or one tensor of shape [n] or [n, 1]
per column, by the columns' names. Columns of numbers and of strings together go in one by one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lockstep_runtime.errors import InvalidInput
from lockstep_runtime.tensors import DATATYPES, Array, Tensor, TensorSpec


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        codes: what number stands for a category, where the model has categories; a missing one
            is NaN.
        unseen: a value that is no category counts as missing; else it is refused.
    """

    name: str
    strings: bool = False
    codes: Mapping[Any, int] | None = None
    unseen: bool = False


class Table:
    """Columns that are known, or, when there are none, any number of columns of numbers.

    Attributes:
        inputs: for the metadata.
        names: of the columns.
    """

    def __init__(self, columns: Sequence[Column], number: str = "FP64") -> None:
        """Take the columns and the datatype in which the model computes."""
        self._columns = tuple(columns)
        self._number = number
        self._dtype = DATATYPES[number]
        self._complete: tuple[int, ...] = ()
        self.names = tuple(column.name for column in columns)
        self._places = {name: place for place, name in enumerate(self.names)}
        kinds = {column.strings for column in columns} or {False}
        self._mixed = len(kinds) > 1
        self._strings = kinds == {True}
        coded = any(column.codes for column in columns)
        # Whether rows of numbers are what the model is called with, as they are.
        self._plain = bool(columns) and kinds == {False} and not coded
        self.inputs = self._specs()

    def _specs(self) -> tuple[TensorSpec, ...]:
        if self._mixed:
            return tuple(
                TensorSpec(column.name, "BYTES" if column.strings else self._number, (-1,))
                for column in self._columns
            )
        width = len(self._columns) or -1
        return (TensorSpec("input", "BYTES" if self._strings else self._number, (-1, width)),)

    def require_values(self, places: Sequence[int]) -> None:
        """Refuse missing values in these columns from now on."""
        self._complete = tuple(places)

    def zeros(self, rows: int) -> Array:
        """Return so many rows of zeros, as the model takes them: no strings are left in it."""
        return np.zeros((rows, len(self._columns)), dtype=self._dtype)

    def rows(self, tensors: Sequence[Tensor]) -> Array:
        """Return [n, columns]: numbers, or objects where a column holds strings.

        Raises:
            InvalidInput: the tensors are not these columns; the message names one.
        """
        first = tensors[0]
        if len(tensors) == 1 and first.array.ndim == 2:
            width = len(self._columns)
            if self._plain and first.complete and first.array.shape[1] == width > 1:
                return self._values(first)
            if first.name not in self._places or width == 1 or first.array.shape[1] == width:
                return self._whole(first)
        return self._joined(tensors)

    def _whole(self, tensor: Tensor) -> Array:
        width, wanted = tensor.array.shape[1], len(self._columns)
        if wanted and width != wanted:
            raise InvalidInput(
                f"input {tensor.name!r}: {width} columns, the model takes {wanted}: "
                f"shape must be [n, {wanted}]"
            )
        if self._mixed:
            raise InvalidInput(
                f"input {tensor.name!r}: the model takes numbers and strings: "
                "send one tensor per column"
            )
        if wanted:
            self._check_kind(tensor, strings=self._strings)
        if any(column.codes for column in self._columns):
            parts = [tensor.array[:, place] for place in range(width)]
            columns = [
                self._encoded(Tensor(tensor.name, tensor.datatype, part), column)
                for part, column in zip(parts, self._columns, strict=True)
            ]
            return np.column_stack(columns)
        rows = self._values(tensor)
        if self._complete and rows.dtype.kind == "f" and np.isnan(rows).any():
            for place in self._complete:
                self._check_complete(tensor.name, place, rows[:, place])
        return rows

    def _joined(self, tensors: Sequence[Tensor]) -> Array:
        by_name = {tensor.name: tensor for tensor in tensors}
        missing = [name for name in self.names if name not in by_name]
        unknown = [name for name in by_name if name not in self._places]
        if missing or unknown:
            raise InvalidInput(self._problem(tensors, missing, unknown))
        first = tensors[0]
        for tensor in tensors:
            if tensor.array.size != len(tensor.array):
                raise InvalidInput(
                    f"input {tensor.name!r}: shape {list(tensor.array.shape)}, a column is [n]"
                )
            if len(tensor.array) != len(first.array):
                raise InvalidInput(
                    f"input {tensor.name!r} has {len(tensor.array)} rows, "
                    f"{first.name!r} has {len(first.array)}"
                )
        columns = []
        for place, column in enumerate(self._columns):
            tensor = by_name[column.name]
            self._check_kind(tensor, strings=column.strings)
            values = self._encoded(
                Tensor(tensor.name, tensor.datatype, tensor.array.ravel()), column
            )
            if place in self._complete:
                self._check_complete(tensor.name, place, values)
            columns.append(values)
        return np.column_stack(columns)

    def _check_kind(self, tensor: Tensor, *, strings: bool) -> None:
        if (tensor.datatype == "BYTES") != strings:
            wanted = "strings (BYTES)" if strings else "numbers"
            raise InvalidInput(
                f"input {tensor.name!r}: datatype {tensor.datatype}, the model takes {wanted}"
            )

    def _check_complete(self, tensor: str, place: int, values: Array) -> None:
        if values.dtype.kind != "f" or not np.isnan(values).any():
            return
        name = self.names[place]
        where = f"input {tensor!r}" if tensor == name else f"input {tensor!r}, column {name!r}"
        raise InvalidInput(f"{where}: the model takes no missing values (null)")

    def _encoded(self, tensor: Tensor, column: Column) -> Array:
        """Return the column as the model takes it: categories by their codes."""
        if column.codes is None:
            return self._values(tensor)
        found = np.empty(len(tensor.array), dtype=self._dtype)
        for row, value in enumerate(tensor.array.tolist()):
            code = column.codes.get(value)
            if code is None and value == value and not column.unseen:  # noqa: PLR0124 - NaN
                known = ", ".join(map(repr, list(column.codes)[:10]))
                more = ", …" if len(column.codes) > 10 else ""
                raise InvalidInput(
                    f"input {tensor.name!r}, column {column.name!r}: {value!r} is no category "
                    f"that the model knows: {known}{more}"
                )
            found[row] = np.nan if code is None else code
        return found

    def _values(self, tensor: Tensor) -> Array:
        """Return numbers in the model's datatype, other things as they are."""
        array = tensor.array
        if array.dtype == self._dtype or tensor.datatype == "BYTES":
            return array
        with np.errstate(over="ignore"):
            values = array.astype(self._dtype)
        if self._dtype.itemsize < array.dtype.itemsize and np.isinf(values).any():
            raise InvalidInput(
                f"input {tensor.name!r}: a value is out of range for {self._number}, "
                "in which the model computes"
            )
        return values

    def _problem(self, tensors: Sequence[Tensor], missing: list[str], unknown: list[str]) -> str:
        if len(tensors) == 1 and unknown:
            width = len(self._columns) or "columns"
            return (
                f"input {tensors[0].name!r}: shape {list(tensors[0].array.shape)}, "
                f"the model takes [n, {width}]"
            )
        if unknown:
            known = f"it takes {', '.join(self.names)}" if self.names else "send one 2-D tensor"
            return f"unknown input {unknown[0]!r}: the model has no such column; {known}"
        return f"input {missing[0]!r} is missing: send one tensor per column"
