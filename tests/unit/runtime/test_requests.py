"""Valid requests: what goes in comes out, in every shape the protocol allows."""

from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.datasets import load_wine

from lockstep_runtime.errors import InvalidInput
from lockstep_runtime.inference.engine import InferenceEngine
from lockstep_runtime.protocol.v2 import parse_request, render_response
from lockstep_runtime.state import ServingState
from lockstep_runtime.telemetry.recorder import Recorder
from lockstep_runtime.tensors import DATATYPES, Tensor
from runtime import estimators
from runtime.conftest import NAME, REVISION

INFER = f"/v2/models/{NAME}/infer"
ROWS = load_wine().data[::20]


def request(array: Any, datatype: str = "FP64", **fields: Any) -> dict[str, Any]:
    array = np.asarray(array)
    data = {"name": "x", "datatype": datatype, "shape": list(array.shape), "data": array.tolist()}
    return {"inputs": [data], **fields}


async def test_all_outputs_equal_scikit_learn(client: httpx.AsyncClient) -> None:
    answer = (await client.post(INFER, json=request(ROWS))).json()
    model = estimators.wine()
    assert list(answer) == ["model_name", "model_version", "outputs"]
    assert (answer["model_name"], answer["model_version"]) == (NAME, REVISION)
    classes, proba = answer["outputs"]
    assert (classes["name"], classes["datatype"]) == ("predict", "INT64")
    assert classes["shape"] == [len(ROWS)]
    assert classes["data"] == model.predict(ROWS).tolist()
    assert (proba["name"], proba["datatype"]) == ("predict_proba", "FP64")
    assert proba["shape"] == [len(ROWS), 3]
    np.testing.assert_array_equal(proba["data"], model.predict_proba(ROWS).ravel())


async def test_flat_and_nested_data_are_the_same(client: httpx.AsyncClient) -> None:
    nested = request(ROWS)
    flat = request(ROWS)
    flat["inputs"][0]["data"] = ROWS.ravel().tolist()
    one, two = [await client.post(INFER, json=body) for body in (nested, flat)]
    assert one.content == two.content


@pytest.mark.parametrize("datatype", [name for name in DATATYPES if name != "BYTES"])
async def test_every_numeric_datatype(client: httpx.AsyncClient, datatype: str) -> None:
    body = request(np.ones((2, 13), dtype=DATATYPES[datatype]), datatype)
    answer = await client.post(INFER, json=body)
    assert answer.status_code == 200, answer.text
    expected = estimators.wine().predict(np.ones((2, 13))).tolist()
    assert answer.json()["outputs"][0]["data"] == expected


async def test_integers_are_fine_floats(client: httpx.AsyncClient) -> None:
    answer = await client.post(INFER, json=request(np.ones((1, 13), dtype=int)))
    assert answer.status_code == 200


async def test_a_content_type_is_not_needed(client: httpx.AsyncClient) -> None:
    answer = await client.post(INFER, content=orjson.dumps(request(ROWS.tolist())))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"


async def test_requested_outputs_come_in_that_order(client: httpx.AsyncClient) -> None:
    wanted = [{"name": "predict_proba"}, {"name": "predict"}]
    answer = (await client.post(INFER, json=request(ROWS, outputs=wanted))).json()
    assert [output["name"] for output in answer["outputs"]] == ["predict_proba", "predict"]
    one = (await client.post(INFER, json=request(ROWS, outputs=wanted[:1]))).json()
    assert [output["name"] for output in one["outputs"]] == ["predict_proba"]


async def test_ids_come_back(client: httpx.AsyncClient) -> None:
    headers = {"x-request-id": "abc-1"}
    answer = await client.post(INFER, json=request(ROWS, id="seven"), headers=headers)
    assert answer.json()["id"] == "seven"
    assert answer.headers["x-request-id"] == "abc-1"


