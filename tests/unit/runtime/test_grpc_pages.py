"""gRPC's metadata and health, and the server itself."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from grpc import aio

from lockstep_runtime.errors import ListenFailure
from lockstep_runtime.grpc_service.messages import Health
from lockstep_runtime.grpc_service.server import GrpcServer
from lockstep_runtime.routes.call import InferLimits
from lockstep_runtime.state import Phase, ServingState
from lockstep_runtime.telemetry.recorder import Recorder
from runtime.conftest import MAX_BYTES, NAME, REVISION
from runtime.grpc_client import Client, typed

INVALID = grpc.StatusCode.INVALID_ARGUMENT


async def test_a_model_that_is_still_loading(serve_grpc: Callable[[ServingState], Any]) -> None:
    state = ServingState(NAME, REVISION)
    client = await serve_grpc(state)
    for method, message in (
        ("ModelInfer", typed()),
        ("ModelMetadata", {"name": NAME}),
    ):
        error = await client.refusal(message, method)
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert "still loading" in error.details()
    assert (await client.ask("ServerLive", {})).live
    assert not (await client.ask("ServerReady", {})).ready
    assert not (await client.ask("ModelReady", {"name": NAME})).ready
    assert (await client.health()).status == Health.HealthCheckResponse.NOT_SERVING
    (entry,) = (await client.ask("RepositoryIndex", {})).models
    assert (entry.name, entry.state, entry.reason) == (
        NAME,
        "UNAVAILABLE",
        "the model is loading",
    )
    assert not (await client.ask("RepositoryIndex", {"ready": True})).models


async def test_what_server_and_model_say_of_themselves(wine_grpc: Client) -> None:
    server = await wine_grpc.ask("ServerMetadata", {})
    assert server.name == "lockstep-runtime"
    assert "binary_tensor_data" in server.extensions
    for version in ("", REVISION):
        model = await wine_grpc.ask("ModelMetadata", {"name": NAME, "version": version})
        assert (model.name, list(model.versions)) == (NAME, [REVISION])
        (tensor,) = model.inputs
        assert (tensor.datatype, list(tensor.shape)) == ("FP64", [-1, 13])
        assert [output.name for output in model.outputs] == ["predict", "predict_proba"]
        assert (await wine_grpc.ask("ModelReady", {"name": NAME, "version": version})).ready
    assert (await wine_grpc.ask("ServerLive", {})).live
    assert (await wine_grpc.ask("ServerReady", {})).ready
    (entry,) = (await wine_grpc.ask("RepositoryIndex", {"ready": True})).models
    assert (entry.name, entry.version, entry.state) == (NAME, REVISION, "READY")


@pytest.mark.parametrize("method", ["ModelReady", "ModelMetadata"])
async def test_pages_of_another_model_or_version(wine_grpc: Client, method: str) -> None:
    for message in ({"name": "beer"}, {"name": NAME, "version": "7"}):
        assert (await wine_grpc.refusal(message, method)).code() is grpc.StatusCode.NOT_FOUND


async def test_health(wine_grpc: Client, state: ServingState) -> None:
    status = Health.HealthCheckResponse
    for service in ("", "inference.GRPCInferenceService"):
        assert (await wine_grpc.health(service)).status == status.SERVING
    with pytest.raises(aio.AioRpcError) as caught:
        await wine_grpc.health("beer")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    state.phase = Phase.DRAINING
    assert (await wine_grpc.health()).status == status.NOT_SERVING


async def test_health_can_be_watched(wine_grpc: Client, state: ServingState) -> None:
    status = Health.HealthCheckResponse
    watch = wine_grpc.channel.unary_stream(
        "/grpc.health.v1.Health/Watch", response_deserializer=status.FromString
    )
    seen = watch(Health.HealthCheckRequest().SerializeToString())
    assert (await seen.read()).status == status.SERVING
    state.phase = Phase.DRAINING
    assert (await seen.read()).status == status.NOT_SERVING
    unknown = watch(Health.HealthCheckRequest(service="beer").SerializeToString())
    assert (await unknown.read()).status == status.SERVICE_UNKNOWN
    with pytest.raises(aio.AioRpcError) as caught:
        await watch(b"\xff").read()
    assert caught.value.code() is INVALID


async def test_watches_do_not_hold_the_server_up(state: ServingState, recorder: Recorder) -> None:
    server = GrpcServer(state, recorder, InferLimits(MAX_BYTES), access_log=False)
    client = Client(await server.start("127.0.0.1", 0))
    seen = client.channel.unary_stream("/grpc.health.v1.Health/Watch")(b"")
    await seen.read()
    await asyncio.wait_for(server.stop(20), 5)
    await client.channel.close()


async def test_a_port_that_is_taken(
    wine_grpc: Client, state: ServingState, recorder: Recorder
) -> None:
    other = GrpcServer(state, recorder, InferLimits(MAX_BYTES), access_log=False)
    with pytest.raises(
        ListenFailure, match=f"cannot listen on 127.0.0.1:{wine_grpc.port} for gRPC"
    ):
        await other.start("127.0.0.1", wine_grpc.port)
