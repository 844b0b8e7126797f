"""The ASGI application: what every answer carries, then inference or FastAPI."""

import time

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from lockstep_runtime.access_log import log_access
from lockstep_runtime.authentication import BearerTokens
from lockstep_runtime.errors import RequestError
from lockstep_runtime.metrics import Metrics
from lockstep_runtime.protocol.error import render_error
from lockstep_runtime.routes.answer_headers import AnswerHeaders
from lockstep_runtime.routes.asgi import (
    Application,
    Message,
    Receive,
    Scope,
    Send,
    header,
    send_json,
)
from lockstep_runtime.routes.call import Inference, InferLimits
from lockstep_runtime.routes.exposition import metrics_router
from lockstep_runtime.routes.fast_path import FastPath
from lockstep_runtime.routes.health import health_router
from lockstep_runtime.routes.infer import InferRoute
from lockstep_runtime.routes.metadata import metadata_router
from lockstep_runtime.routes.openapi import describe_api
from lockstep_runtime.routes.stream import StreamRoute
from lockstep_runtime.routes.targets import own_targets, target_of
from lockstep_runtime.routes.v1 import v1_router
from lockstep_runtime.state import ServingState
from lockstep_runtime.telemetry.recorder import Recorder
from lockstep_runtime.version import version

_PROBES = b"/v2/health/"


class App:
    """Sends inference requests one way and all others to FastAPI.

    Attributes:
        fast_path: answers those inference requests that need no ASGI.
    """

    def __init__(
        self,
        state: ServingState,
        recorder: Recorder,
        limits: InferLimits,
        *,
        access_log: bool,
        metrics: Metrics | None = None,
        tokens: BearerTokens | None = None,
    ) -> None:
        """Offer `/metrics` too if `metrics` is given; ask for a token if there are any."""
        self._tokens = tokens
        shared = Inference(state, recorder, limits)
        self._own = own_targets(state.name, state.revision)
        self.fast_path = FastPath(shared, self._own, tokens, access_log=access_log)
        self._infer = InferRoute(shared)
        self._stream = StreamRoute(state, recorder, limits)
        self._headers = AnswerHeaders(state)
        self._pages = _stamped(pages(state, metrics), self._headers)
        self._access_log = access_log
        self._facts = {"model": state.name, "revision": state.revision}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if self._access_log:
            await _logged(self._route, self._facts, scope, receive, send)
        else:
            await self._route(scope, receive, send)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["raw_path"]
        if self._tokens is not None and not path.startswith(_PROBES):
            try:
                self._tokens.check(header(scope, b"authorization"))
            except RequestError as error:
                await self._refuse(scope, send, error)
                return
        target = self._own.get(path) or target_of(path)
        if target is not None:
            await self._infer(target, scope, receive, send)
        elif self._stream.matches(path):
            await self._stream(scope, receive, send)
        else:
            await self._pages(scope, receive, send)

    async def _refuse(self, scope: Scope, send: Send, error: RequestError) -> None:
        headers = [*error.headers, *self._headers.of(header(scope, b"x-request-id"))]
        await send_json(send, error.status, render_error(str(error)), headers)


def _stamped(inner: Application, headers: AnswerHeaders) -> Application:
    """Add to FastAPI's answers what every answer carries."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        async def stamping(message: Message) -> None:
            if message["type"] == "http.response.start":
                more = headers.of(header(scope, b"x-request-id"))
                message["headers"] = [*message.get("headers", ()), *more]
            await send(message)

        # Names in a path stay quoted for the routes, or a name with a slash would be two.
        path = scope["raw_path"].decode("latin-1")
        await inner({**scope, "path": path}, receive, stamping)

    return application


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
    app.include_router(v1_router(state))
    if metrics is not None:
        app.include_router(metrics_router(metrics))
    describe_api(app, state)
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


async def _logged(
    inner: Application, facts: dict[str, str], scope: Scope, receive: Receive, send: Send
) -> None:
    """Log a line per request."""
    start, status = time.perf_counter(), 0

    async def noting(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)
        await send(message)

    await inner(scope, receive, noting)
    request_id = (header(scope, b"x-request-id") or b"").decode("latin-1")
    log_access(facts, scope["method"], scope["path"], status, start=start, request_id=request_id)
