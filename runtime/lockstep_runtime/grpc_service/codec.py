"""ModelInfer's messages: a request in, an answer out."""

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import DecodeError

from lockstep_runtime.errors import InvalidInput
from lockstep_runtime.grpc_service import contents
from lockstep_runtime.grpc_service.messages import Inference
from lockstep_runtime.protocol import raw_data
from lockstep_runtime.protocol.requests import InferRequest
from lockstep_runtime.protocol.v2 import checked_datatype, checked_shape
from lockstep_runtime.tensors import Tensor


def parse_message(kind: Any, body: bytes) -> Any:
    """Return the message of a class.

    Raises:
        InvalidInput: the bytes are none.
    """
    try:
        return kind.FromString(body)
    except DecodeError as error:
        raise InvalidInput(f"the message is no {kind.DESCRIPTOR.full_name}") from error


def read_request(message: Any) -> InferRequest:
    """Check and decode a ModelInferRequest; its outputs are to be raw if its inputs are.

    Raises:
        InvalidInput: naming the field or tensor.
    """
    if not message.inputs:
        raise InvalidInput("field 'inputs' is empty: send at least one tensor")
    raw = message.raw_input_contents
    if raw and len(raw) != len(message.inputs):
        raise InvalidInput(
            f"field 'raw_input_contents' has {len(raw)} entries for {len(message.inputs)} inputs"
        )
    tensors = tuple(
        _tensor(index, item, raw[index] if raw else None)
        for index, item in enumerate(message.inputs)
    )
    if len({tensor.name for tensor in tensors}) != len(tensors):
        raise InvalidInput("field 'inputs': two tensors have the same name")
    return InferRequest(
        id=message.id or None,
        inputs=tensors,
        outputs=_outputs(message.outputs),
        binary=bool(raw),
        parameters=_parameters(message.parameters),
    )


def _tensor(index: int, item: Any, raw: bytes | None) -> Tensor:
    name = item.name
    if not name:
        raise InvalidInput(f"field 'inputs[{index}].name' is missing")
    datatype = checked_datatype(name, item.datatype or None)
    shape = checked_shape(name, list(item.shape))
    if raw is None:
        return contents.decode(name, datatype, shape, item.contents)
    if item.HasField("contents"):
        raise InvalidInput(f"input {name!r}: it has both contents and raw_input_contents")
    return raw_data.decode(name, datatype, shape, raw)


def _outputs(items: Sequence[Any]) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for index, item in enumerate(items):
        field = f"outputs[{index}]"
        if not item.name:
            raise InvalidInput(f"field '{field}.name' is missing")
        if item.name in names:
            raise InvalidInput("field 'outputs': an output is asked for twice")
        if "classification" in item.parameters:
            raise InvalidInput(f"field '{field}.parameters.classification' is not supported")
        names[item.name] = None
    return tuple(names)


def _parameters(parameters: Any) -> dict[str, Any]:
    chosen = {key: value.WhichOneof("parameter_choice") for key, value in parameters.items()}
    return {key: getattr(parameters[key], field) for key, field in chosen.items() if field}


def write_answer(
    model_name: str, version: str, request: InferRequest, outputs: Sequence[Tensor]
) -> bytes:
    """Return a serialised ModelInferResponse.

    Outputs are all raw or all typed, for raw entries have no names: raw if the request is, or if
    one of them cannot be typed.
    """
    answer = Inference.ModelInferResponse(
        model_name=model_name, model_version=version, id=request.id or ""
    )
    raw = request.binary or not all(contents.has_field(tensor.datatype) for tensor in outputs)
    for tensor in outputs:
        output = answer.outputs.add(
            name=tensor.name, datatype=tensor.datatype, shape=tensor.array.shape
        )
        if raw:
            answer.raw_output_contents.append(raw_data.encode(tensor))
        else:
            contents.encode(tensor, output.contents)
    serialised: bytes = answer.SerializeToString()
    return serialised
