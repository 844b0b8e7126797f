"""The telemetry port of a real server: what the operator reads there, and nobody else does."""

import http.client
import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from lockstep_runtime.inference.warmup import MEASURED_ROWS
from lockstep_runtime.storage.fetch import FetchRequest, fetch
from runtime import estimators
from runtime.process import Runtime, run, serve_arguments, started, wait_for

INFER = "/v2/models/wine/infer"
GOLDEN = {"tolerance": 1e-6, "requests": []}
SECRET = 4242.4242


def body(rows: int = 1, value: float = 1.0) -> dict[str, Any]:
    data = [value] * 13 * rows
    return {"inputs": [{"name": "x", "datatype": "FP64", "shape": [rows, 13], "data": data}]}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class Observed:
    """A server with a telemetry port, seen from both sides."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        event = runtime.wait_event("listening")
        self.telemetry_url = f"http://{event['host']}:{event['telemetry_port']}"

    def infer(
        self, assignment: str | None = None, identity: str | None = None, **request: Any
    ) -> httpx.Response:
        headers = {"x-lockstep-assignment": assignment, "x-lockstep-request-id": identity}
        given = {name: value for name, value in headers.items() if value is not None}
        return httpx.post(self.runtime.url + INFER, json=body(**request), headers=given)

    def look(self, path: str) -> httpx.Response:
        return httpx.get(self.telemetry_url + path)

    def telemetry(self, after: int | None = None) -> dict[str, Any]:
        answer = self.look("/telemetry" if after is None else f"/telemetry?after={after}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@contextmanager
def observed(model_dir: Path, log: Path, *more: object) -> Iterator[Observed]:
    arguments = serve_arguments(model_dir, "--telemetry-port", free_port(), *more)
    with started(log, *arguments) as runtime:
        runtime.wait_event("ready")
        runtime.wait_listening()
        yield Observed(runtime)


@pytest.fixture(scope="module")
def model_dir(wine_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with golden requests beside it."""
    source = tmp_path_factory.mktemp("golden")
    (source / "wine.skops").write_bytes(wine_file.read_bytes())
    (source / "golden.json").write_text(json.dumps(GOLDEN))
    target = tmp_path_factory.mktemp("observed")
    fetch(FetchRequest((source / "wine.skops").as_uri(), target))
    return target


@pytest.fixture
def server(model_dir: Path, tmp_path: Path) -> Iterator[Observed]:
    with observed(model_dir, tmp_path / "log") as server:
        yield server


