"""Serving one model: listen, load behind the listener, serve, leave."""

import asyncio
import gc
import logging
import os
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import uvloop

from lockstep_runtime.app import App
from lockstep_runtime.authentication import BearerTokens
from lockstep_runtime.errors import (
    ListenFailure,
    LoadFailure,
    RequestError,
    RuntimeFailure,
    first_line,
)
from lockstep_runtime.inference.engine import InferenceEngine, QueueLimits
from lockstep_runtime.inference.statistics import QueueStatistics
from lockstep_runtime.inference.warmup import CallCost, warm_up
from lockstep_runtime.listener import listen
from lockstep_runtime.loaders import loader_for
from lockstep_runtime.metrics import Metrics
from lockstep_runtime.model import Model
from lockstep_runtime.routes.call import InferLimits
from lockstep_runtime.routes.telemetry import TelemetryPages
from lockstep_runtime.schema.declaration import read_schema
from lockstep_runtime.schema.enforcement import SchemaCheck
from lockstep_runtime.server import Companion, DrainingServer, LeavingTimes, SideServer
from lockstep_runtime.settings import ServeSettings
from lockstep_runtime.state import ServingState
from lockstep_runtime.storage.golden import read_golden
from lockstep_runtime.storage.manifest import CONTENT, Manifest, verify
from lockstep_runtime.telemetry.recorder import Recorder
from lockstep_runtime.tracing import Tracing, wanted

_log = logging.getLogger(__name__)


def serve(settings: ServeSettings) -> None:
    """Serve until a signal says to leave.

    Raises:
        RuntimeFailure: it cannot listen, or the model cannot be loaded.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))


async def _serve(settings: ServeSettings) -> None:
    socket = listen(settings.host, settings.port)
    host, port = socket.getsockname()[:2]
    state = ServingState(settings.name, settings.revision)
    recorder = Recorder(settings.revision)
    queue = QueueStatistics()
    metrics = Metrics(recorder, queue)
    metrics.model_name = settings.name
    if settings.schema is not None:
        state.schema = metrics.schema = SchemaCheck(read_schema(settings.schema))
    limits = InferLimits(settings.max_request_bytes, settings.request_timeout)
    tokens = BearerTokens(settings.tokens) if settings.tokens else None
    app = App(
        state,
        recorder,
        limits,
        access_log=settings.access_log,
        # The router forwards the inference port to anybody.
        metrics=None if settings.telemetry_port else metrics,
        tokens=tokens,
    )
    tracing = Tracing(state) if wanted() else None
    times = LeavingTimes(settings.drain_seconds, settings.grace_seconds)
    server = DrainingServer(
        tracing.traced(app) if tracing else app,
        state,
        times=times,
        limits=settings.connections,
        tls=settings.tls,
        fast_path=None if tracing else app.fast_path,  # the application makes the spans
    )
    # One thread, for one call of the model at a time.
    executor = ThreadPoolExecutor(1, thread_name_prefix="model")
    async with _telemetry(settings, TelemetryPages(state, recorder, metrics), server):
        server.companion = await _grpc(settings, state, recorder, limits, tokens)
        fields = {
            "host": host,
            "port": port,
            "telemetry_port": settings.telemetry_port,
            "grpc_port": settings.grpc_port,
        }
        _log.info("listening", extra={"fields": fields})
        loading = asyncio.create_task(_load(settings, state, metrics, queue, executor))
        loading.add_done_callback(lambda task: _stop_if_failed(task, server))
        try:
            await server.serve(sockets=[socket])
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
            if tracing:
                await asyncio.to_thread(tracing.close)
    if loading.done():
        loading.result()
    _log.info("stopped")


@asynccontextmanager
async def _telemetry(
    settings: ServeSettings, pages: TelemetryPages, server: DrainingServer
) -> AsyncIterator[None]:
    """Serve the pages on the second port, longer than the requests that they tell of."""
    if settings.telemetry_port is None:
        yield
        return
    socket = listen(settings.host, settings.telemetry_port)
    side = SideServer(pages, settings.revision)
    serving = asyncio.create_task(side.serve(sockets=[socket]))
    serving.add_done_callback(lambda task: _stop_if_failed(task, server))
    try:
        yield
    finally:
        side.stop()
        await serving


async def _grpc(
    settings: ServeSettings,
    state: ServingState,
    recorder: Recorder,
    limits: InferLimits,
    tokens: BearerTokens | None,
) -> Companion | None:
    """Serve gRPC too, if it has a port.

    Raises:
        ListenFailure: it cannot listen, or this image lacks the packages.
    """
    if settings.grpc_port is None:
        return None
    # gRPC's core writes to stderr, in a form of its own, what Python tells of too.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        from lockstep_runtime.grpc_service.server import GrpcServer  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ListenFailure(
            f"--grpc-port: Python package {error.name!r} is missing, "
            "it comes with lockstep-serving[grpc]"
        ) from error
    server = GrpcServer(
        state,
        recorder,
        limits,
        access_log=settings.access_log,
        # gRPC itself adds up to a tenth.
        connection_seconds=0.8 * settings.drain_seconds or None,
        tokens=tokens,
        tls=settings.tls,
    )
    await server.start(settings.host, settings.grpc_port)
    return server


def _stop_if_failed(task: asyncio.Task[None], server: DrainingServer) -> None:
    if not task.cancelled() and task.exception() is not None:
        server.stop()


async def _load(
    settings: ServeSettings,
    state: ServingState,
    metrics: Metrics,
    queue: QueueStatistics,
    executor: ThreadPoolExecutor,
) -> None:
    start = time.perf_counter()
    loop = asyncio.get_running_loop()
    manifest, model, cost = await loop.run_in_executor(executor, _loaded, settings)
    limits = QueueLimits(settings.max_batch_rows, settings.max_batch_delay, settings.max_queue)
    engine = InferenceEngine(model, executor, cost=cost, limits=limits, statistics=queue)
    took = time.perf_counter() - start
    metrics.model_loaded(took, model=state.name, digest=manifest.digest, format=settings.format)
    gc.freeze()  # what is loaded stays: the collector need not walk through it again and again
    gc.enable()
    state.golden = read_golden(settings.model_dir)
    if state.golden.problem:
        _log.warning("no golden requests", extra={"fields": {"reason": state.golden.problem}})
    state.loaded(engine)
    fields = {
        "model": state.name,
        "revision": state.revision,
        "digest": manifest.digest,
        "load_seconds": round(took, 3),
        "call_seconds": cost and round(cost.base, 6),
        "row_seconds": cost and round(cost.per_row, 9),
        "inline": engine.inline,
    }
    _log.info("ready", extra={"fields": fields})


def _loaded(settings: ServeSettings) -> tuple[Manifest, Model, CallCost | None]:
    """Verify, load and warm up the model, in the model's thread."""
    manifest = verify(settings.model_dir)
    loader = loader_for(settings.format)
    try:
        model = loader.load(settings.model_dir / CONTENT, trust_pickle=settings.trust_pickle)
        return manifest, model, warm_up(model)
    except RuntimeFailure:
        raise
    except MemoryError as error:
        raise LoadFailure("not enough memory to load the model") from error
    except (Exception, RequestError) as error:
        raise LoadFailure(
            f"the model cannot be loaded: {type(error).__name__}: {first_line(error)}"
        ) from error
