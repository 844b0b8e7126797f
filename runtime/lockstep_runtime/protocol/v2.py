"""The Open Inference Protocol V2 over HTTP: requests in, answers out.

JSON, and the binary tensor data extension: a JSON header of a length that an HTTP header gives,
then the raw data of the tensors that have `binary_data_size`, in their order.

Hand-checked rather than by pydantic: this runs for each request, and every message names the
field. A null in an optional field counts as absent. Unknown fields are ignored, as clients send
parameters for other servers.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from lockstep_runtime.errors import InvalidInput, first_line
from lockstep_runtime.protocol import json_data, raw_data
from lockstep_runtime.protocol.requests import InferRequest
from lockstep_runtime.tensors import DATATYPES, Tensor

_MAX_DIMENSIONS = 32  # numpy 1's limit; numpy 2 has 64


class _BinaryData:
    """The bytes after the JSON header, handed out tensor by tensor."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._place = 0

    def take(self, name: str, size: object) -> memoryview:
        """Return the next `size` bytes."""
        if type(size) is not int or size < 0:
            raise InvalidInput(
                f"input {name!r}: parameter binary_data_size is {size!r}, "
                "it must be an integer of at least 0"
            )
        start, self._place = self._place, self._place + size
        if self._place > len(self._data):
            raise InvalidInput(
                f"input {name!r}: binary_data_size is {size}, "
                f"but only {max(0, len(self._data) - start)} bytes follow"
            )
        return self._data[start : self._place]

    def finish(self) -> None:
        """Refuse bytes that belong to no tensor."""
        if self._place != len(self._data):
            raise InvalidInput(
                f"{len(self._data) - self._place} bytes of binary data belong to no input: "
                "does each have its parameter binary_data_size?"
            )


def parse_request(body: bytes, header_length: bytes | None = None) -> InferRequest:
    """Check and decode the body of an infer request.

    `header_length` is the value of Inference-Header-Content-Length, None when it is absent and
    the whole body JSON.

    Raises:
        InvalidInput: naming the field or tensor.
    """
    binary: _BinaryData | None = None
    if header_length is not None:
        length = _header_length(header_length, len(body))
        binary = _BinaryData(memoryview(body)[length:])
        body = body[:length]
    document = json_object(body, "'inputs'")
    identity = document.get("id")
    if identity is not None and type(identity) is not str:
        raise InvalidInput("field 'id' must be a string")
    inputs = _objects(document, "inputs")
    if not inputs:
        raise InvalidInput("field 'inputs' is missing or empty: send at least one tensor")
    tensors = tuple([_tensor(index, item, binary) for index, item in enumerate(inputs)])
    if len(tensors) > 1 and len({tensor.name for tensor in tensors}) != len(tensors):
        raise InvalidInput("field 'inputs': two tensors have the same name")
    if binary is not None:
        binary.finish()
    if "outputs" not in document and "parameters" not in document:
        return InferRequest(identity, tensors)
    names, binary_of = _outputs(document)
    if "parameters" not in document:
        return InferRequest(identity, tensors, names, binary_of=binary_of)
    parameters = _parameters("parameters", document)
    default = _flag("parameters.binary_data_output", parameters.get("binary_data_output"))
    return InferRequest(identity, tensors, names, default or False, binary_of, parameters)


def _header_length(value: bytes, size: int) -> int:
    if not (value.isdigit() and len(value) <= 18):
        raise InvalidInput(
            "header Inference-Header-Content-Length must be an integer of at least 0"
        )
    if int(value) > size:
        raise InvalidInput(
            f"header Inference-Header-Content-Length is {int(value)}, the body has {size} bytes"
        )
    return int(value)


def json_object(body: bytes, field: str) -> dict[str, Any]:
    """Parse a body that must be a JSON object with the field.

    Raises:
        InvalidInput: it is not.
    """
    if not body:
        raise InvalidInput(f"the body is empty: send a JSON object with the field {field}")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"the body is not valid JSON: {first_line(error)}") from error
    if not isinstance(document, dict):
        raise InvalidInput(f"the body must be a JSON object with the field {field}")
    return document


def _objects(document: dict[str, Any], field: str) -> list[dict[str, Any]]:
    items = document.get(field)
    if items is None:
        return []
    if not isinstance(items, list):
        raise InvalidInput(f"field {field!r} must be a list")
    for item in items:
        if type(item) is not dict:
            raise InvalidInput(f"field '{field}[{items.index(item)}]' must be an object")
    return items


def _name(field: str, index: int, item: dict[str, Any]) -> str:
    name = item.get("name")
    if type(name) is not str or not name:
        raise InvalidInput(f"field '{field}[{index}].name' is missing or not a string")
    return name


