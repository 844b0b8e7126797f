"""tritonclient.grpc against an echo model; argument: the address."""

import sys
import threading

import numpy as np
import tritonclient.grpc as triton
from samples import samples
from tritonclient.utils import InferenceServerException

NAME, REVISION = "wine", "wine-1a2b3c4d"


def tensor(datatype, array, name="x"):
    given = triton.InferInput(name, list(array.shape), datatype)
    given.set_data_from_numpy(array)
    return given


def refused(call, status, words):
    try:
        call()
    except InferenceServerException as error:
        assert error.status() == f"StatusCode.{status}", error
        assert words in error.message(), error
    else:
        raise AssertionError(f"not refused: {words}")


def check_pages(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(NAME)
    assert client.is_model_ready(NAME, REVISION)
    assert client.get_server_metadata().name == "lockstep-runtime"
    metadata = client.get_model_metadata(NAME, as_json=True)
    assert metadata["versions"] == [REVISION], metadata
    assert metadata["outputs"][0]["name"] == "same", metadata
    (entry,) = client.get_model_repository_index().models
    assert (entry.name, entry.state) == (NAME, "READY"), entry


def check_datatypes(client):
    for datatype, array in samples():
        answer = client.infer(NAME, [tensor(datatype, array)], request_id=datatype)
        found = answer.as_numpy("same")
        np.testing.assert_array_equal(found, array, strict=True)
        assert answer.get_response().id == datatype
        assert answer.get_response().model_version == REVISION
        assert answer.as_numpy("twice").shape == (4, 2)


def check_outputs(client):
    one = tensor("FP32", np.ones((1, 1), np.float32))
    answer = client.infer(NAME, [one], outputs=[triton.InferRequestedOutput("twice")])
    assert answer.as_numpy("same") is None
    assert answer.as_numpy("twice").shape == (2, 1)


def check_options(client):
    one = tensor("FP32", np.ones((1, 1), np.float32))
    parameters = {"flag": True, "number": 3, "text": "x", "rate": 0.5}
    answer = client.infer(
        NAME,
        [one],
        model_version=REVISION,
        parameters=parameters,
        priority=1,
        client_timeout=10,
        compression_algorithm="gzip",
        headers={"x-request-id": "mine"},
    )
    assert answer.as_numpy("same") == 1


def check_errors(client):
    one = np.ones((1, 1), np.float32)
    refused(lambda: client.infer("beer", [tensor("FP32", one)]), "NOT_FOUND", "unknown model")
    refused(
        lambda: client.infer(NAME, [tensor("FP32", one)], model_version="7"),
        "NOT_FOUND",
        "unknown version",
    )
    refused(lambda: client.infer(NAME, [tensor("FP32", -one)]), "INVALID_ARGUMENT", "refuses -1")
    refused(lambda: client.infer(NAME, []), "INVALID_ARGUMENT", "'inputs' is empty")
    refused(
        lambda: client.infer(
            NAME, [tensor("FP32", one)], outputs=[triton.InferRequestedOutput("no")]
        ),
        "INVALID_ARGUMENT",
        "unknown output",
    )
    refused(lambda: client.infer(NAME, [tensor("FP32", -2 * one)]), "INTERNAL", "failed to answer")
    large = np.ones((1, 60_000), np.float32)
    refused(lambda: client.infer(NAME, [tensor("FP32", large)]), "RESOURCE_EXHAUSTED", "limit")
    refused(lambda: client.get_model_metadata("beer"), "NOT_FOUND", "unknown model")
    refused(client.get_inference_statistics, "UNIMPLEMENTED", "")


def check_concurrency(client):
    """Both of its ways: threads on one client, and callbacks."""
    done, problems = threading.Event(), []
    found = {}

    def answered(number, result, error):
        if error is not None:
            problems.append(error)
        else:
            found[number] = result.as_numpy("same")[0, 0]
        if len(found) + len(problems) == 50:
            done.set()

    for number in range(50):
        array = np.full((1, 1), number, np.int32)
        client.async_infer(
            NAME,
            [tensor("INT32", array)],
            callback=lambda result, error, number=number: answered(number, result, error),
        )
    assert done.wait(20)
    assert not problems, problems
    assert found == {number: number for number in range(50)}


def main():
    with triton.InferenceServerClient(sys.argv[1]) as client:
        for name, check in list(globals().items()):
            if name.startswith("check_"):
                check(client)
                print(name)


main()
