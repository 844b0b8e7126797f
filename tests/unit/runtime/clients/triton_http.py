"""tritonclient.http against a server of the wine model; arguments: address, expectations."""

import sys

import numpy as np
import tritonclient.http as triton
from samples import NUMERIC
from tritonclient.utils import InferenceServerException
from wine import NAME, REVISION, expected

ROWS, CLASSES, PROBABILITIES = expected(sys.argv[2])


def tensor(array, *, binary, datatype="FP64"):
    given = triton.InferInput("x", list(array.shape), datatype)
    given.set_data_from_numpy(array, binary_data=binary)
    return given


def asked(*, binary):
    names = ("predict", "predict_proba")
    return [triton.InferRequestedOutput(name, binary_data=binary) for name in names]


def right(answer, rows=slice(None)):
    np.testing.assert_array_equal(answer.as_numpy("predict"), CLASSES[rows])
    # Of one row, the last bit may differ.
    np.testing.assert_allclose(answer.as_numpy("predict_proba"), PROBABILITIES[rows], 1e-12)
    assert answer.get_response()["model_version"] == REVISION


def refused(call, status, words):
    try:
        call()
    except InferenceServerException as error:
        assert error.status() == status, error
        assert words in error.message(), error
    else:
        raise AssertionError(f"not refused: {words}")


def check_pages(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(NAME)
    assert client.is_model_ready(NAME, REVISION)
    assert not client.is_model_ready("beer")
    server = client.get_server_metadata()
    assert server["name"] == "lockstep-runtime", server
    assert "binary_tensor_data" in server["extensions"], server
    for version in ("", REVISION):
        model = client.get_model_metadata(NAME, version)
        assert model["versions"] == [REVISION], model
        assert model["inputs"][0]["shape"] == [-1, 13], model
    (entry,) = client.get_model_repository_index()
    assert (entry["name"], entry["version"], entry["state"]) == (NAME, REVISION, "READY"), entry


def check_binary_is_the_default(client):
    answer = client.infer(NAME, [tensor(ROWS, binary=True)], request_id="seven")
    right(answer)
    assert answer.get_response()["id"] == "seven"
    assert "binary_data_size" in answer.get_output("predict")["parameters"]


def check_json(client):
    answer = client.infer(NAME, [tensor(ROWS, binary=False)], outputs=asked(binary=False))
    right(answer)
    assert "data" in answer.get_output("predict")


def check_mixed(client):
    right(client.infer(NAME, [tensor(ROWS, binary=True)], outputs=asked(binary=False)))
    right(client.infer(NAME, [tensor(ROWS, binary=False)], outputs=asked(binary=True)))
    names = [("predict", True), ("predict_proba", False)]
    outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name, binary in names]
    right(client.infer(NAME, [tensor(ROWS, binary=True)], outputs=outputs))


def check_one_output(client):
    wanted = [triton.InferRequestedOutput("predict")]
    answer = client.infer(NAME, [tensor(ROWS, binary=True)], outputs=wanted)
    np.testing.assert_array_equal(answer.as_numpy("predict"), CLASSES)
    assert answer.as_numpy("predict_proba") is None


def check_datatypes(client):
    for datatype, dtype in NUMERIC.items():
        array = np.ones((2, 13), dtype)
        for binary in (True, False):
            if datatype == "FP16" and not binary:  # the client itself refuses
                continue
            given = tensor(array, binary=binary, datatype=datatype)
            assert client.infer(NAME, [given]).as_numpy("predict").shape == (2,)


def check_options(client):
    answer = client.infer(
        NAME,
        [tensor(ROWS, binary=True)],
        model_version=REVISION,
        priority=1,
        timeout=1_000_000,
        parameters={"flag": True, "text": "x"},
        headers={"x-request-id": "mine"},
        response_compression_algorithm="gzip",
    )
    right(answer)


def check_errors(client):
    good = tensor(ROWS, binary=True)
    refused(lambda: client.infer("beer", [good]), "404", "unknown model")
    refused(lambda: client.infer(NAME, [good], model_version="7"), "404", "unknown version")
    refused(lambda: client.infer(NAME, [tensor(ROWS[:, :12], binary=True)]), "400", "12 columns")
    refused(
        lambda: client.infer(NAME, [good], outputs=[triton.InferRequestedOutput("no")]),
        "400",
        "unknown output",
    )
    refused(lambda: client.get_model_metadata("beer"), "404", "unknown model")


def check_concurrency(client):
    calls = [
        (row, client.async_infer(NAME, [tensor(ROWS[row : row + 1], binary=row % 2 == 0)]))
        for row in range(len(ROWS))
    ]
    for row, call in calls:
        right(call.get_result(), slice(row, row + 1))


def main():
    with triton.InferenceServerClient(sys.argv[1], concurrency=8) as client:
        for name, check in list(globals().items()):
            if name.startswith("check_"):
                check(client)
                print(name)


main()
