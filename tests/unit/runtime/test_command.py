"""The command as a user or a kubelet runs it: exit status, one-line reasons, last words."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from runtime import estimators
from runtime.process import Runtime, run, serve_arguments, started

ROW = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [1, 13], "data": [1.0] * 13}]}


def test_fetch_reports_the_digest(wine_file: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    done = run(
        "fetch", "--model-uri", wine_file.as_uri(), "--into", tmp_path / "m",
        "--observed-dir", tmp_path / "observed", "--termination-log", log,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    [line] = log.read_text().splitlines()
    assert json.loads(line).keys() == {"digest"}
    assert json.loads(done.stdout) == json.loads(line)


def test_fetch_imports_nothing_heavy(wine_file: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from lockstep_runtime.__main__ import run; "
        f"assert run(['fetch', '--model-uri', {wine_file.as_uri()!r}, '--into', 'm']) == 0; "
        "heavy = {'numpy', 'sklearn', 'fastapi', 'uvicorn', 'httpx', 'orjson'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--model-uri"),
        (["fetch"], "--model-uri, --into"),
        (["serve", "--bogus"], "--model-dir"),
        (["train"], "unknown command 'train'"),
        (["fetch", "--model-uri", "file:///m", "--into", "m", "--sha256", "xyz"], "64 hex digits"),
        (["--model-uri", "file:///m", "--format", "torch"], "'torch'"),
        (["--model-uri", "file:///m", "--format", "sklearn", "--port", "x"], "no port"),
        (["--model-uri", "file:///m", "--format", "sklearn", "--port", "65536"], "no port"),
        (["--model-uri", "file:///m", "--format", "sklearn", "--name", "a\nb"], "no name"),
        (["--model-uri", "file:///m", "--format", "sklearn", "--trust", "all"], "'all'"),
        (["--model-uri", "file:///m", "--format", "sklearn", "--threads", "0"], "at least 1"),
        (
            ["--model-uri", "file:///m", "--format", "sklearn", "--drain-seconds", "nan"],
            "number of seconds",
        ),
        (
            ["--model-uri", "file:///m", "--format", "sklearn", "--drain-seconds", "30"],
            "--drain-seconds 30 must be below --grace-seconds 30",
        ),
    ],
)
def test_a_bad_flag_is_status_2_and_one_line(arguments: list[str], words: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert words in done.stderr
    assert "--help" in done.stderr


def test_a_bad_variable_is_a_bad_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKSTEP_THREADS", "many")
    done = run("--model-uri", "file:///m", "--format", "sklearn")
    assert done.returncode == 2
    assert "--threads" in done.stderr


def test_variables_that_kubernetes_injects_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKSTEP_PORT", "tcp://10.0.0.1:80")
    assert run("--model-uri", "file:///no", "--format", "sklearn").returncode == 1


@pytest.mark.parametrize("arguments", [["--help"], ["fetch", "--help"], ["serve", "--help"]])
def test_help(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 0
    assert "--log-level" in done.stdout


def test_version() -> None:
    assert run("--version").stdout.startswith("lockstep-runtime 0.")


def one_reason(tmp_path: Path, *arguments: object) -> str:
    """Run to a failure; return its reason, which must be the same in both places."""
    log = tmp_path / "termination-log"
    done = run(*arguments, "--termination-log", log)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    reason = log.read_text()
    assert "\n" not in reason
    assert done.stderr.splitlines()[-1] == f"lockstep-runtime: {reason}"
    return reason


@pytest.mark.parametrize(
    ("uri", "more", "words"),
    [
        ("{file}", ["--sha256", "0" * 64], "digest mismatch"),
        ("{file}x", [], "no such file or directory"),
        ("http://127.0.0.1:9/m.skops", [], "cannot fetch http://127.0.0.1:9/m.skops"),
        ("ftp://bucket/m.skops", [], "'ftp' is not supported"),
        ("pvc://claim/m.skops", [], "--pvc-root"),
        ("{file}", ["--max-model-bytes", "10"], "larger than the limit of 10 bytes"),
    ],
)
def test_fetch_failures(
    wine_file: Path, tmp_path: Path, uri: str, more: list[str], words: str
) -> None:
    uri = uri.format(file=wine_file.as_uri())
    assert words in one_reason(
        tmp_path, "fetch", "--model-uri", uri, "--into", tmp_path / "m", *more
    )


def test_a_directory_that_cannot_be_written(wine_file: Path, tmp_path: Path) -> None:
    (tmp_path / "m").write_text("a file is in the way")
    into = tmp_path / "m" / "model"
    arguments = ("fetch", "--model-uri", wine_file.as_uri(), "--into", into)
    assert "cannot write to" in one_reason(tmp_path, *arguments)


@pytest.mark.parametrize("problem", ["untrusted", "damaged", "changed", "empty", "format"])
def test_load_failures(tmp_path: Path, problem: str) -> None:
    source = tmp_path / "model.skops"
    if problem == "untrusted":
        source = estimators.save_joblib(estimators.diabetes(), tmp_path / "model.joblib")
    elif problem == "damaged":
        source.write_bytes(b"not a zip")
    elif problem == "format":
        source = source.with_suffix(".onnx")
        source.write_bytes(b"onnx")
    else:
        estimators.save_skops(estimators.diabetes(), source)
    if problem != "empty":
        run("fetch", "--model-uri", source.as_uri(), "--into", tmp_path / "m")
    if problem == "changed":
        (tmp_path / "m" / "content" / "model.skops").write_bytes(b"changed")
    words = {
        "untrusted": "spec.model.trust: pickle",
        "damaged": "no skops file, or a damaged one",
        "changed": "was changed after it was fetched",
        "empty": "manifest.json is missing",
        "format": "expected .skops",
    }
    reason = one_reason(tmp_path, *serve_arguments(tmp_path / "m", "--port", "0"))
    assert words[problem] in reason


def test_a_taken_port(wine_dir: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        reason = one_reason(tmp_path, *serve_arguments(wine_dir, "--port", port))
    assert f"cannot listen on 127.0.0.1:{port}" in reason


def test_an_address_that_is_not_ours(wine_dir: Path, tmp_path: Path) -> None:
    arguments = serve_arguments(wine_dir, "--port", 0, "--host", "192.0.2.1")
    assert "cannot listen on 192.0.2.1:0" in one_reason(tmp_path, *arguments)


def test_a_log_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    log = tmp_path / "no" / "log"
    done = run("fetch", "--model-uri", "file:///no", "--into", "m", "--termination-log", log)
    assert done.returncode == 1
    assert f"cannot write {log}" in done.stderr


@pytest.mark.parametrize("by_path", [True, False])
def test_on_a_laptop(wine_file: Path, tmp_path: Path, by_path: bool) -> None:
    uri = wine_file if by_path else wine_file.as_uri()
    with started(tmp_path / "log", "--model-uri", uri, "--format", "sklearn") as runtime:
        runtime.wait_listening()
        assert runtime.get("/v2/health/live").status_code == 200  # also while loading
        ready = runtime.wait_event("ready")
        assert ready["model"] == "wine"
        assert ready["revision"] == "wine-" + ready["digest"].removeprefix("sha256:")[:8]
        answer = httpx.post(f"{runtime.url}/v2/models/wine/infer", json=ROW)
        assert answer.status_code == 200
        assert answer.headers["x-lockstep-revision"] == ready["revision"]
        assert runtime.get("/docs").status_code == 200
        with httpx.Client(base_url=runtime.url) as idle:
            idle.get("/v2")
            runtime.signal(signal.SIGINT)
            assert runtime.wait_end(timeout=3) == 0
    assert "Traceback" not in runtime.output


def test_a_signal_while_loading_ends_at_once(wine_dir: Path, tmp_path: Path) -> None:
    with started(tmp_path / "log", *serve_arguments(wine_dir)) as runtime:
        runtime.wait_listening()
        assert runtime.get("/v2/health/ready").status_code == 503
        runtime.signal(signal.SIGTERM)
        assert runtime.wait_end(timeout=5) == 0
    assert not runtime.events("ready")


def test_what_is_no_http_gets_our_error(running: Runtime) -> None:
    port = int(running.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(b"NONSENSE\r\n\r\n")
        answer = b""
        while chunk := raw.recv(4096):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"x-lockstep-revision: wine-1a2b3c4d" in head
    assert json.loads(body).keys() == {"error"}


def test_a_large_body_is_refused_on_a_connection_that_lives_on(running: Runtime) -> None:
    with httpx.Client(base_url=running.url) as client:
        for _ in range(2):
            answer = client.post("/v2/models/wine/infer", content=b" " * 3_000_000)
            assert answer.status_code == 413
        assert client.post("/v2/models/wine/infer", json=ROW).status_code == 200


def test_the_numeric_libraries_get_no_threads(running: Runtime) -> None:
    # The event loop's and the model's: no pool of a numeric library.
    assert len(list(Path(f"/proc/{running.process.pid}/task").iterdir())) <= 2
