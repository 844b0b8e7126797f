"""kserve's InferenceRESTClient against a server of the wine model; arguments: URL, expectations."""

import asyncio
import sys

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput
from wine import NAME, expected

URL = sys.argv[1]
ROWS, CLASSES, PROBABILITIES = expected(sys.argv[2])


def request(array, *, binary, **more):
    given = InferInput("x", list(array.shape), "FP64")
    given.set_data_from_numpy(array, binary_data=binary)
    return InferRequest(NAME, [given], **more)


def right(answer):
    classes, proba = answer.outputs
    np.testing.assert_array_equal(classes.as_numpy(), CLASSES)
    np.testing.assert_array_equal(proba.as_numpy(), PROBABILITIES)


async def refused(call, status, words):
    try:
        await call
    except httpx.HTTPStatusError as error:
        assert error.response.status_code == status, error
        assert words in str(error), error
    else:
        raise AssertionError(f"not refused: {words}")


async def check_v2_pages(_, client):
    assert await client.is_server_live(URL)
    assert await client.is_server_ready(URL)
    assert await client.is_model_ready(URL, NAME)
    assert not await client.is_model_ready(URL, "beer")


async def check_v2_json(_, client):
    answer = await client.infer(URL, request(ROWS, binary=False, request_id="seven"), NAME)
    right(answer)
    assert answer.id == "seven"


async def check_v2_binary(_, client):
    right(await client.infer(URL, request(ROWS, binary=True), NAME))
    everything = request(ROWS, binary=True, parameters={"binary_data_output": True})
    right(await client.infer(URL, everything, NAME))
    names = ("predict", "predict_proba")
    outputs = [RequestedOutput(name, {"binary_data": True}) for name in names]
    right(await client.infer(URL, request(ROWS, binary=False, request_outputs=outputs), NAME))


async def check_v2_dictionary(_, client):
    tensor = {"name": "x", "datatype": "FP64", "shape": list(ROWS.shape), "data": ROWS.tolist()}
    right(await client.infer(URL, {"inputs": [tensor]}, NAME))


async def check_v2_errors(_, client):
    await refused(client.infer(URL, request(ROWS, binary=True), "beer"), 404, "unknown model")
    narrow = request(ROWS[:, :12], binary=True)
    await refused(client.infer(URL, narrow, NAME), 400, "12 columns")


async def check_v1(client, _):
    assert await client.is_model_ready(URL, NAME)
    for field in ("instances", "inputs"):
        answer = await client.infer(URL, {field: ROWS.tolist()}, NAME)
        assert answer == {"predictions": CLASSES.tolist()}


async def check_v1_errors(client, _):
    await refused(client.infer(URL, {"instances": ROWS.tolist()}, "beer"), 404, "unknown model")
    await refused(client.infer(URL, {"instances": [[1.0]]}, NAME), 400, "columns")
    await refused(client.is_model_ready(URL, "beer"), 404, "unknown model")


async def main():
    one, two = (InferenceRESTClient(RESTConfig(protocol=version)) for version in ("v1", "v2"))
    async with one, two:
        for name, check in list(globals().items()):
            if name.startswith("check_"):
                await check(one, two)
                print(name)


asyncio.run(main())
