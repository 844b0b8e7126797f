"""kserve's InferenceGRPCClient against an echo model; argument: the address."""

import asyncio
import logging
import sys

import grpc
import numpy as np
from kserve import InferenceGRPCClient, InferInput, InferRequest
from samples import samples

NAME, REVISION = "wine", "wine-1a2b3c4d"


def request(datatype, array, *, raw, **more):
    given = InferInput("x", list(array.shape), datatype)
    if raw:
        given.set_data_from_numpy(array)
    else:
        given.data = array.ravel().tolist()
    return InferRequest(more.pop("model_name", NAME), [given], **more)


async def check_pages(client):
    assert await client.is_server_live()
    assert await client.is_server_ready()
    assert await client.is_model_ready(NAME)


async def check_raw(client):
    for datatype, array in samples():
        answer = await client.infer(request(datatype, array, raw=True, request_id=datatype))
        assert (answer.id, answer.model_version) == (datatype, REVISION)
        np.testing.assert_array_equal(answer.outputs[0].as_numpy(), array)


async def check_typed(client):
    for datatype, array in samples():
        if datatype == "FP16":  # kserve has no field for it either
            continue
        answer = await client.infer(request(datatype, array, raw=False))
        assert answer.outputs[0].datatype == datatype
        np.testing.assert_array_equal(answer.outputs[0].as_numpy(), array)


async def check_errors(client):
    one = np.ones((1, 1), np.float32)
    for array, model, code in (
        (one, "beer", grpc.StatusCode.NOT_FOUND),
        (-one, NAME, grpc.StatusCode.INVALID_ARGUMENT),
        (-2 * one, NAME, grpc.StatusCode.INTERNAL),
    ):
        try:
            await client.infer(request("FP32", array, raw=True, model_name=model))
        except grpc.RpcError as error:
            assert error.code() is code, error
        else:
            raise AssertionError(f"not refused: {code}")


async def check_concurrency(client):
    arrays = [np.full((1, 1), number, np.int64) for number in range(50)]
    answers = await asyncio.gather(
        *(client.infer(request("INT64", array, raw=True)) for array in arrays)
    )
    assert [answer.outputs[0].as_numpy()[0, 0] for answer in answers] == list(range(50))


async def main():
    logging.disable(logging.ERROR)  # the client logs every refusal with its traceback
    async with InferenceGRPCClient(sys.argv[1]) as client:
        for name, check in list(globals().items()):
            if name.startswith("check_"):
                await check(client)
                print(name)


asyncio.run(main())
