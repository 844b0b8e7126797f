"""Inference over gRPC: what goes in comes out, in every way the protocol allows."""

import asyncio
from typing import Any

import grpc
import numpy as np
import pytest

from lockstep_runtime.grpc_service.contents import decode
from lockstep_runtime.grpc_service.messages import Inference
from lockstep_runtime.protocol import raw_data
from lockstep_runtime.telemetry.recorder import Recorder
from lockstep_runtime.tensors import DATATYPES, Tensor
from runtime import estimators
from runtime.client_programs import run_client
from runtime.conftest import NAME, REVISION
from runtime.grpc_client import FIELDS, Client, raw, typed


def values(datatype: str) -> list[Any]:
    if datatype == "BYTES":
        return [b"", "Öl".encode(), b"\xff\x00", b"a"]
    if datatype == "BOOL":
        return [True, False, False, True]
    dtype = DATATYPES[datatype]
    if dtype.kind == "f":
        return [float(np.finfo(dtype).max), float(np.finfo(dtype).tiny), -0.5, 0.0]
    return [np.iinfo(dtype).max, np.iinfo(dtype).min, 0, 1]


def tensor_of(datatype: str) -> Tensor:
    array = np.empty((2, 2), dtype=DATATYPES[datatype])
    array.flat[:] = values(datatype)
    return Tensor("x", datatype, array)


async def test_typed_in_typed_out(wine_grpc: Client) -> None:
    call = wine_grpc.start("ModelInfer", typed(2) | {"id": "seven"})
    answer = await call
    assert (answer.model_name, answer.model_version, answer.id) == (NAME, REVISION, "seven")
    classes, proba = answer.outputs
    model, ones = estimators.wine(), np.ones((2, 13))
    assert (classes.name, classes.datatype, list(classes.shape)) == ("predict", "INT64", [2])
    assert list(classes.contents.int64_contents) == model.predict(ones).tolist()
    assert list(proba.shape) == [2, 3]
    assert list(proba.contents.fp64_contents) == model.predict_proba(ones).ravel().tolist()
    assert not answer.raw_output_contents
    assert dict(await call.trailing_metadata())["x-lockstep-revision"] == REVISION


async def test_raw_in_raw_out(wine_grpc: Client) -> None:
    answer = await wine_grpc.ask("ModelInfer", raw())
    assert not any(output.HasField("contents") for output in answer.outputs)
    classes, proba = answer.raw_output_contents
    model, ones = estimators.wine(), np.ones((1, 13))
    assert np.frombuffer(classes, np.int64).tolist() == model.predict(ones).tolist()
    assert np.frombuffer(proba).tolist() == model.predict_proba(ones).ravel().tolist()


@pytest.mark.parametrize("datatype", FIELDS)
async def test_every_datatype_typed(echo_grpc: Client, datatype: str) -> None:
    contents = {FIELDS[datatype]: values(datatype)}
    answer = await echo_grpc.ask(
        "ModelInfer", typed(datatype=datatype, shape=[2, 2], contents=contents)
    )
    output = answer.outputs[0]
    assert (output.datatype, list(output.shape)) == (datatype, [2, 2])
    assert list(getattr(output.contents, FIELDS[datatype])) == values(datatype)


@pytest.mark.parametrize("datatype", DATATYPES)
async def test_every_datatype_raw(echo_grpc: Client, datatype: str) -> None:
    data = raw_data.encode(tensor_of(datatype))
    request = raw(np.zeros((2, 2)), datatype=datatype) | {"raw_input_contents": [data]}
    answer = await echo_grpc.ask("ModelInfer", request)
    output = answer.outputs[0]
    assert (output.datatype, list(output.shape)) == (datatype, [2, 2])
    assert answer.raw_output_contents[0] == data


