"""Explanations and streams of models that can, and what others say."""

import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import orjson
import pytest

from lockstep_runtime.app import App
from lockstep_runtime.errors import InvalidInput
from lockstep_runtime.inference.engine import InferenceEngine
from lockstep_runtime.routes.call import InferLimits
from lockstep_runtime.state import ServingState
from lockstep_runtime.telemetry.recorder import Recorder
from lockstep_runtime.tensors import Batch, Tensor, TensorSpec
from runtime.conftest import NAME, REVISION

STREAM = f"/v2/models/{NAME}/infer_stream"


class Counting:
    """Counts to the number it is given; 13 is refused, and 14 breaks in the middle."""

    platform = "test"
    batchable = False
    inputs = (TensorSpec("to", "INT64", (1,)),)
    outputs = (TensorSpec("n", "INT64", (1,)),)
    parameters: Mapping[str, Any] = {}

    def prepare(self, tensors: Sequence[Tensor]) -> Batch:
        return (tensors[0].array,)

    def predict(self, batch: Batch, outputs: Sequence[str]) -> list[Tensor]:
        return [Tensor("n", "INT64", batch[0])]

    def example(self, rows: int) -> Batch | None:
        return None

    def explain(self, batch: Batch) -> list[Tensor]:
        if batch[0][0] == 13:
            raise InvalidInput("13 has no reason")
        return [Tensor("why", "BYTES", np.array([["because"]], dtype=object))]

    def predict_stream(self, batch: Batch) -> Iterator[list[Tensor]]:
        last = int(batch[0][0])
        if last == 13:
            raise InvalidInput("13 is not counted to")
        for number in range(1, last + 1):
            if last == 14 and number == 3:
                raise RuntimeError("secret 4242")
            yield [Tensor("n", "INT64", np.array([number]))]


@pytest.fixture
def counting(executor: ThreadPoolExecutor) -> ServingState:
    state = ServingState(NAME, REVISION)
    state.loaded(InferenceEngine(Counting(), executor, cost=None))
    return state


@pytest.fixture
async def asking(counting: ServingState, recorder: Recorder) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(
        app=App(counting, recorder, InferLimits(1000), access_log=False)
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://runtime") as client:
        yield client


def to(number: int) -> dict[str, Any]:
    tensor = {"name": "to", "datatype": "INT64", "shape": [1], "data": [number]}
    return {"id": "seven", "inputs": [tensor]}


def events(answer: httpx.Response) -> list[Any]:
    assert answer.headers["content-type"] == "text/event-stream"
    lines = answer.text.split("\n\n")
    assert lines.pop() == ""
    return [orjson.loads(line.removeprefix("data: ")) for line in lines]


async def test_a_stream_is_events_of_answers(asking: httpx.AsyncClient, recorder: Recorder) -> None:
    answer = await asking.post(STREAM, json=to(3), headers={"x-request-id": "r1"})
    found = events(answer)
    assert [event["outputs"][0]["data"] for event in found] == [[1], [2], [3]]
    assert all(event["id"] == "seven" and event["model_version"] == REVISION for event in found)
    assert answer.headers["x-lockstep-revision"] == REVISION
    assert answer.headers["x-request-id"] == "r1"
    assert (recorder.requests, recorder.inflight) == ({("direct", 200): 1}, 0)
    assert not recorder.latency, "a stream's time is not compared with that of answers"


async def test_an_empty_stream(asking: httpx.AsyncClient) -> None:
    assert events(await asking.post(STREAM, json=to(0))) == []


async def test_a_request_that_a_stream_refuses_is_400(asking: httpx.AsyncClient) -> None:
    answer = await asking.post(STREAM, json=to(13))
    assert (answer.status_code, answer.json()) == (400, {"error": "13 is not counted to"})
    assert (await asking.post(STREAM, json={})).status_code == 400
    assert (await asking.get(STREAM)).status_code == 405
    assert (await asking.post("/v2/models/beer/infer_stream", json=to(1))).status_code == 404


async def test_a_stream_that_breaks_says_so_at_its_end(
    asking: httpx.AsyncClient, recorder: Recorder
) -> None:
    *good, last = events(await asking.post(STREAM, json=to(14)))
    assert len(good) == 2
    assert last == {"error": "the server failed to answer this request"}
    assert recorder.requests == {("direct", 500): 1}


async def test_an_explanation(asking: httpx.AsyncClient) -> None:
    path = f"/v1/models/{NAME}:explain"
    answer = await asking.post(path, json={"instances": [7]})
    assert answer.json() == {"explanations": [["because"]]}
    refused = await asking.post(path, json={"instances": [13]})
    assert (refused.status_code, refused.json()) == (400, {"error": "13 has no reason"})


async def test_a_model_that_can_do_neither_says_so(client: httpx.AsyncClient) -> None:
    row = {"name": "x", "datatype": "FP64", "shape": [1, 13], "data": [1.0] * 13}
    streamed = await client.post(STREAM, json={"inputs": [row]})
    assert (streamed.status_code, "does not stream" in streamed.text) == (501, True)
    explained = await client.post(f"/v1/models/{NAME}:explain", json={"instances": [[1.0] * 13]})
    assert (explained.status_code, "does not explain" in explained.text) == (501, True)


async def test_others_are_answered_between_two_parts(
    counting: ServingState, asking: httpx.AsyncClient
) -> None:
    engine = counting.require_engine()
    start = time.monotonic()
    parts = Counting().predict_stream((np.array([3]),))
    assert await engine.alone(lambda: next(parts)) is not None
    answer = await asking.post(f"/v2/models/{NAME}/infer", json=to(5))
    assert answer.json()["outputs"][0]["data"] == [5]
    assert await engine.alone(lambda: next(parts)) is not None
    assert time.monotonic() - start < 10
