"""What the fast path leaves to the application, and how connections begin and end on it."""

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from lockstep_runtime.app import App
from lockstep_runtime.authentication import BearerTokens
from lockstep_runtime.connection import Connection
from lockstep_runtime.routes.call import InferLimits
from lockstep_runtime.state import Phase, ServingState
from lockstep_runtime.telemetry.recorder import Recorder
from runtime.conftest import MAX_BYTES, NAME
from runtime.wire import Pipe, WireTransport

PATH = f"/v2/models/{NAME}/infer"
BODY = json.dumps(
    {"inputs": [{"name": "input", "datatype": "FP64", "shape": [1, 13], "data": [1.0] * 13}]}
).encode()
Connect = Callable[..., tuple[Connection, Pipe]]


def request(*lines: str, body: bytes = BODY, path: str = PATH, version: str = "1.1") -> bytes:
    head = [f"POST {path} HTTP/{version}", "host: runtime", f"content-length: {len(body)}", *lines]
    return "\r\n".join([*head, "", ""]).encode() + body


async def received(pipe: Pipe, answers: int = 1) -> list[bytes]:
    """Wait for so many answers, each from its status line on."""
    async with asyncio.timeout(10):
        while True:
            found = bytes(pipe.written).split(b"HTTP/1.1 ")[1:]
            if len(found) >= answers and all(b"}" in one or b"ok" in one for one in found):
                return found
            pipe.news.clear()
            await pipe.news.wait()


@pytest.fixture
def connect(state: ServingState, recorder: Recorder) -> Connect:
    def make(
        tokens: BearerTokens | None = None, *, access_log: bool = False
    ) -> tuple[Connection, Pipe]:
        limits = InferLimits(MAX_BYTES)
        app = App(state, recorder, limits, access_log=access_log, tokens=tokens)
        return WireTransport(app, state, fast_path=True).connect()

    return make


async def test_it_takes_what_is_usual(connect: Connect) -> None:
    connection, pipe = connect()
    connection.data_received(request())
    assert connection.exchange is not None
    assert (await received(pipe))[0].startswith(b"200 OK\r\ncontent-length:")
    assert (connection.exchange, connection.busy) == (None, False)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request("transfer-encoding: identity"), b"400"),
        (request("content-encoding: gzip"), b"415"),
        (request("expect: 100-continue"), b"200"),
        (request("connection: close"), b"200"),
        (request(version="1.0"), b"200"),
        (request(path=PATH + "?a=b"), b"200"),
        (request(path="/v2/models/beer/infer"), b"404"),
        (request(path=f"/v1/models/{NAME}:explain", body=b'{"instances": [[1]]}'), b"501"),
        (request(body=bytes(MAX_BYTES + 1)), b"413"),
        (request().replace(b"POST", b"PUT"), b"405"),
        (request().replace(b"POST", b"GET").replace(PATH.encode(), b"/v2/health/live"), b"200"),
    ],
)
async def test_it_leaves_to_the_application_what_is_not(
    connect: Connect, data: bytes, status: bytes
) -> None:
    connection, pipe = connect()
    connection.data_received(data)
    assert connection.exchange is None
    async with asyncio.timeout(10):
        while not pipe.written.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b""):
            pipe.news.clear()
            await pipe.news.wait()
    answer = pipe.written.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    assert answer.startswith(b"HTTP/1.1 " + status)


async def test_requests_that_do_not_wait_are_answered_in_their_order(connect: Connect) -> None:
    connection, pipe = connect()
    bodies = [BODY[:-1] + b', "id": "%d"}' % number for number in range(4)]
    connection.data_received(b"".join(request(body=body) for body in bodies))
    answers = await received(pipe, 4)
    assert [json.loads(one.partition(b"\r\n\r\n")[2])["id"] for one in answers] == list("0123")


async def test_a_body_may_come_in_pieces(connect: Connect) -> None:
    connection, pipe = connect()
    for byte in request():
        connection.data_received(bytes([byte]))
    assert (await received(pipe))[0].startswith(b"200")


async def test_a_client_that_goes_is_counted_out(connect: Connect, recorder: Recorder) -> None:
    connection, _ = connect()
    connection.data_received(request()[:-5])
    assert recorder.inflight == 1
    connection.connection_lost(None)
    assert recorder.inflight == 0
    assert recorder.requests == {("direct", 499): 1}


async def test_a_client_that_goes_while_the_model_works(
    connect: Connect, recorder: Recorder, state: ServingState
) -> None:
    connection, pipe = connect()
    connection.data_received(request())
    connection.connection_lost(None)
    await state.require_engine().alone(lambda: None)  # which comes after it
    assert (recorder.inflight, pipe.written) == (0, b"")


async def test_a_client_that_does_not_read_is_left_to_the_application(connect: Connect) -> None:
    connection, pipe = connect()
    connection.pause_writing()
    connection.data_received(request())
    assert connection.exchange is None
    connection.resume_writing()
    assert (await received(pipe))[0].startswith(b"200")


@pytest.mark.parametrize("draining", [True, False])
async def test_a_server_that_leaves_closes_after_the_answer(
    connect: Connect, state: ServingState, draining: bool
) -> None:
    connection, pipe = connect()
    connection.data_received(request())
    if draining:
        state.phase = Phase.DRAINING
    else:
        connection.shutdown()
    (answer,) = await received(pipe)
    assert answer.count(b"\r\nconnection: close\r\n") == 1
    assert pipe.is_closing()


async def test_when_there_is_no_time_left_it_says_so(
    connect: Connect, recorder: Recorder, state: ServingState
) -> None:
    connection, pipe = connect()
    connection.data_received(request())
    connection.give_up()
    (answer,) = await received(pipe)
    assert answer.startswith(b"503")
    assert b"shutting down" in answer
    await state.require_engine().alone(lambda: None)  # the model's answer comes too late
    assert recorder.requests == {("direct", 503): 1}


async def test_an_idle_connection_is_closed(connect: Connect) -> None:
    connection, pipe = connect()
    connection.timeout_keep_alive = 0.05  # type: ignore[assignment] # seconds, uvicorn says int
    for _ in range(2):
        connection.data_received(request())
        await received(pipe)
        pipe.written.clear()
    assert not pipe.is_closing()
    async with asyncio.timeout(10):
        while not pipe.is_closing():
            pipe.news.clear()
            await pipe.news.wait()


async def test_a_token_is_asked_for(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("secret\n")
    tokens = BearerTokens(tmp_path / "tokens")
    for line, status in (("authorization: Bearer secret", b"200"), ("authorization: x", b"401")):
        connection, pipe = connect(tokens)
        connection.data_received(request(line))
        assert (await received(pipe))[0].startswith(status)


async def test_it_is_in_the_access_log(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    connection, pipe = connect(access_log=True)
    connection.data_received(request("x-request-id: abc"))
    (answer,) = await received(pipe)
    assert b"\r\nx-request-id: abc\r\n" in answer
    (record,) = [one for one in caplog.records if one.name == "lockstep_runtime.access"]
    fields = record.__dict__["fields"]
    assert (fields["path"], fields["status"], fields["request_id"]) == (PATH, 200, "abc")


async def test_a_model_that_is_loading_is_503(connect: Connect, state: ServingState) -> None:
    connection, pipe = connect()
    state.engine = None
    connection.data_received(request())
    assert (await received(pipe))[0].startswith(b"503")