@pytest.fixture(scope="module")
def shared(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """For tests that do not count."""
    log = tmp_path_factory.mktemp("shared") / "log"
    with observed(model_dir, log, "--max-request-bytes", 100_000) as server:
        yield server


def test_what_is_counted(server: Observed) -> None:
    for _ in range(3):
        assert server.infer("split").status_code == 200
    server.infer("mirror", rows=40)
    server.infer("match")
    server.infer("nonsense")
    server.infer()
    assert httpx.post(server.runtime.url + INFER, json={}).status_code == 400
    found = server.telemetry()
    assert found["revision"] == "wine-1a2b3c4d"
    requests = {"split": 3, "mirror": 1, "match": 1, "direct": 2}
    for assignment, count in requests.items():
        latency = found["latency"][assignment]
        assert sum(latency["counts"]) == count
        assert len(latency["bounds"]) == len(latency["counts"])
        assert latency["bounds"][-1] is None
        assert latency["bounds"][:-1] == sorted(latency["bounds"][:-1])
    assert found["latency"].keys() == requests.keys() == found["outputs"].keys()
    outputs = found["outputs"]["split"]
    assert outputs["predict"] == {"numeric": False, "bins": {"1": 3}}
    assert outputs.keys() == {"predict", *(f"predict_proba[{column}]" for column in range(3))}
    assert outputs["predict_proba[1]"]["numeric"]
    assert found["outputs"]["mirror"]["predict"]["bins"] == {"1": 1}  # an answer, of 40 rows
    text = server.look("/metrics").text
    labels = 'assignment="{}",code="{}",revision="wine-1a2b3c4d"'
    for pair, count in {("split", 200): 3, ("direct", 200): 2, ("direct", 400): 1}.items():
        line = f"lockstep_inference_requests_total{{{labels.format(*pair)}}} {count}.0"
        assert line in text.splitlines()
    assert 'assignment="mirror",bin="1",output="predict",revision="wine-1a2b3c4d"} 40.0' in text


def test_recent_answers(server: Observed) -> None:
    start = server.telemetry()["answers"]
    assert start == {"cursor": 0, "items": []}
    for number, assignment in enumerate(("split", "mirror", "match", "direct", "split")):
        server.infer(assignment, f"id-{number}")
    server.infer("split")  # without an id
    server.infer("split", "x" * 201)  # no usable one
    assert httpx.post(server.runtime.url + INFER, json={}).status_code == 400
    answers = server.telemetry(0)["answers"]
    found = [(item["id"], item["assignment"]) for item in answers["items"]]
    assert found == [("id-0", "split"), ("id-1", "mirror"), ("id-2", "match"), ("id-4", "split")]
    assert len({item["digest"] for item in answers["items"]}) == 1
    assert answers["items"][0]["outputs"]["predict"] == [1]
    assert len(answers["items"][0]["outputs"]["predict_proba"]) == 3
    server.infer("mirror", "later", rows=500)
    later = server.telemetry(answers["cursor"])["answers"]
    [item] = later["items"]
    assert (item["id"], item["outputs"]) == ("later", None)
    assert server.telemetry(later["cursor"])["answers"] == {**later, "items": []}


def test_the_clients_request_id_is_no_pairing_id(server: Observed) -> None:
    headers = {"x-request-id": "mine", "x-lockstep-assignment": "split"}
    answer = httpx.post(server.runtime.url + INFER, json=body(), headers=headers)
    assert answer.headers["x-request-id"] == "mine"
    assert server.telemetry(0)["answers"]["items"] == []


def test_the_pairing_id_is_not_returned(shared: Observed) -> None:
    assert "x-lockstep-request-id" not in shared.infer("split", "id").headers


def test_golden_requests_are_handed_on(shared: Observed) -> None:
    answer = shared.look("/golden")
    assert (answer.status_code, answer.json()) == (200, GOLDEN)
    assert answer.headers["content-type"] == "application/json"


def test_a_model_without_golden_requests(wine_dir: Path, tmp_path: Path) -> None:
    with observed(wine_dir, tmp_path / "log") as server:
        answer = server.look("/golden")
    assert answer.status_code == 404
    assert answer.json() == {"error": "there is no golden.json beside the model"}


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/", 404, "only /metrics, /telemetry, /golden"),
        ("GET", INFER, 404, "no such path"),
        ("GET", "/v2/health/ready", 404, "no such path"),
        ("POST", INFER, 404, "no such path"),
        ("POST", "/telemetry", 405, "use GET"),
        ("DELETE", "/golden", 405, "use GET"),
        ("PUT", "/metrics", 405, "use GET"),
        ("GET", "/telemetry?after=", 400, "'after' must be a cursor"),
        ("GET", "/telemetry?after=-1", 400, "'after' must be a cursor"),
        ("GET", "/telemetry?after=1.5", 400, "'after' must be a cursor"),
        ("GET", "/telemetry?after=" + "9" * 400, 400, "'after' must be a cursor"),
        ("GET", "/telemetry?after=%c2%b2", 400, "'after' must be a cursor"),
    ],
)
def test_mistakes(shared: Observed, method: str, path: str, status: int, words: str) -> None:
    answer = httpx.request(method, shared.telemetry_url + path)
    assert answer.status_code == status
    assert answer.json().keys() == {"error"}
    assert words in answer.json()["error"]
    if status == 405:
        assert answer.headers["allow"] == "GET"