def _parameters(field: str, item: dict[str, Any]) -> dict[str, Any]:
    parameters = item.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise InvalidInput(f"field {field!r} must be an object")
    return parameters


def _flag(field: str, value: object) -> bool | None:
    if not isinstance(value, bool | None):
        raise InvalidInput(f"field {field!r} must be true or false")
    return value


def _outputs(document: dict[str, Any]) -> tuple[tuple[str, ...], dict[str, bool]]:
    """Return the names of the requested outputs, and which of them say how they are to be sent."""
    names: dict[str, None] = {}
    binary: dict[str, bool] = {}
    for index, item in enumerate(_objects(document, "outputs")):
        name = _name("outputs", index, item)
        if name in names:
            raise InvalidInput("field 'outputs': an output is asked for twice")
        names[name] = None
        if "parameters" not in item:
            continue
        field = f"outputs[{index}]"
        parameters = _parameters(f"{field}.parameters", item)
        if "classification" in parameters:
            raise InvalidInput(f"field '{field}.parameters.classification' is not supported")
        wanted = _flag(f"{field}.parameters.binary_data", parameters.get("binary_data"))
        if wanted is not None:
            binary[name] = wanted
    return tuple(names), binary


def _tensor(index: int, item: dict[str, Any], binary: _BinaryData | None) -> Tensor:
    name = _name("inputs", index, item)
    datatype = checked_datatype(name, item.get("datatype"))
    shape = checked_shape(name, item.get("shape"))
    data = item.get("data")
    if "parameters" in item:
        size = _parameters(f"inputs[{index}].parameters", item).get("binary_data_size")
        if size is not None:
            if data is not None:
                raise InvalidInput(f"input {name!r}: it has both data and binary_data_size")
            return raw_data.decode(name, datatype, shape, _binary_part(name, size, binary))
    if not isinstance(data, list):
        raise InvalidInput(f"input {name!r}: data is missing or not a list")
    return json_data.decode(name, datatype, shape, data)


def _binary_part(name: str, size: object, binary: _BinaryData | None) -> memoryview:
    if binary is None:
        raise InvalidInput(
            f"input {name!r}: binary data needs the header Inference-Header-Content-Length, "
            "the length of the JSON before it"
        )
    return binary.take(name, size)


def checked_datatype(name: str, datatype: object) -> str:
    """Return the datatype of the input `name`.

    Raises:
        InvalidInput: the protocol has no such datatype.
    """
    if type(datatype) is not str or datatype not in DATATYPES:
        given = "is missing" if datatype is None else f"is {datatype!r}"
        raise InvalidInput(
            f"input {name!r}: datatype {given}, it must be one of {', '.join(DATATYPES)}"
        )
    return datatype


def checked_shape(name: str, shape: object) -> tuple[int, ...]:
    """Return the shape of the input `name`.

    Raises:
        InvalidInput: it is no list of positive integers, or has too many.
    """
    if type(shape) is not list or not shape:
        raise InvalidInput(f"input {name!r}: shape is missing or not a list of integers")
    for size in shape:
        if type(size) is not int or size < 1:
            raise InvalidInput(f"input {name!r}: shape {shape} must hold integers of at least 1")
    if len(shape) > _MAX_DIMENSIONS:
        raise InvalidInput(f"input {name!r}: shape has over {_MAX_DIMENSIONS} dimensions")
    return tuple(shape)


def render_response(
    model_name: str, version: str, request: InferRequest, outputs: Sequence[Tensor]
) -> tuple[bytes, int | None]:
    """Return the body of an answer, and the length of its JSON where binary data follows.

    Fields without a value are absent.

    Raises:
        InvalidInput: an output cannot be sent as JSON.
    """
    document: dict[str, Any] = {"model_name": model_name, "model_version": version}
    if request.id is not None:
        document["id"] = request.id
    if not (request.binary or request.binary_of):
        document["outputs"] = [json_data.encode(tensor) for tensor in outputs]
        return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY), None
    chunks: list[bytes] = []
    document["outputs"] = [
        _binary(tensor, chunks) if request.wants_binary(tensor.name) else json_data.encode(tensor)
        for tensor in outputs
    ]
    head = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    return b"".join([head, *chunks]), len(head) if chunks else None


def _binary(tensor: Tensor, chunks: list[bytes]) -> dict[str, Any]:
    data = raw_data.encode(tensor)
    chunks.append(data)
    return {
        "name": tensor.name,
        "datatype": tensor.datatype,
        "shape": list(tensor.array.shape),
        "parameters": {"binary_data_size": len(data)},
    }
