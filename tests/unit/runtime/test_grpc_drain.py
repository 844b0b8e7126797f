"""gRPC in a real process: its port, and leaving without a lost request."""

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import aio

from lockstep_runtime.grpc_service.messages import Inference
from lockstep_runtime.grpc_service.server import GrpcServer
from lockstep_runtime.inference.engine import InferenceEngine
from lockstep_runtime.inference.warmup import MEASURED_ROWS
from lockstep_runtime.routes.call import InferLimits
from lockstep_runtime.state import Phase, ServingState
from lockstep_runtime.storage.fetch import FetchRequest, fetch
from lockstep_runtime.telemetry.recorder import Recorder
from runtime import estimators
from runtime.conftest import MAX_BYTES, NAME, REVISION
from runtime.process import Runtime, run, serve_arguments, started, wait_for
from runtime.test_telemetry import free_port

INFER = "/inference.GRPCInferenceService/ModelInfer"


def request(rows: int = 1, columns: int = 13) -> bytes:
    contents = {"fp64_contents": [1.0] * rows * columns}
    tensor = {"name": "x", "datatype": "FP64", "shape": [rows, columns], "contents": contents}
    message = Inference.ModelInferRequest(model_name=NAME, inputs=[tensor])
    serialised: bytes = message.SerializeToString()
    return serialised


@dataclass
class Service:
    """Leads new connections to the first address, as a Service does to pods that are ready."""

    targets: list[int]
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.targets[0])
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.ensure_future(self._copy(source, sink))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(1 << 16):
                sink.write(data)
            sink.close()


@pytest.fixture
async def service() -> AsyncIterator[tuple[Service, int]]:
    service = Service([])
    server = await asyncio.start_server(service.accept, "127.0.0.1", 0)
    async with server:
        yield service, server.sockets[0].getsockname()[1]
        for task in service.tasks:
            task.cancel()


async def test_clients_behind_a_service_lose_nothing(
    service: tuple[Service, int], wine_engine: InferenceEngine
) -> None:
    relay, port = service
    states, servers, recorders = [], [], []
    for _ in range(2):
        states.append(ServingState(NAME, REVISION))
        states[-1].loaded(wine_engine)
        recorders.append(Recorder(REVISION))
        servers.append(
            GrpcServer(
                states[-1],
                recorders[-1],
                InferLimits(MAX_BYTES),
                access_log=False,
                connection_seconds=0.5,
            )
        )
        relay.targets.append(await servers[-1].start("127.0.0.1", 0))
    leave = asyncio.Event()

    async def client() -> int:
        answered = 0
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
            call = channel.unary_unary(INFER)
            while not leave.is_set():
                await call(request())
                answered += 1
        return answered

    clients = [asyncio.ensure_future(client()) for _ in range(8)]
    await asyncio.sleep(0.2)
    states[0].phase = Phase.DRAINING
    del relay.targets[0]
    await asyncio.sleep(0.7)
    assert recorders[0].requests["direct", 200] > 0
    await servers[0].stop(5)
    await asyncio.sleep(0.2)
    leave.set()
    answered = sum(await asyncio.gather(*clients))
    assert answered == sum(recorder.requests["direct", 200] for recorder in recorders)
    assert recorders[1].requests["direct", 200] > 0
    await servers[1].stop(0)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server unpickles a class of ours."""
    monkeypatch.setenv("PYTHONPATH", str(Path(estimators.__file__).parents[1]))


@pytest.fixture(scope="module")
def sleeper_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("sleeper") / "sleeper.joblib"
    target = tmp_path_factory.mktemp("model")
    fetch(FetchRequest(estimators.save_joblib(estimators.Sleeper(), source).as_uri(), target))
    return target


@contextlib.asynccontextmanager
async def sleeping(model_dir: Path, log: Path, *more: object) -> AsyncIterator[tuple[Runtime, Any]]:
    """Start a process, and a request that takes a second in it."""
    port = free_port()
    arguments = serve_arguments(model_dir, "--trust", "pickle", "--grpc-port", port, *more)
    with started(log, *arguments) as runtime:
        runtime.wait_event("ready")
        assert runtime.wait_event("listening")["grpc_port"] == port
        async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = channel.unary_unary(
                INFER, response_deserializer=Inference.ModelInferResponse.FromString
            )
            # So many rows are not computed on the event loop.
            waiting = asyncio.ensure_future(call(request(MEASURED_ROWS + 1, 1)))
            gauge = f'lockstep_inference_inflight{{revision="{REVISION}"}} 1.0'
            runtime.wait_listening()
            await asyncio.to_thread(
                wait_for, "a request in flight", lambda: gauge in runtime.get("/metrics").text
            )
            yield runtime, waiting


async def test_what_is_in_flight_is_answered(sleeper_dir: Path, tmp_path: Path) -> None:
    async with sleeping(sleeper_dir, tmp_path / "log", "--drain-seconds", 0.1) as (
        runtime,
        waiting,
    ):
        runtime.signal()
        answer = await waiting
        assert answer.outputs[0].contents.fp64_contents[0] == 1.0
        assert await asyncio.to_thread(runtime.wait_end) == 0
        assert "Traceback" not in runtime.output


async def test_a_second_signal_drops_what_is_in_flight(sleeper_dir: Path, tmp_path: Path) -> None:
    async with sleeping(sleeper_dir, tmp_path / "log") as (runtime, waiting):
        runtime.signal(signal.SIGINT)
        await asyncio.to_thread(runtime.wait_event, "stopping")
        await asyncio.sleep(0.2)
        runtime.signal(signal.SIGINT)
        with pytest.raises(aio.AioRpcError) as caught:
            await waiting
        assert caught.value.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)
        assert await asyncio.to_thread(runtime.wait_end) == 0


def test_a_port_that_is_taken(wine_dir: Path, running: Runtime) -> None:
    port = running.url.rpartition(":")[2]
    arguments = serve_arguments(wine_dir, "--port", 0, "--grpc-port", port)
    ended = run(*arguments)
    assert ended.returncode == 1
    assert ended.stderr == f"lockstep-runtime: cannot listen on 127.0.0.1:{port} for gRPC\n"


def test_without_the_packages(wine_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['grpc'] = None\n")
    arguments = serve_arguments(wine_dir, "--port", 0, "--grpc-port", free_port())
    ended = run(*arguments, environment={"PYTHONPATH": str(tmp_path)})
    assert ended.returncode == 1
    assert "lockstep-runtime: --grpc-port: Python package 'grpc' is missing" in ended.stderr
    assert "lockstep-serving[grpc]" in ended.stderr


def test_nothing_of_it_is_imported_without_its_port() -> None:
    code = "import sys, lockstep_runtime.serve; print('grpc' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"