def test_nothing_of_it_is_on_the_inference_port(shared: Observed) -> None:
    for path in ("/metrics", "/telemetry", "/golden"):
        assert shared.runtime.get(path).status_code == 404
    assert "/metrics" not in shared.runtime.get("/openapi.json").json()["paths"]


@pytest.mark.parametrize("more", [(), ("--telemetry-port", 0)])
def test_without_a_telemetry_port_there_is_one_listener(
    served: Callable[..., Runtime], more: tuple[object, ...]
) -> None:
    runtime = served(*more)
    assert "lockstep_inference_inflight" in runtime.get("/metrics").text
    assert runtime.get("/telemetry").status_code == 404
    assert runtime.wait_event("listening")["telemetry_port"] is None


def test_a_loading_server_tells_what_it_knows(wine_dir: Path, tmp_path: Path) -> None:
    port = free_port()
    with started(tmp_path / "log", *serve_arguments(wine_dir, "--telemetry-port", port)) as runtime:
        runtime.wait_listening()
        early = httpx.get(f"http://127.0.0.1:{port}/telemetry").json()
        golden = httpx.get(f"http://127.0.0.1:{port}/golden")
        runtime.wait_event("ready")
    assert (early["latency"], early["outputs"]) == ({}, {})
    assert golden.status_code == 503
    assert "still loading" in golden.json()["error"]


def test_a_restart_is_another_process(model_dir: Path, tmp_path: Path) -> None:
    started_as = set()
    for number in range(2):
        with observed(model_dir, tmp_path / str(number)) as server:
            assert server.telemetry()["started"] == server.telemetry()["started"]
            started_as.add(server.telemetry()["started"])
    assert len(started_as) == 2


def test_a_taken_telemetry_port(wine_dir: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(*serve_arguments(wine_dir, "--port", 0, "--telemetry-port", port))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        f"lockstep-runtime: cannot listen on 127.0.0.1:{port}"
    )


def test_no_payload_is_logged(server: Observed) -> None:
    server.infer("split", "the-id", value=SECRET)
    server.telemetry(0)
    assert str(SECRET) not in server.runtime.output
    assert "the-id" not in server.runtime.output


def test_it_outlives_the_last_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request in flight at the signal is still told of, and the process ends."""
    monkeypatch.setenv("PYTHONPATH", str(Path(estimators.__file__).parents[1]))
    source = estimators.save_joblib(estimators.Sleeper(), tmp_path / "wine.joblib")
    fetch(FetchRequest(source.as_uri(), tmp_path / "m"))
    rows = MEASURED_ROWS + 1  # so that the model's thread has it, and not the event loop
    request = {"name": "x", "datatype": "FP64", "shape": [rows, 1], "data": [2.0] * rows}
    with observed(tmp_path / "m", tmp_path / "log", "--trust", "pickle") as server:
        ask = threading.Thread(
            target=lambda: httpx.post(
                server.runtime.url + INFER, json={"inputs": [request]}, timeout=30
            )
        )
        ask.start()
        gauge = 'lockstep_inference_inflight{revision="wine-1a2b3c4d"} 1.0'
        wait_for("a request in flight", lambda: gauge in server.look("/metrics").text)
        server.runtime.signal(signal.SIGINT)
        server.runtime.wait_event("stopping")
        port = int(server.runtime.url.rpartition(":")[2])

        def refused() -> bool:
            with socket.socket() as probe:
                probe.settimeout(0.2)
                return probe.connect_ex(("127.0.0.1", port)) != 0

        wait_for("the inference port is closed", refused)
        assert gauge in server.look("/metrics").text
        # The operator keeps its connection open, which must not keep the process.
        address = server.telemetry_url.removeprefix("http://")
        operator = http.client.HTTPConnection(address, timeout=10)
        operator.request("GET", "/telemetry")
        operator.getresponse().read()
        ask.join()
        assert server.runtime.wait_end(timeout=10) == 0
        operator.close()
    assert "Traceback" not in server.runtime.output
