"""A model in memory behind the ASGI app, and one on disk for processes."""

from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from lockstep_runtime.app import App
from lockstep_runtime.inference.engine import InferenceEngine
from lockstep_runtime.inference.warmup import warm_up
from lockstep_runtime.loaders.estimator import EstimatorModel
from lockstep_runtime.metrics import Metrics
from lockstep_runtime.routes.call import InferLimits
from lockstep_runtime.state import ServingState
from lockstep_runtime.storage.fetch import FetchRequest, fetch
from lockstep_runtime.telemetry.recorder import Recorder
from runtime import estimators
from runtime.echo import Echo
from runtime.process import Runtime, serve_arguments, started
from runtime.wire import WireTransport

NAME, REVISION = "wine", "wine-1a2b3c4d"
MAX_BYTES = 200_000


@pytest.fixture(scope="session")
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.fixture(scope="session")
def make_engine(executor: ThreadPoolExecutor) -> Callable[[Any], InferenceEngine]:
    def make(estimator: Any) -> InferenceEngine:
        model = EstimatorModel(estimator)
        return InferenceEngine(model, executor, cost=warm_up(model))

    return make


@pytest.fixture(scope="session")
def wine_engine(make_engine: Callable[[Any], InferenceEngine]) -> InferenceEngine:
    return make_engine(estimators.wine())


@pytest.fixture
def state(wine_engine: InferenceEngine) -> ServingState:
    state = ServingState(NAME, REVISION)
    state.loaded(wine_engine)
    return state


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(REVISION)


@pytest.fixture
def metrics(recorder: Recorder) -> Metrics:
    return Metrics(recorder)


@pytest.fixture(params=[True, False], ids=["fast", "asgi"])
async def client(
    state: ServingState, recorder: Recorder, metrics: Metrics, request: pytest.FixtureRequest
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server with the fast path, and of one without."""
    app = App(state, recorder, InferLimits(MAX_BYTES), access_log=False, metrics=metrics)
    transport = WireTransport(app, state, fast_path=request.param)
    async with httpx.AsyncClient(transport=transport, base_url="http://runtime") as client:
        yield client


@pytest.fixture(scope="session")
def wine_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return estimators.save_skops(
        estimators.wine(), tmp_path_factory.mktemp("source") / "wine.skops"
    )


@pytest.fixture(scope="session")
def wine_dir(wine_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model directory as `fetch` leaves it."""
    target = tmp_path_factory.mktemp("model")
    fetch(FetchRequest(wine_file.as_uri(), target))
    return target


@pytest.fixture(scope="session")
def running(wine_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """One server of the wine model for tests that leave it as it is."""
    log = tmp_path_factory.mktemp("running") / "runtime.log"
    with started(log, *serve_arguments(wine_dir, "--max-request-bytes", 1000)) as runtime:
        runtime.wait_event("ready")
        runtime.wait_listening()
        yield runtime


@pytest.fixture
def served(wine_dir: Path, tmp_path: Path) -> Iterator[Callable[..., Runtime]]:
    """Start servers of the wine model; they end with the test."""
    with ExitStack() as stack:

        def start(*more: object) -> Runtime:
            log = tmp_path / f"runtime-{len(list(tmp_path.iterdir()))}.log"
            runtime = stack.enter_context(started(log, *serve_arguments(wine_dir, *more)))
            runtime.wait_event("ready")
            runtime.wait_listening()
            return runtime

        yield start


@pytest.fixture
async def serve_grpc(recorder: Recorder) -> AsyncIterator[Callable[[ServingState], Any]]:
    """Serve a state over gRPC; gives a client. All ends with the test."""
    from lockstep_runtime.grpc_service.server import GrpcServer
    from runtime.grpc_client import Client

    opened: list[tuple[Client, GrpcServer]] = []

    async def start(state: ServingState) -> Client:
        server = GrpcServer(state, recorder, InferLimits(MAX_BYTES), access_log=False)
        client = Client(await server.start("127.0.0.1", 0))
        opened.append((client, server))
        return client

    yield start
    for client, server in opened:
        await client.channel.close()
        await server.stop(0)


@pytest.fixture
async def wine_grpc(serve_grpc: Callable[[ServingState], Any], state: ServingState) -> Any:
    return await serve_grpc(state)


@pytest.fixture
async def echo_grpc(serve_grpc: Callable[[ServingState], Any], executor: ThreadPoolExecutor) -> Any:
    """A client of a model that gives back what it is given."""
    state = ServingState(NAME, REVISION)
    state.loaded(InferenceEngine(Echo(), executor, cost=None))
    return await serve_grpc(state)
