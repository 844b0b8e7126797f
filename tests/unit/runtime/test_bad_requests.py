"""Every mistake of a client is a 4xx with one sentence that names the field or tensor."""

from typing import Any

import httpx
import pytest

from runtime.conftest import MAX_BYTES, NAME, REVISION
from runtime.estimators import WINE_FEATURES

INFER = f"/v2/models/{NAME}/infer"
ROW = [1.0] * WINE_FEATURES


def tensor(**changes: Any) -> dict[str, Any]:
    """A good tensor with some fields changed; a None removes the field."""
    good = {"name": "x", "datatype": "FP64", "shape": [1, WINE_FEATURES], "data": ROW}
    return {key: value for key, value in (good | changes).items() if value is not None}


def body(*tensors: Any, **fields: Any) -> dict[str, Any]:
    return {"inputs": list(tensors), **fields}


BAD_BODIES: list[tuple[str, Any, str]] = [
    ("empty body", b"", "body is empty"),
    ("no JSON", b"{", "not valid JSON"),
    ("NaN literal", b'{"inputs": [NaN]}', "not valid JSON"),
    ("infinite number", b'{"inputs": [1e999]}', "not valid JSON"),
    ("not UTF-8", b'{"inputs": "\xff"}', "not valid JSON"),
    ("nested too deep", b"[" * 5000, "not valid JSON"),
    ("a list", [], "must be a JSON object"),
    ("a string", "x", "must be a JSON object"),
    ("null", b"null", "must be a JSON object"),
    ("no inputs", {}, "'inputs' is missing"),
    ("null inputs", {"inputs": None}, "'inputs' is missing"),
    ("empty inputs", {"inputs": []}, "'inputs' is missing"),
    ("inputs no list", {"inputs": {"x": 1}}, "'inputs' must be a list"),
    ("input no object", {"inputs": [[1, 2]]}, "'inputs[0]' must be an object"),
    ("id a number", body(tensor(), id=7), "'id' must be a string"),
    ("no name", body(tensor(name=None)), "'inputs[0].name'"),
    ("name a number", body(tensor(name=3)), "'inputs[0].name'"),
    ("empty name", body(tensor(name="")), "'inputs[0].name'"),
    ("same name twice", body(tensor(), tensor()), "same name"),
    ("no datatype", body(tensor(datatype=None)), "'x': datatype is missing"),
    ("unknown datatype", body(tensor(datatype="FLOAT")), "'x': datatype is 'FLOAT'"),
    ("datatype a list", body(tensor(datatype=["FP64"])), "'x': datatype"),
    ("no shape", body(tensor(shape=None)), "'x': shape is missing"),
    ("shape a number", body(tensor(shape=13)), "'x': shape is missing or not a list"),
    ("empty shape", body(tensor(shape=[], data=[1])), "'x': shape"),
    ("shape with a fraction", body(tensor(shape=[1, 13.0])), "'x': shape"),
    ("shape with a string", body(tensor(shape=["1", 13])), "'x': shape"),
    ("shape with true", body(tensor(shape=[True, 13])), "'x': shape"),
    ("negative shape", body(tensor(shape=[-1, 13])), "'x': shape"),
    ("no rows", body(tensor(shape=[0, 13], data=[])), "'x': shape"),
    ("huge shape", body(tensor(shape=[2**62, 2**62])), "'x': data has 13 elements"),
    ("many dimensions", body(tensor(shape=[1] * 40, data=[1.0])), "'x': shape has over 32"),
    ("no data", body(tensor(data=None)), "'x': data is missing"),
    ("data a number", body(tensor(data=1.0)), "'x': data is missing or not a list"),
    ("data too short", body(tensor(data=ROW[:-1])), "'x': data has 12 elements"),
    ("data too long", body(tensor(data=[*ROW, 1.0])), "'x': data has 14 elements"),
    ("empty data", body(tensor(data=[])), "'x': data has 0 elements"),
    ("nested too narrow", body(tensor(data=[ROW[:-1]])), "'x': nested data does not match"),
    ("nested too many rows", body(tensor(data=[ROW, ROW])), "'x': data has"),
    ("nested ragged", body(tensor(shape=[2, 13], data=[ROW, ROW[:-1]])), "'x': nested data"),
    ("half nested", body(tensor(shape=[2, 13], data=[ROW, 1.0])), "'x': nested data"),
    ("list among numbers", body(tensor(data=[*ROW[:-1], [1.0]])), "cannot hold a list"),
    ("nested too deep for shape", body(tensor(data=[[[1.0]] * 13])), "cannot hold a list"),
    ("object in data", body(tensor(data=[*ROW[:-1], {}])), "cannot hold an object"),
    ("string in numbers", body(tensor(data=[*ROW[:-1], "1"])), "FP64 cannot hold a string"),
    ("true in numbers", body(tensor(data=[*ROW[:-1], True])), "FP64 cannot hold true or false"),
    ("fraction in INT64", body(tensor(datatype="INT64")), "INT64 cannot hold a fraction"),
    ("null in INT32", body(tensor(datatype="INT32", data=[None] * 13)), "cannot hold null"),
    ("INT8 too large", body(tensor(datatype="INT8", data=[300] * 13)), "out of range for INT8"),
    ("UINT8 negative", body(tensor(datatype="UINT8", data=[-1] * 13)), "out of range for UINT8"),
    ("INT64 too large", body(tensor(datatype="INT64", data=[2**63] * 13)), "out of range"),
    ("FP32 too large", body(tensor(datatype="FP32", data=[1e300] * 13)), "out of range for FP32"),
    ("FP16 too large", body(tensor(datatype="FP16", data=[70000] * 13)), "out of range for FP16"),
    ("number in BOOL", body(tensor(datatype="BOOL", data=[1] * 13)), "BOOL cannot hold"),
    ("number in BYTES", body(tensor(datatype="BYTES", data=[1] * 13)), "BYTES cannot hold"),
    ("strings for numbers", body(tensor(datatype="BYTES", data=["a"] * 13)), "takes numbers"),
    ("missing value", body(tensor(data=[*ROW[:-1], None])), "missing values (null)"),
    ("feature count", body(tensor(shape=[1, 12], data=ROW[:12])), "'x': 12 columns"),
    ("one dimension", body(tensor(shape=[13])), "the model takes [n, 13]"),
    ("three dimensions", body(tensor(shape=[1, 1, 13])), "the model takes [n, 13]"),
    ("two tables", body(tensor(), tensor(name="y")), "unknown input 'x'"),
    (
        "binary data",
        body(tensor(data=None, parameters={"binary_data_size": 8})),
        "needs the header",
    ),
    ("outputs no list", body(tensor(), outputs="predict"), "'outputs' must be a list"),
    ("output no object", body(tensor(), outputs=["predict"]), "'outputs[0]' must be an object"),
    ("output without name", body(tensor(), outputs=[{}]), "'outputs[0].name'"),
    ("unknown output", body(tensor(), outputs=[{"name": "score"}]), "unknown output 'score'"),
    (
        "output twice",
        body(tensor(), outputs=[{"name": "predict"}, {"name": "predict"}]),
        "asked for twice",
    ),
]


