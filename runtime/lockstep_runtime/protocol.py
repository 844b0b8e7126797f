"""The Open Inference Protocol V2 over JSON: requests in, answers out.

Hand-checked rather than by pydantic: this runs for each request, and every message names the
field. A null in an optional field counts as absent. Unknown fields are ignored, as clients send
parameters for other servers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from lockstep_runtime.errors import InvalidInput, first_line
from lockstep_runtime.tensors import DATATYPES, Tensor, TensorSpec, decode, encode

_MAX_DIMENSIONS = 32  # numpy 1's limit; numpy 2 has 64


@dataclass(frozen=True, slots=True)
class InferRequest:
    """A checked request; `outputs` is empty when the client wants all of them."""

    id: str | None
    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...]


def parse_request(body: bytes) -> InferRequest:
    """Check and decode the body of an infer request.

    Raises:
        InvalidInput: naming the field or tensor.
    """
    document = _document(body)
    identity = document.get("id")
    if not isinstance(identity, str | None):
        raise InvalidInput("field 'id' must be a string")
    inputs = _objects(document, "inputs")
    if not inputs:
        raise InvalidInput("field 'inputs' is missing or empty: send at least one tensor")
    tensors = tuple(_tensor(index, item) for index, item in enumerate(inputs))
    if len({tensor.name for tensor in tensors}) != len(tensors):
        raise InvalidInput("field 'inputs': two tensors have the same name")
    return InferRequest(identity, tensors, _output_names(document))


def _document(body: bytes) -> dict[str, Any]:
    if not body:
        raise InvalidInput("the body is empty: send a JSON object with the field 'inputs'")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"the body is not valid JSON: {first_line(error)}") from error
    if not isinstance(document, dict):
        raise InvalidInput("the body must be a JSON object with the field 'inputs'")
    return document


def _objects(document: dict[str, Any], field: str) -> list[dict[str, Any]]:
    items = document.get(field)
    if items is None:
        return []
    if not isinstance(items, list):
        raise InvalidInput(f"field {field!r} must be a list")
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise InvalidInput(f"field '{field}[{index}]' must be an object")
    return items


def _name(field: str, item: dict[str, Any]) -> str:
    name = item.get("name")
    if not isinstance(name, str) or not name:
        raise InvalidInput(f"field '{field}.name' is missing or not a string")
    return name


def _output_names(document: dict[str, Any]) -> tuple[str, ...]:
    items = _objects(document, "outputs")
    names = tuple(_name(f"outputs[{index}]", item) for index, item in enumerate(items))
    if len(set(names)) != len(names):
        raise InvalidInput("field 'outputs': an output is asked for twice")
    return names


def _tensor(index: int, item: dict[str, Any]) -> Tensor:
    name = _name(f"inputs[{index}]", item)
    datatype = item.get("datatype")
    if not isinstance(datatype, str) or datatype not in DATATYPES:
        given = "is missing" if datatype is None else f"is {datatype!r}"
        raise InvalidInput(
            f"input {name!r}: datatype {given}, it must be one of {', '.join(DATATYPES)}"
        )
    shape = _shape(name, item.get("shape"))
    data = item.get("data")
    if not isinstance(data, list):
        raise InvalidInput(f"input {name!r}: {_data_problem(item)}")
    return decode(name, datatype, shape, data)


def _shape(name: str, shape: object) -> tuple[int, ...]:
    if not isinstance(shape, list) or not shape:
        raise InvalidInput(f"input {name!r}: shape is missing or not a list of integers")
    if any(type(size) is not int or size < 1 for size in shape):
        raise InvalidInput(f"input {name!r}: shape {shape} must hold integers of at least 1")
    if len(shape) > _MAX_DIMENSIONS:
        raise InvalidInput(f"input {name!r}: shape has over {_MAX_DIMENSIONS} dimensions")
    return tuple(shape)


def _data_problem(item: dict[str, Any]) -> str:
    parameters = item.get("parameters")
    if isinstance(parameters, dict) and "binary_data_size" in parameters:
        return "binary tensor data is not supported, send 'data' as a JSON list"
    return "data is missing or not a list"


def select_outputs(requested: tuple[str, ...], available: Sequence[TensorSpec]) -> tuple[str, ...]:
    """Return the names of the outputs to compute: the requested ones, or all.

    Raises:
        InvalidInput: the model has no such output.
    """
    names = tuple(spec.name for spec in available)
    for name in requested:
        if name not in names:
            raise InvalidInput(f"unknown output {name!r}; this model has {', '.join(names)}")
    return requested or names


def render_response(
    model_name: str, version: str, identity: str | None, outputs: Sequence[Tensor]
) -> bytes:
    """Return the JSON body of an answer; fields without a value are absent."""
    document: dict[str, Any] = {"model_name": model_name, "model_version": version}
    if identity is not None:
        document["id"] = identity
    document["outputs"] = [encode(tensor) for tensor in outputs]
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def render_error(message: str) -> bytes:
    """Return the JSON body of an error answer."""
    return orjson.dumps({"error": message})