@pytest.mark.parametrize("datatype", ["FP32", "FP64"])
@pytest.mark.parametrize("count", [1, 15, 16, 31, 32, 2047, 2048, 20_000])
@pytest.mark.parametrize("beside", [b"", b"\x0a\x01\x01", b"\xa2\x06\x01\x07"])
def test_floats_of_any_number_whatever_stands_beside_them(
    datatype: str, count: int, beside: bytes
) -> None:
    """Another field's values, or a field that is unknown."""
    values = np.random.default_rng(count).normal(size=count).astype(DATATYPES[datatype])
    contents = Inference.InferTensorContents(**{FIELDS[datatype]: values.tolist()})
    contents.MergeFromString(beside)
    found = decode("x", datatype, (count,), contents).array
    np.testing.assert_array_equal(found, values, strict=True)


async def test_a_missing_value_is_nan(echo_grpc: Client) -> None:
    contents = {"fp32_contents": [float("nan")]}
    answer = await echo_grpc.ask("ModelInfer", typed(datatype="FP32", shape=[1], contents=contents))
    assert np.isnan(answer.outputs[0].contents.fp32_contents[0])


async def test_only_the_outputs_asked_for_in_their_order(wine_grpc: Client) -> None:
    names = ["predict_proba", "predict"]
    request = typed() | {"outputs": [{"name": name} for name in names]}
    answer = await wine_grpc.ask("ModelInfer", request)
    assert [output.name for output in answer.outputs] == names
    answer = await wine_grpc.ask("ModelInfer", typed() | {"outputs": [{"name": "predict"}]})
    assert [output.name for output in answer.outputs] == ["predict"]


async def test_the_version_may_be_named(wine_grpc: Client) -> None:
    await wine_grpc.ask("ModelInfer", typed() | {"model_version": REVISION})
    assert (await wine_grpc.refusal(typed() | {"model_version": "7"})).code().name == "NOT_FOUND"


async def test_parameters_of_a_request_are_taken(wine_grpc: Client) -> None:
    parameters = {
        "sequence_id": {"int64_param": 3},
        "flag": {"bool_param": False},
        "empty": {},
        "priority": {"uint64_param": 2**63},
        "rate": {"double_param": 0.5},
    }
    assert (await wine_grpc.ask("ModelInfer", typed() | {"parameters": parameters})).outputs


async def test_many_at_once_on_one_connection(wine_grpc: Client) -> None:
    model = estimators.wine()
    rows = [np.full((1, 13), value, dtype=float) for value in range(100)]
    answers = await asyncio.gather(*(wine_grpc.ask("ModelInfer", raw(row)) for row in rows))
    found = [np.frombuffer(answer.raw_output_contents[0], np.int64)[0] for answer in answers]
    assert found == model.predict(np.concatenate(rows)).tolist()


async def test_requests_count_by_how_they_came(wine_grpc: Client, recorder: Recorder) -> None:
    routed = (("x-lockstep-assignment", "split"), ("x-lockstep-request-id", "pair-1"))
    await wine_grpc.ask("ModelInfer", typed(), metadata=routed)
    await wine_grpc.ask("ModelInfer", typed())
    assert recorder.requests == {("split", 200): 1, ("direct", 200): 1}
    assert sum(recorder.latency["split"].counts) == 1
    assert b'"pair-1"' in recorder.report(0)


async def test_the_clients_request_id_comes_back(wine_grpc: Client) -> None:
    call = wine_grpc.start("ModelInfer", typed(), metadata=(("x-request-id", "mine-7"),))
    await call
    assert dict(await call.trailing_metadata())["x-request-id"] == "mine-7"


async def test_a_compressed_request_is_read(wine_grpc: Client) -> None:
    assert (await wine_grpc.ask("ModelInfer", typed(), compression=grpc.Compression.Gzip)).outputs


async def test_tritonclient(echo_grpc: Client) -> None:
    passed = await run_client("triton_grpc", f"127.0.0.1:{echo_grpc.port}")
    assert {"check_pages", "check_datatypes", "check_errors", "check_concurrency"} <= {*passed}


async def test_kserves_client(echo_grpc: Client) -> None:
    passed = await run_client("kserve_grpc", f"127.0.0.1:{echo_grpc.port}")
    assert {"check_raw", "check_typed", "check_errors"} <= {*passed}