def is_error(response: httpx.Response, status: int, words: str) -> None:
    assert response.status_code == status, response.text
    document = response.json()
    assert list(document) == ["error"]
    assert words in document["error"]
    assert "\n" not in document["error"]
    assert response.headers["x-lockstep-revision"] == REVISION


@pytest.mark.parametrize(
    ("content", "words"),
    [pytest.param(content, words, id=name) for name, content, words in BAD_BODIES],
)
async def test_a_bad_body_is_400(client: httpx.AsyncClient, content: Any, words: str) -> None:
    sent = {"content": content} if isinstance(content, bytes) else {"json": content}
    is_error(await client.post(INFER, **sent), 400, words)


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("POST", "/v2/models/beer/infer", 404, "unknown model 'beer'"),
        ("GET", "/v2/models/beer/infer", 404, "unknown model 'beer'"),
        ("POST", f"/v2/models/{NAME}/versions/7/infer", 404, "unknown version '7'"),
        ("GET", INFER, 405, "use POST"),
        ("PUT", INFER, 405, "use POST"),
        ("GET", "/v2/models/beer", 404, "unknown model 'beer'"),
        ("GET", f"/v2/models/{NAME}/versions/7", 404, "unknown version '7'"),
        ("GET", "/v2/models/beer/ready", 404, "unknown model 'beer'"),
        ("GET", f"/v2/models/{NAME}/versions/7/ready", 404, "unknown version '7'"),
        ("POST", "/v2/health/ready", 405, "Method Not Allowed"),
        ("DELETE", f"/v2/models/{NAME}", 405, "Method Not Allowed"),
        ("GET", "/", 404, "no such path"),
        ("GET", "/v2/", 404, "no such path"),
        ("POST", f"{INFER}/", 404, "no such path"),
        ("POST", "/v1/models/beer:predict", 404, "unknown model 'beer'"),
        ("GET", "/v1/models/wine:predict", 405, "use POST"),
        ("GET", "/v1/models/beer", 404, "unknown model 'beer'"),
        ("POST", f"/v2/models/{NAME}/versions//infer", 404, "no such path"),
    ],
)
async def test_a_bad_path_or_method(
    client: httpx.AsyncClient, method: str, path: str, status: int, words: str
) -> None:
    is_error(await client.request(method, path), status, words)


async def test_a_wrong_method_names_the_right_one(client: httpx.AsyncClient) -> None:
    assert (await client.get(INFER)).headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({"content-encoding": "gzip"}, 415, "compressed"),
        ({"inference-header-content-length": "10"}, 400, "not valid JSON"),
        ({"inference-header-content-length": "ten"}, 400, "must be an integer"),
        ({"inference-header-content-length": "100000"}, 400, "is 100000, the body has"),
        ({"timeout": "soon"}, 400, "Timeout must be a number of seconds"),
        ({"timeout": "-1"}, 400, "Timeout must be a number of seconds"),
        ({"timeout": "nan"}, 400, "Timeout must be a number of seconds"),
    ],
)
async def test_an_encoding_we_do_not_take(
    client: httpx.AsyncClient, headers: dict[str, str], status: int, words: str
) -> None:
    is_error(await client.post(INFER, json=body(tensor()), headers=headers), status, words)


async def test_a_body_over_the_limit_is_413(client: httpx.AsyncClient) -> None:
    is_error(await client.post(INFER, content=b" " * (MAX_BYTES + 1)), 413, "over the limit")


async def test_a_stream_over_the_limit_is_413(client: httpx.AsyncClient) -> None:
    async def chunks() -> Any:
        for _ in range(30):
            yield b" " * 10_000

    is_error(await client.post(INFER, content=chunks()), 413, "over the limit")


async def test_a_long_mistake_gets_a_short_answer(client: httpx.AsyncClient) -> None:
    response = await client.post(INFER, json=body(tensor(datatype="X" * 50_000)))
    assert response.status_code == 400
    assert len(response.content) < 1000
