"""KServe's V1 protocol: rows or columns without names or types in, the first output's rows out.

`instances` is a list of rows: lists of numbers, or scalars or texts where a row is one value, or
objects with a value per named input. `inputs` is the same, or an object of columns. Types are
those of the model's metadata (https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from lockstep_runtime.errors import InvalidInput
from lockstep_runtime.protocol import json_data
from lockstep_runtime.protocol.requests import InferRequest
from lockstep_runtime.protocol.v2 import json_object
from lockstep_runtime.tensors import DATATYPES, Tensor, TensorSpec

_FIELDS = ("instances", "inputs")


def parse_request(body: bytes, inputs: Sequence[TensorSpec]) -> InferRequest:
    """Check and decode the body of a predict request for a model that takes `inputs`.

    Raises:
        InvalidInput: naming the field.
    """
    document = json_object(body, "'instances'")
    given = [field for field in _FIELDS if document.get(field) is not None]
    if len(given) != 1:
        found = "both are there" if given else "neither is there"
        raise InvalidInput(f"send one of the fields 'instances' and 'inputs': {found}")
    field, value = given[0], document[given[0]]
    if isinstance(value, dict) and field == "inputs":
        return InferRequest(None, _columns(field, value, inputs))
    if not isinstance(value, list) or not value:
        raise InvalidInput(f"field {field!r} must be a list of at least one row")
    if all(isinstance(row, dict) for row in value):
        return InferRequest(None, _columns(field, _by_name(field, value), inputs))
    return InferRequest(None, (_table(field, value, inputs),))


def _by_name(field: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    names = list(rows[0])
    for index, row in enumerate(rows):
        if row.keys() != rows[0].keys():
            raise InvalidInput(f"field '{field}[{index}]' has other names than '{field}[0]'")
    return {name: [row[name] for row in rows] for name in names}


def _columns(
    field: str, columns: Mapping[str, Any], inputs: Sequence[TensorSpec]
) -> tuple[Tensor, ...]:
    known = {spec.name: spec.datatype for spec in inputs}
    if not columns:
        raise InvalidInput(f"field {field!r} names no input")
    for name, values in columns.items():
        if not isinstance(values, list) or not values:
            raise InvalidInput(f"field '{field}.{name}' must be a list of at least one value")
    return tuple(_tensor(name, known.get(name), values) for name, values in columns.items())


def _table(field: str, rows: list[Any], inputs: Sequence[TensorSpec]) -> Tensor:
    if len(inputs) > 1:
        names = ", ".join(spec.name for spec in inputs)
        raise InvalidInput(f"field {field!r}: the model takes {names}: send them by name")
    spec = inputs[0] if inputs else TensorSpec("input", "FP64", (-1,))
    return _tensor(spec.name, spec.datatype, rows)


def _tensor(name: str, datatype: str | None, values: list[Any]) -> Tensor:
    shape = _shape_of(name, values)
    if datatype is None:  # an input by a name that only `prepare` knows, as of a column
        datatype = "BYTES" if isinstance(_first(values), str) else "FP64"
    if datatype not in DATATYPES:
        raise InvalidInput(f"input {name!r}: the V1 protocol cannot carry {datatype}")
    return json_data.decode(name, datatype, shape, values)


def _shape_of(name: str, values: list[Any]) -> tuple[int, ...]:
    """Return the shape that the first elements have; the decoder checks that all others do."""
    shape, level = [], values
    while isinstance(level, list):
        if not level:
            raise InvalidInput(f"input {name!r}: a list in it is empty")
        shape.append(len(level))
        level = level[0]
    return tuple(shape)


def _first(values: Any) -> Any:
    while isinstance(values, list):
        values = values[0]
    return values


def render_response(outputs: Sequence[Tensor]) -> bytes:
    """Return the JSON body of an answer with the rows of the first output.

    Raises:
        InvalidInput: it cannot be sent as JSON.
    """
    return _render("predictions", outputs[0])


def render_explanations(outputs: Sequence[Tensor]) -> bytes:
    """Return the JSON body of an explanation: the first output's values, or all by name."""
    if len(outputs) == 1:
        return _render("explanations", outputs[0])
    found = {tensor.name: _rows(tensor) for tensor in outputs}
    return orjson.dumps({"explanations": found}, option=orjson.OPT_SERIALIZE_NUMPY)


def _render(field: str, tensor: Tensor) -> bytes:
    return orjson.dumps({field: _rows(tensor)}, option=orjson.OPT_SERIALIZE_NUMPY)


def _rows(tensor: Tensor) -> Any:
    """Return the values for orjson, nested as the tensor is."""
    if tensor.datatype != "BYTES":
        return np.ascontiguousarray(tensor.array)
    json_data.flat_data(tensor)  # refuses what is no text
    return tensor.array.tolist()
