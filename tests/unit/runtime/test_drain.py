"""SIGTERM under load: no request is lost, whatever the clients do."""

import http.client
import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from lockstep_runtime.inference.warmup import MEASURED_ROWS
from runtime import estimators
from runtime.process import Runtime, run, serve_arguments, started, wait_for

INFER = "/v2/models/wine/infer"
ROW = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [1, 13], "data": [1.0] * 13}]}
BODY = json.dumps(ROW)


@dataclass
class Traffic:
    """What some client threads saw."""

    answered: int = 0
    closed: int = 0
    refused: int = 0
    lost: list[str] = field(default_factory=list)


class Client:
    """One connection; http.client, for it costs next to nothing to open."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=20)
        self._connection.connect()

    def ask(self, method: str, path: str, body: str | None = None) -> http.client.HTTPResponse:
        self._connection.request(method, path, body)
        answer = self._connection.getresponse()
        answer.read()
        return answer

    def infer(self) -> http.client.HTTPResponse:
        answer = self.ask("POST", INFER, BODY)
        assert answer.status == 200, answer.reason
        return answer

    def close(self) -> None:
        self._connection.close()


def keep_alive(address: str, traffic: Traffic, leave: threading.Event) -> None:
    """Use one connection until the server says `connection: close`, then use it no more."""
    with closing(Client(address)) as client:
        while not leave.is_set():
            answer = client.infer()
            traffic.answered += 1
            if answer.headers.get("connection") == "close":
                traffic.closed += 1
                return


def new_connections(address: str, traffic: Traffic, leave: threading.Event) -> None:
    """Open a connection per request, as long as somebody listens."""
    while not leave.is_set():
        try:
            connected = Client(address)
        except ConnectionRefusedError:  # nothing was sent, so nothing was lost
            traffic.refused += 1
            return
        with closing(connected) as client:
            client.infer()
        traffic.answered += 1


def until_not_ready(address: str, traffic: Traffic, leave: threading.Event) -> None:
    """Ask for readiness before each request, as a router does, and leave when it fails."""
    while not leave.is_set():
        with closing(Client(address)) as client:
            ready = client.ask("GET", "/v2/health/ready")
        if ready.status != 200:
            assert ready.status == 503
            assert ready.headers["x-envoy-immediate-health-check-fail"] == "true"
            traffic.closed += 1
            return
        with closing(Client(address)) as client:
            client.infer()
        traffic.answered += 1


@contextmanager
def load(url: str, *clients: Callable[..., None], each: int = 3) -> Iterator[list[Traffic]]:
    """Run `each` threads of every kind of client."""
    leave = threading.Event()
    seen = [Traffic() for _ in clients for _ in range(each)]
    kinds = [client for client in clients for _ in range(each)]

    def work(client: Callable[..., None], traffic: Traffic) -> None:
        try:
            client(url.removeprefix("http://"), traffic, leave)
        except Exception as error:
            traffic.lost.append(repr(error))

    threads = [threading.Thread(target=work, args=pair) for pair in zip(kinds, seen, strict=True)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        leave.set()
        for thread in threads:
            thread.join()


def answered(seen: list[Traffic]) -> int:
    return sum(traffic.answered for traffic in seen)


def test_no_request_is_lost(served: Callable[..., Runtime]) -> None:
    drain = 2
    runtime = served("--drain-seconds", drain)
    with load(runtime.url, keep_alive, new_connections, until_not_ready) as seen:
        wait_for("traffic", lambda: answered(seen) > 3000)
        asked = time.monotonic()
        before = answered(seen)
        runtime.signal()
        assert runtime.wait_end() == 0
        took = time.monotonic() - asked
    assert [traffic.lost for traffic in seen] == [[]] * len(seen)
    assert all(traffic.closed for traffic in seen[:3] + seen[6:])
    assert all(traffic.refused for traffic in seen[3:6])
    assert answered(seen) - before > 200  # it went on serving
    assert drain <= took < drain + 4
    assert "Traceback" not in runtime.output


ROWS = MEASURED_ROWS + 1  # so that the model's thread has it, and not the event loop


def slow_model(tmp_path: Path) -> Path:
    """A model directory whose predictions take as long as the request says."""
    source = estimators.save_joblib(estimators.Sleeper(), tmp_path / "wine.joblib")
    run("fetch", "--model-uri", source.as_uri(), "--into", tmp_path / "m")
    return tmp_path / "m"


def taking(seconds: float) -> dict[str, object]:
    tensor = {"name": "x", "datatype": "FP64", "shape": [ROWS, 1], "data": [seconds] * ROWS}
    return {"inputs": [tensor]}


@contextmanager
def with_a_slow_request(
    tmp_path: Path, seconds: float, more: tuple[object, ...] = ()
) -> Iterator[tuple[Runtime, list[httpx.Response]]]:
    """A server with a request in flight; its answer is in the list at the end."""
    arguments = serve_arguments(slow_model(tmp_path), "--trust", "pickle", "--drain-seconds", 20)
    arguments += more
    answers: list[httpx.Response] = []

    def ask(url: str) -> None:
        answers.append(httpx.post(url + INFER, json=taking(seconds), timeout=60))

    with started(tmp_path / "log", *arguments) as runtime:
        runtime.wait_listening()
        runtime.wait_event("ready")
        thread = threading.Thread(target=ask, args=(runtime.url,))
        thread.start()
        gauge = 'lockstep_inference_inflight{revision="wine-1a2b3c4d"} 1.0'
        wait_for("a request in flight", lambda: gauge in runtime.get("/metrics").text)
        yield runtime, answers
        assert runtime.wait_end(timeout=30) == 0
        thread.join()
    assert "Traceback" not in runtime.output


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server unpickles a class of ours."""
    monkeypatch.setenv("PYTHONPATH", str(Path(estimators.__file__).parents[1]))