async def test_a_strange_request_id_does_not(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v2", headers={"x-request-id": "a" * 300})
    assert "x-request-id" not in answer.headers


async def test_nulls_in_optional_fields_count_as_absent(client: httpx.AsyncClient) -> None:
    body = request(ROWS, id=None, outputs=None, parameters=None)
    answer = await client.post(INFER, json=body)
    assert answer.status_code == 200
    assert "id" not in answer.json()


async def test_the_versioned_path(client: httpx.AsyncClient) -> None:
    answer = await client.post(f"/v2/models/{NAME}/versions/{REVISION}/infer", json=request(ROWS))
    assert answer.json()["model_version"] == REVISION


async def test_a_loading_model_is_503(state: ServingState, client: httpx.AsyncClient) -> None:
    state.engine = None
    answer = await client.post(INFER, json=request(ROWS))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "loading" in answer.json()["error"]


async def test_an_own_fault_is_500_and_says_and_logs_no_payload(
    state: ServingState,
    client: httpx.AsyncClient,
    recorder: Recorder,
    make_engine: Callable[[Any], InferenceEngine],
    caplog: pytest.LogCaptureFixture,
) -> None:
    state.engine = make_engine(estimators.wine())
    secret = "4242.4242"

    def fail(*_: object) -> None:
        raise RuntimeError(f"cannot predict {secret}")

    state.engine.model.predict = fail  # type: ignore[assignment,method-assign]
    answer = await client.post(INFER, json=request(ROWS))
    assert answer.status_code == 500
    assert answer.json() == {"error": "the server failed to answer this request"}
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.__dict__["fields"]["error"] == "RuntimeError"
    assert secret not in caplog.text + str(record.__dict__["fields"])
    assert recorder.requests == {("direct", 500): 1}


DTYPES = {name: dtype for name, dtype in DATATYPES.items() if name != "BYTES"}


@st.composite
def numeric(draw: st.DrawFn) -> Tensor:
    name, dtype = draw(st.sampled_from(sorted(DTYPES.items())))
    shape = draw(npst.array_shapes(max_dims=4, max_side=5))
    options = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else {}
    elements = npst.from_dtype(dtype, **options)
    return Tensor("x", name, draw(npst.arrays(dtype, shape, elements=elements)))


@st.composite
def strings(draw: st.DrawFn) -> Tensor:
    shape = draw(npst.array_shapes(max_dims=3, max_side=4))
    text = st.text(st.characters(exclude_categories=["Cs"]))
    return Tensor("x", "BYTES", draw(npst.arrays(object, shape, elements=text)))


@given(tensor=st.one_of(numeric(), strings()), flat=st.booleans(), identity=st.text(max_size=9))
def test_a_round_trip_keeps_every_value(tensor: Tensor, flat: bool, identity: str) -> None:
    array = tensor.array.ravel() if flat else tensor.array
    item = {
        "name": "x",
        "datatype": tensor.datatype,
        "shape": list(tensor.array.shape),
        "data": array.tolist(),
    }
    parsed = parse_request(orjson.dumps({"id": identity, "inputs": [item]}))
    [back] = parsed.inputs
    assert (back.name, back.datatype, back.array.dtype) == ("x", tensor.datatype, array.dtype)
    np.testing.assert_array_equal(back.array, tensor.array)
    rendered = orjson.loads(render_response("m", "v", parsed, parsed.inputs)[0])
    [output] = rendered["outputs"]
    assert rendered["id"] == identity
    assert output["shape"] == list(tensor.array.shape)
    again = np.array(output["data"], dtype=array.dtype).reshape(tensor.array.shape)
    np.testing.assert_array_equal(again, tensor.array)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(
    item=st.fixed_dictionaries(
        {},
        optional={
            "name": st.just("x") | JSON,
            "datatype": st.sampled_from(sorted(DATATYPES)) | JSON,
            "shape": st.lists(st.integers(-1, 3), max_size=3) | JSON,
            "data": st.lists(st.integers() | st.floats() | st.text(), max_size=9) | JSON,
        },
    )
)
def test_any_json_is_a_request_or_an_invalid_input(item: dict[str, Any]) -> None:
    try:
        body = orjson.dumps({"inputs": [item]})
    except TypeError:  # beyond 64 bits or a lone surrogate: no JSON a client could send to us
        return
    try:
        parse_request(body)
    except InvalidInput as error:
        assert error.status == 400
