"""The binary tensor data extension, in both directions, and what is wrong with it."""

import json
import struct
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_wine

from lockstep_runtime.errors import InvalidInput
from lockstep_runtime.protocol import raw_data
from lockstep_runtime.protocol.requests import InferRequest
from lockstep_runtime.protocol.v2 import parse_request, render_response
from lockstep_runtime.tensors import Tensor
from runtime import estimators
from runtime.conftest import NAME
from runtime.test_requests import numeric, strings

INFER = f"/v2/models/{NAME}/infer"
ROWS = load_wine().data[::40]
HEADER = "inference-header-content-length"


def binary_request(array: Any, datatype: str = "FP64", **fields: Any) -> tuple[bytes, int]:
    """Return a body with one binary tensor, and the length of its JSON."""
    data = array if isinstance(array, bytes) else array.tobytes()
    shape = fields.pop("shape", list(getattr(array, "shape", [1])))
    tensor = {"name": "x", "datatype": datatype, "shape": shape}
    tensor["parameters"] = {"binary_data_size": fields.pop("size", len(data))}
    head = json.dumps({"inputs": [tensor | fields.pop("tensor", {})], **fields}).encode()
    return head + data, len(head)


async def ask(client: httpx.AsyncClient, body: bytes, length: int) -> httpx.Response:
    return await client.post(INFER, content=body, headers={HEADER: str(length)})


async def test_binary_in_json_out(client: httpx.AsyncClient) -> None:
    answer = await ask(client, *binary_request(ROWS))
    assert HEADER not in answer.headers
    expected = estimators.wine().predict(ROWS).tolist()
    assert answer.json()["outputs"][0]["data"] == expected


async def test_json_in_binary_out(client: httpx.AsyncClient) -> None:
    tensor = {"name": "x", "datatype": "FP64", "shape": list(ROWS.shape), "data": ROWS.tolist()}
    outputs = [
        {"name": "predict_proba", "parameters": {"binary_data": True}},
        {"name": "predict"},
    ]
    answer = await client.post(INFER, json={"inputs": [tensor], "outputs": outputs})
    length = int(answer.headers[HEADER])
    assert answer.headers["content-type"] == "application/octet-stream"
    document = json.loads(answer.content[:length])
    proba, classes = document["outputs"]
    assert "data" not in proba
    assert proba["parameters"] == {"binary_data_size": len(answer.content) - length}
    values = np.frombuffer(answer.content[length:], "<f8").reshape(proba["shape"])
    np.testing.assert_array_equal(values, estimators.wine().predict_proba(ROWS))
    assert classes["data"] == estimators.wine().predict(ROWS).tolist()


async def test_all_outputs_binary_but_one(client: httpx.AsyncClient) -> None:
    outputs = [{"name": "predict", "parameters": {"binary_data": False}}, {"name": "predict_proba"}]
    body, length = binary_request(ROWS, parameters={"binary_data_output": True}, outputs=outputs)
    answer = await ask(client, body, length)
    first, second = json.loads(answer.content[: int(answer.headers[HEADER])])["outputs"]
    assert ("data" in first, "data" in second) == (True, False)


GOOD, LENGTH = binary_request(ROWS[:1])


@pytest.mark.parametrize(
    ("body", "length", "words"),
    [
        (*binary_request(ROWS[:1], size=8), "8 bytes of binary data, shape [1, 13] of FP64"),
        (*binary_request(ROWS[:1], size=10**6), "binary_data_size is 1000000, but only 104"),
        (*binary_request(ROWS[:1], size=-1), "binary_data_size is -1"),
        (*binary_request(ROWS[:1], size="104"), "binary_data_size is '104'"),
        (*binary_request(ROWS[:1], size=True), "binary_data_size is True"),
        (*binary_request(ROWS[:1], tensor={"data": [1]}), "both data and binary_data_size"),
        (*binary_request(ROWS[:1], tensor={"parameters": {}}), "'x': data is missing"),
        (*binary_request(ROWS[:1], tensor={"parameters": []}), "'inputs[0].parameters' must be"),
        (GOOD + b"more", LENGTH, "4 bytes of binary data belong to no input"),
        (GOOD[:-1], LENGTH, "but only 103 bytes follow"),
        (GOOD, LENGTH - 1, "not valid JSON"),
        (GOOD, LENGTH + 1, "not valid JSON"),
        (*binary_request(np.full((1, 13), np.inf)), "a value is infinite"),
        (*binary_request(np.full((1, 13), np.nan)), "missing"),
        (*binary_request(b"\2" * 13, "BOOL", shape=[1, 13]), "BOOL byte is neither 0 nor 1"),
        (*binary_request(b"\1\0\0\0", "BYTES"), "are not 1 elements"),
        (*binary_request(b"\1\0\0\0ab", "BYTES"), "are not 1 elements"),
        (*binary_request(b"\xff\xff\xff\xffab", "BYTES"), "are not 1 elements"),
        (*binary_request(b"ab", "BYTES"), "elements of at least 4"),
        (*binary_request(b"", "BYTES", shape=[2**40]), "elements of at least 4"),
        (*binary_request(ROWS[:1], parameters=3), "'parameters' must be an object"),
        (*binary_request(ROWS[:1], parameters={"binary_data_output": 1}), "must be true or false"),
        (
            *binary_request(
                ROWS[:1], outputs=[{"name": "predict", "parameters": {"binary_data": "yes"}}]
            ),
            "'outputs[0].parameters.binary_data' must be true or false",
        ),
        (
            *binary_request(
                ROWS[:1], outputs=[{"name": "predict", "parameters": {"classification": 3}}]
            ),
            "classification' is not supported",
        ),
    ],
)
async def test_bad_binary_data_is_400(
    client: httpx.AsyncClient, body: bytes, length: int, words: str
) -> None:
    answer = await ask(client, body, length)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["error"]


@given(tensor=st.one_of(numeric(), strings()))
def test_a_round_trip_keeps_every_value(tensor: Tensor) -> None:
    data = raw_data.encode(tensor)
    back = raw_data.decode("x", tensor.datatype, tensor.array.shape, data)
    assert back.array.dtype == tensor.array.dtype
    np.testing.assert_array_equal(back.array, tensor.array)
    body, length = render_response("m", "v", InferRequest(None, (), binary=True), [tensor])
    assert length is not None
    assert body[length:] == data


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=5))
def test_bytes_that_are_no_text_come_back_as_they_were(elements: list[bytes]) -> None:
    data = b"".join(struct.pack("<I", len(one)) + one for one in elements)
    tensor = raw_data.decode("x", "BYTES", (len(elements),), data)
    assert raw_data.encode(tensor) == data


def test_bytes_that_are_no_text_cannot_be_json() -> None:
    tensor = raw_data.decode("y", "BYTES", (1,), b"\1\0\0\0\xff")
    with pytest.raises(InvalidInput, match="output 'y' holds bytes that are no UTF-8"):
        render_response("m", "v", InferRequest(None, ()), [tensor])


@given(body=st.binary(max_size=200), length=st.integers(0, 220))
def test_any_bytes_are_a_request_or_an_invalid_input(body: bytes, length: int) -> None:
    try:
        parse_request(body, str(length).encode())
    except InvalidInput as error:
        assert error.status == 400
