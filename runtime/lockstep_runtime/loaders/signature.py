"""An MLflow signature: what requests must hold, column by column.

Its inputs are columns with a type each, which go in as one tensor of shape [n] or [n, 1] per
column, or, where all are numbers, as one tensor [n, columns]; or they are tensors with a datatype
and a shape (https://mlflow.org/docs/latest/ml/model/signatures/).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lockstep_runtime.errors import InvalidInput, LoadFailure
from lockstep_runtime.loaders import declared
from lockstep_runtime.tensors import DATATYPES, Tensor, TensorSpec

# Datetimes go in as texts like 2024-05-06T07:08:09.
_TYPES = {
    "boolean": "BOOL",
    "integer": "INT32",
    "long": "INT64",
    "float": "FP32",
    "double": "FP64",
    "string": "BYTES",
    "binary": "BYTES",
    "datetime": "BYTES",
}
_DATATYPES = {dtype: name for name, dtype in DATATYPES.items()}


@dataclass(frozen=True, slots=True)
class Column:
    """One column or tensor of a schema; `type` is MLflow's word for a column's type, else None."""

    spec: TensorSpec
    type: str | None
    required: bool


@dataclass(frozen=True, slots=True)
class Signature:
    """What goes in and out.

    Attributes:
        tabular: the inputs are columns.
        outputs: None where the signature does not say, or in terms that are no tensors.
        parameters: names of the request's parameters that the model reads.
    """

    inputs: tuple[Column, ...]
    tabular: bool
    outputs: tuple[TensorSpec, ...] | None
    parameters: frozenset[str]

    @property
    def specs(self) -> tuple[TensorSpec, ...]:
        """The inputs, for the metadata."""
        return tuple(column.spec for column in self.inputs)

    def checked(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Return a request's tensors in the signature's order and datatypes.

        Raises:
            InvalidInput: they are not what the signature says; the message names the column.
        """
        if self.tabular and len(tensors) == 1 and tensors[0].array.ndim == 2:
            tensors = self._columns(tensors[0])
        by_name = {tensor.name: tensor for tensor in tensors}
        known = {column.spec.name for column in self.inputs}
        for name in by_name:
            if name not in known:
                raise InvalidInput(
                    f"unknown input {name!r}: it is not in the model's signature: "
                    f"{', '.join(column.spec.name for column in self.inputs)}"
                )
        found = []
        for column in self.inputs:
            tensor = by_name.get(column.spec.name)
            if tensor is not None:
                found.append(self._fitted(tensor, column.spec))
            elif column.required:
                raise InvalidInput(
                    f"input {column.spec.name!r} is missing: the model's signature requires it"
                )
        if len({len(tensor.array) for tensor in found}) > 1:
            sizes = ", ".join(f"{tensor.name!r} {len(tensor.array)}" for tensor in found)
            raise InvalidInput(f"inputs have different numbers of rows: {sizes}")
        return found

    def _columns(self, table: Tensor) -> list[Tensor]:
        """Take a table apart, unless it is one column of shape [n, 1] by its name."""
        width = len(self.inputs)
        if table.array.shape[1] == 1 and any(table.name == spec.name for spec in self.specs):
            return [table]
        if table.array.shape[1] != width:
            raise InvalidInput(
                f"input {table.name!r}: {table.array.shape[1]} columns, "
                f"the model's signature has {width}"
            )
        return [
            Tensor(spec.name, table.datatype, table.array[:, place])
            for place, spec in enumerate(self.specs)
        ]

    def _fitted(self, tensor: Tensor, spec: TensorSpec) -> Tensor:
        if self.tabular and tensor.array.ndim == 2 and tensor.array.shape[1] == 1:
            tensor = Tensor(tensor.name, tensor.datatype, tensor.array[:, 0])
        return Tensor(spec.name, spec.datatype, declared.fitted(tensor, spec))


def signature_of(document: Mapping[str, Any]) -> Signature | None:
    """Read the signature of an MLmodel file; None: it has none.

    Raises:
        LoadFailure: an input is of a type that the protocol cannot carry.
    """
    fields = document.get("signature")
    if not isinstance(fields, Mapping) or not fields.get("inputs"):
        return None
    try:
        inputs = json.loads(fields["inputs"])
        outputs = json.loads(fields.get("outputs") or "null")
        parameters = json.loads(fields.get("params") or "null") or []
        columns = tuple(_column(place, item) for place, item in enumerate(inputs))
    except (KeyError, TypeError, ValueError) as error:
        raise LoadFailure(f"the signature in MLmodel is malformed: {error}") from error
    names = frozenset(str(item["name"]) for item in parameters)
    tabular = all(column.type is not None for column in columns)
    return Signature(columns, tabular, _outputs(outputs), names)


def _column(place: int, item: Mapping[str, Any]) -> Column:
    name = str(item.get("name", "input" if place == 0 else f"input-{place}"))
    required = bool(item.get("required", not item.get("optional", False)))
    if item["type"] == "tensor":
        spec = item["tensor-spec"]
        datatype = _DATATYPES.get(np.dtype(spec["dtype"])) or (
            "BYTES" if np.dtype(spec["dtype"]).kind in "USO" else None
        )
        if datatype is None:
            raise LoadFailure(f"input {name!r} of the signature is {spec['dtype']}: no datatype")
        return Column(TensorSpec(name, datatype, tuple(spec["shape"])), None, required)
    if item["type"] not in _TYPES:
        raise LoadFailure(
            f"input {name!r} of the signature has the type {item['type']}, which the Open "
            f"Inference Protocol cannot carry; it can: {', '.join(_TYPES)}, tensor"
        )
    return Column(TensorSpec(name, _TYPES[item["type"]], (-1,)), str(item["type"]), required)


def _outputs(items: Any) -> tuple[TensorSpec, ...] | None:
    """Return the outputs, the only one being `predict` if it has no name."""
    try:
        columns = [_column(place, item) for place, item in enumerate(items or ())]
    except LoadFailure:
        return None
    if len(columns) == 1 and "name" not in items[0]:
        only = columns[0].spec
        return (TensorSpec("predict", only.datatype, only.shape),)
    return tuple(column.spec for column in columns) or None
