"""The ASGI application: what every answer carries, then inference or FastAPI."""

import logging
import time
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from lockstep_runtime.errors import RequestError
from lockstep_runtime.metrics import Metrics
from lockstep_runtime.routes.asgi import (
    Application,
    Message,
    Receive,
    Scope,
    Send,
    header,
    identifier,
)
from lockstep_runtime.routes.exposition import metrics_router
from lockstep_runtime.routes.health import health_router
from lockstep_runtime.routes.infer import InferRoute
from lockstep_runtime.routes.metadata import metadata_router
from lockstep_runtime.routes.openapi import describe_inference
from lockstep_runtime.state import ServingState
from lockstep_runtime.telemetry.recorder import Recorder
from lockstep_runtime.version import version

_access = logging.getLogger("lockstep_runtime.access")


class App:
    """Adds the revision and the request id to every answer, and closes connections in a drain."""

    def __init__(
        self,
        state: ServingState,
        recorder: Recorder,
        max_request_bytes: int,
        *,
        access_log: bool,
        metrics: Metrics | None = None,
    ) -> None:
        """Offer `/metrics` too if `metrics` is given."""
        self._state = state
        self._revision = (b"x-lockstep-revision", state.revision.encode())
        self._infer = InferRoute(state, recorder, max_request_bytes)
        self._pages = pages(state, metrics)
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        inner: Application = self._infer if self._infer.matches(scope["path"]) else self._pages
        if self._access_log:
            inner = _logged(inner)
        request_id = identifier(scope, b"x-request-id")

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), self._revision]
                if request_id is not None:
                    headers.append((b"x-request-id", request_id))
                if self._state.draining:
                    headers.append((b"connection", b"close"))
                message["headers"] = headers
            await send(message)

        await inner(scope, receive, stamped)


def pages(state: ServingState, metrics: Metrics | None) -> FastAPI:
    """Build the FastAPI application: health, metadata, documentation, and metrics if given."""
    app = FastAPI(
        title="Lockstep runtime",
        version=version(),
        redirect_slashes=False,
        redoc_url=None,
        exception_handlers={
            RequestError: _request_error,
            HTTPException: _http_error,
            Exception: _own_fault,
        },
    )
    app.include_router(health_router(state))
    app.include_router(metadata_router(state))
    if metrics is not None:
        app.include_router(metrics_router(metrics))
    describe_inference(app)
    return app


async def _request_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestError)  # noqa: S101 - what it is registered for
    headers = {name.decode(): value.decode() for name, value in error.headers}
    return JSONResponse({"error": str(error)}, status_code=error.status, headers=headers)


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    what = f"{request.method} {request.url.path}"
    message = f"{what}: no such path" if error.status_code == 404 else f"{what}: {error.detail}"
    return JSONResponse({"error": message}, status_code=error.status_code, headers=error.headers)


async def _own_fault(_: Request, __: Exception) -> JSONResponse:
    return JSONResponse({"error": "the server failed to answer this request"}, status_code=500)


def _logged(inner: Application) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """Log a line per request: never the body, never the query."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        start, status = time.perf_counter(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        await inner(scope, receive, noting)
        fields = {
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "ms": round((time.perf_counter() - start) * 1000, 3),
            "request_id": (header(scope, b"x-request-id") or b"").decode("latin-1"),
        }
        _access.info("request", extra={"fields": fields})

    return application
