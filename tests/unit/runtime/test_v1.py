"""KServe's V1 protocol."""

from typing import Any

import httpx
import pytest
from sklearn.datasets import load_wine

from lockstep_runtime.protocol.v1 import parse_request
from lockstep_runtime.state import Phase, ServingState
from lockstep_runtime.tensors import TensorSpec
from runtime import estimators
from runtime.conftest import NAME

PREDICT = f"/v1/models/{NAME}:predict"
ROWS = load_wine().data[::40]


@pytest.mark.parametrize("field", ["instances", "inputs"])
async def test_rows_in_predictions_out(client: httpx.AsyncClient, field: str) -> None:
    answer = await client.post(PREDICT, json={field: ROWS.tolist()})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"predictions": estimators.wine().predict(ROWS).tolist()}


async def test_models_and_readiness(state: ServingState, client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/models")).json() == {"models": [NAME]}
    answer = await client.get(f"/v1/models/{NAME}")
    assert (answer.status_code, answer.json()) == (200, {"name": NAME, "ready": True})
    state.phase = Phase.LOADING
    assert (await client.get(f"/v1/models/{NAME}")).status_code == 503


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "body is empty: send a JSON object with the field 'instances'"),
        ({}, "send one of the fields 'instances' and 'inputs': neither is there"),
        ({"instances": [[1]], "inputs": [[1]]}, "both are there"),
        ({"instances": 3}, "'instances' must be a list of at least one row"),
        ({"instances": []}, "'instances' must be a list of at least one row"),
        ({"instances": {"a": [1]}}, "'instances' must be a list"),
        ({"instances": [[]]}, "a list in it is empty"),
        ({"instances": [[1.0, 2.0], [1.0]]}, "nested data does not match"),
        ({"instances": [[1.0, 2.0], 1.0]}, "nested data does not match"),
        ({"instances": [[1.0, 2.0]]}, "2 columns, the model takes 13"),
        ({"instances": [["a"] * 13]}, "FP64 cannot hold a string"),
        ({"instances": [{"a": 1}, {"b": 1}]}, "'instances[1]' has other names"),
        ({"inputs": {}}, "'inputs' names no input"),
        ({"inputs": {"a": 3}}, "'inputs.a' must be a list"),
        ({"instances": [{"sugar": 1.0}]}, "takes [n, 13]"),
    ],
)
async def test_bad_requests_are_400(client: httpx.AsyncClient, body: Any, words: str) -> None:
    sent = {"content": body} if isinstance(body, bytes) else {"json": body}
    answer = await client.post(PREDICT, **sent)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["error"]


def test_objects_become_columns() -> None:
    inputs = [TensorSpec("age", "INT64", (-1,)), TensorSpec("city", "BYTES", (-1,))]
    body = b'{"instances": [{"age": 30, "city": "Bonn"}, {"age": 40, "city": "Oslo"}]}'
    rows = parse_request(body, inputs)
    columns = parse_request(b'{"inputs": {"age": [30, 40], "city": ["Bonn", "Oslo"]}}', inputs)
    for request in (rows, columns):
        age, city = request.inputs
        assert (age.datatype, age.array.tolist()) == ("INT64", [30, 40])
        assert (city.datatype, city.array.tolist()) == ("BYTES", ["Bonn", "Oslo"])
