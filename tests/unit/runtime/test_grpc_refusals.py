"""What gRPC refuses, and with which status; what it counts then."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import numpy as np
import pytest
from grpc import aio

from lockstep_runtime.grpc_service.messages import Inference
from lockstep_runtime.inference.engine import InferenceEngine, QueueLimits
from lockstep_runtime.state import ServingState
from lockstep_runtime.telemetry.recorder import Recorder
from runtime import estimators
from runtime.conftest import MAX_BYTES, NAME, REVISION
from runtime.grpc_client import Client, raw, typed

INVALID = grpc.StatusCode.INVALID_ARGUMENT


BAD: list[tuple[str, dict[str, Any] | bytes, str]] = [
    ("no message", b"\xff\xff\xff", "no inference.ModelInferRequest"),
    ("no inputs", {"model_name": NAME}, "'inputs' is empty"),
    ("no name", typed(name=None), "'inputs[0].name' is missing"),
    ("same name", typed() | {"inputs": [typed()["inputs"][0]] * 2}, "same name"),
    ("no datatype", typed(datatype=None), "'x': datatype is missing"),
    ("unknown datatype", typed(datatype="fp64"), "'x': datatype is 'fp64'"),
    ("no shape", typed(shape=None), "'x': shape"),
    ("negative shape", typed(shape=[-1, 13]), "'x': shape"),
    ("many dimensions", typed(shape=[1] * 40), "over 32 dimensions"),
    ("huge shape", typed(shape=[2**62, 4]), "fp64_contents has 13 elements"),
    ("no contents", typed(contents=None), "fp64_contents has 0 elements"),
    ("another field", typed(datatype="FP32"), "fp32_contents has 0 elements"),
    ("too short", typed(contents={"fp64_contents": [1.0] * 12}), "has 12 elements"),
    ("typed FP16", typed(datatype="FP16"), "FP16 must be sent in raw_input_contents"),
    (
        "out of range",
        typed(datatype="INT8", contents={"int_contents": [128] * 13}),
        "out of range for INT8",
    ),
    (
        "negative byte",
        typed(datatype="UINT16", contents={"uint_contents": [2**16] * 13}),
        "out of range for UINT16",
    ),
    ("infinite", typed(contents={"fp64_contents": [float("inf")] * 13}), "infinite"),
    ("raw infinite", raw(np.full((1, 13), np.inf)), "infinite"),
    ("raw too short", raw() | {"raw_input_contents": [b"1234"]}, "4 bytes of binary data"),
    ("raw of no input", raw() | {"raw_input_contents": [b"", b""]}, "has 2 entries for 1 inputs"),
    ("both", raw(contents={"fp64_contents": [1.0] * 13}), "both contents and raw"),
    ("features", typed(shape=[1, 1], contents={"fp64_contents": [1.0]}), "shape must be [n, 13]"),
    ("missing value", typed(contents={"fp64_contents": [float("nan")] * 13}), "missing"),
    ("unnamed output", typed() | {"outputs": [{}]}, "'outputs[0].name' is missing"),
    ("unknown output", typed() | {"outputs": [{"name": "score"}]}, "unknown output 'score'"),
    ("output twice", typed() | {"outputs": [{"name": "predict"}] * 2}, "asked for twice"),
    (
        "classification",
        typed()
        | {"outputs": [{"name": "predict", "parameters": {"classification": {"int64_param": 1}}}]},
        "classification' is not supported",
    ),
]


@pytest.mark.parametrize(
    ("message", "words"), [pytest.param(message, words, id=name) for name, message, words in BAD]
)
async def test_a_bad_request(
    wine_grpc: Client, recorder: Recorder, message: dict[str, Any] | bytes, words: str
) -> None:
    error = await wine_grpc.refusal(message)
    assert error.code() is INVALID
    assert words in error.details()
    assert recorder.requests == {("direct", 400): 1}
    assert recorder.inflight == 0


async def test_another_model(wine_grpc: Client) -> None:
    error = await wine_grpc.refusal(typed() | {"model_name": "beer"})
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert "unknown model 'beer'" in error.details()


async def test_our_own_fault_tells_nothing_of_the_payload(
    echo_grpc: Client, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    error = await echo_grpc.refusal(typed(contents={"fp64_contents": [-2.0] * 13}))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert error.details() == "the server failed to answer this request"
    assert recorder.requests == {("direct", 500): 1}
    assert "secret" not in caplog.text
    (record,) = caplog.records
    assert record.fields["error"] == "ValueError"  # type: ignore[attr-defined]


async def test_a_message_over_the_limit(wine_grpc: Client, recorder: Recorder) -> None:
    error = await wine_grpc.refusal(typed() | {"id": "x" * MAX_BYTES})
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert f"limit of {MAX_BYTES} bytes" in error.details()
    assert recorder.requests == {("direct", 413): 1}


async def test_a_huge_message_is_cut_off(wine_grpc: Client) -> None:
    with pytest.raises(aio.AioRpcError) as caught:
        await wine_grpc.ask("ModelInfer", typed() | {"id": "x" * 10 * MAX_BYTES})
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("size", [5 * MAX_BYTES, 50 * MAX_BYTES])
async def test_a_message_that_unpacks_to_a_huge_one_is_refused(
    wine_grpc: Client, size: int
) -> None:
    body = Inference.ModelInferRequest(id="x" * size).SerializeToString()
    assert len(gzip.compress(body)) < MAX_BYTES
    with pytest.raises(aio.AioRpcError) as caught:
        await wine_grpc.ask("ModelInfer", body, compression=grpc.Compression.Gzip)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_an_unknown_method(wine_grpc: Client) -> None:
    call = wine_grpc.channel.unary_unary("/inference.GRPCInferenceService/ModelConfig")
    with pytest.raises(aio.AioRpcError) as caught:
        await call(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.fixture
async def slow(serve_grpc: Callable[[ServingState], Any]) -> AsyncIterator[Client]:
    """One that computes for as many seconds as its input says, with room for one more to wait."""
    from lockstep_runtime.loaders.estimator import EstimatorModel

    state = ServingState(NAME, REVISION)
    with ThreadPoolExecutor(1) as pool:
        model = EstimatorModel(estimators.Sleeper())
        state.loaded(InferenceEngine(model, pool, cost=None, limits=QueueLimits(max_waiting=1)))
        yield await serve_grpc(state)


def sleep(seconds: float) -> dict[str, Any]:
    return typed(shape=[1, 1], contents={"fp64_contents": [seconds]})


async def in_flight(recorder: Recorder, requests: int) -> None:
    while recorder.inflight != requests:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.002)
    await asyncio.sleep(0.01)  # and its call has begun


async def test_a_deadline_in_the_queue(slow: Client, recorder: Recorder) -> None:
    first = asyncio.ensure_future(slow.ask("ModelInfer", sleep(0.4)))
    await in_flight(recorder, 1)
    with pytest.raises(aio.AioRpcError) as caught:
        await slow.ask("ModelInfer", sleep(0), timeout=0.1)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await first
    assert recorder.requests == {("direct", 504): 1, ("direct", 200): 1}


async def test_the_routers_deadline_counts_too(slow: Client, recorder: Recorder) -> None:
    first = asyncio.ensure_future(slow.ask("ModelInfer", sleep(0.3)))
    await in_flight(recorder, 1)
    metadata = (("x-envoy-expected-rq-timeout-ms", "50"),)
    error = await slow.refusal(sleep(0), metadata=metadata)
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "waited for its timeout of 0.05 s" in error.details()
    await first


async def test_a_full_queue(slow: Client, recorder: Recorder) -> None:
    busy = [asyncio.ensure_future(slow.ask("ModelInfer", sleep(0.2)))]
    await in_flight(recorder, 1)
    busy.append(asyncio.ensure_future(slow.ask("ModelInfer", sleep(0))))
    await in_flight(recorder, 2)
    error = await slow.refusal(sleep(0))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert dict(error.trailing_metadata())["grpc-retry-pushback-ms"] == "1000"
    await asyncio.gather(*busy)
    assert recorder.requests == {("direct", 429): 1, ("direct", 200): 2}


async def test_a_client_that_goes_away(slow: Client, recorder: Recorder) -> None:
    call = slow.start("ModelInfer", sleep(0.2))
    waiting = asyncio.ensure_future(call)
    await in_flight(recorder, 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await in_flight(recorder, 0)
    assert recorder.requests == {("direct", 499): 1}