def test_a_second_signal_hurries_but_finishes_what_is_in_flight(tmp_path: Path) -> None:
    with with_a_slow_request(tmp_path, seconds=2) as (runtime, answers):
        runtime.signal()
        runtime.wait_event("draining")
        runtime.signal()
        runtime.wait_event("stopping")
    assert [answer.status_code for answer in answers] == [200]


def test_one_more_signal_drops_what_is_in_flight(tmp_path: Path) -> None:
    with with_a_slow_request(tmp_path, seconds=60) as (runtime, answers):
        runtime.signal(signal.SIGINT)
        runtime.wait_event("stopping")
        runtime.signal(signal.SIGINT)
        runtime.wait_event("leaving now")
    assert [answer.status_code for answer in answers] == [503]
    assert answers[0].json() == {"error": "the server is shutting down"}


def test_ctrl_c_stops_an_idle_server_at_once(served: Callable[..., Runtime]) -> None:
    runtime = served("--drain-seconds", 20)
    with httpx.Client(base_url=runtime.url) as idle:
        idle.get("/v2")
        start = time.monotonic()
        runtime.signal(signal.SIGINT)
        assert runtime.wait_end() == 0
        assert time.monotonic() - start < 2


def test_a_connection_opened_last_still_has_its_request(served: Callable[..., Runtime]) -> None:
    """Connect before the listener closes, send after it: the request is answered."""
    runtime = served("--drain-seconds", 1)
    port = int(runtime.url.rpartition(":")[2])
    runtime.signal()
    runtime.wait_event("draining")
    connections: list[socket.socket] = []
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            connections = [*connections[-1:], socket.create_connection(("127.0.0.1", port))]
        except ConnectionRefusedError:
            break
        time.sleep(0.02)
    last = connections[-1]
    last.settimeout(10)
    last.sendall(b"GET /v2 HTTP/1.1\r\nhost: x\r\n\r\n")
    assert last.recv(4096).startswith(b"HTTP/1.1 200 ")
    for connection in connections:
        connection.close()
    assert runtime.wait_end() == 0


def test_the_grace_period_ends_what_takes_too_long(tmp_path: Path) -> None:
    more = ("--drain-seconds", 0, "--grace-seconds", 1)
    with with_a_slow_request(tmp_path, seconds=60, more=more) as (runtime, answers):
        start = time.monotonic()
        runtime.signal(signal.SIGINT)
        assert runtime.wait_end(timeout=30) == 0
        assert time.monotonic() - start < 5
    assert [answer.status_code for answer in answers] == [503]
