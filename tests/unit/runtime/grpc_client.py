"""A client of gRPC that speaks in dictionaries, and good messages for a model of 13 numbers."""

from typing import Any

import numpy as np
import pytest
from grpc import aio

from lockstep_runtime.grpc_service.messages import Health, Inference
from runtime.conftest import NAME, REVISION

FIELDS = {
    "BOOL": "bool_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


class Client:
    """Calls methods by name, with dictionaries."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.channel = aio.insecure_channel(f"127.0.0.1:{port}")

    def start(self, method: str, message: dict[str, Any] | bytes, **options: Any) -> Any:
        request, answer = (getattr(Inference, f"{method}{end}") for end in ("Request", "Response"))
        body = message if isinstance(message, bytes) else request(**message).SerializeToString()
        path = f"/inference.GRPCInferenceService/{method}"
        call = self.channel.unary_unary(path, response_deserializer=answer.FromString)
        return call(body, **options)

    async def ask(self, method: str, message: dict[str, Any] | bytes, **options: Any) -> Any:
        return await self.start(method, message, **options)

    async def refusal(
        self, message: dict[str, Any] | bytes, method: str = "ModelInfer", **options: Any
    ) -> aio.AioRpcError:
        with pytest.raises(aio.AioRpcError) as caught:
            await self.ask(method, message, **options)
        assert dict(caught.value.trailing_metadata())["x-lockstep-revision"] == REVISION
        assert "\n" not in caught.value.details()
        return caught.value

    async def health(self, service: str = "") -> Any:
        call = self.channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            response_deserializer=Health.HealthCheckResponse.FromString,
        )
        return await call(Health.HealthCheckRequest(service=service).SerializeToString())


def typed(rows: int = 1, **changes: Any) -> dict[str, Any]:
    """A good request with some fields of its tensor changed; a None removes the field."""
    tensor = {
        "name": "x",
        "datatype": "FP64",
        "shape": [rows, 13],
        "contents": {"fp64_contents": [1.0] * 13 * rows},
    }
    changed = {key: value for key, value in (tensor | changes).items() if value is not None}
    return {"model_name": NAME, "inputs": [changed]}


def raw(array: Any = None, **changes: Any) -> dict[str, Any]:
    array = np.ones((1, 13)) if array is None else array
    tensor = {"name": "x", "datatype": "FP64", "shape": array.shape} | changes
    return {"model_name": NAME, "inputs": [tensor], "raw_input_contents": [array.tobytes()]}
