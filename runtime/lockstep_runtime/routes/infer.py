"""POST /v2/models/{model}[/versions/{version}]/infer, as raw ASGI.

FastAPI would cost more than a small model does (see DESIGN: 9 k against 14 to 18 k requests/s).
"""

import asyncio
import logging
import re
import time
import traceback

from lockstep_runtime.errors import RequestError
from lockstep_runtime.protocol import parse_request, render_error, render_response, select_outputs
from lockstep_runtime.routes.asgi import Header, Receive, Scope, Send, header, send_json
from lockstep_runtime.state import ServingState
from lockstep_runtime.telemetry.assignment import assignment_of, pairing_id
from lockstep_runtime.telemetry.recorder import Recorder
from lockstep_runtime.tensors import Tensor

_PATH = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?/infer")
_CLIENT_GONE = 499  # as nginx counts it; never sent
_log = logging.getLogger(__name__)


class _ClientGone(Exception):
    """The client closed the connection before its request was complete."""


class InferRoute:
    """Answers inference requests."""

    def __init__(self, state: ServingState, recorder: Recorder, max_bytes: int) -> None:
        """Refuse bodies over `max_bytes` with 413."""
        self._state = state
        self._recorder = recorder
        self._max_bytes = max_bytes
        self._own_paths = {
            f"/v2/models/{state.name}/infer",
            f"/v2/models/{state.name}/versions/{state.revision}/infer",
        }

    def matches(self, path: str) -> bool:
        """Tell whether the path is an inference path, of this model or another."""
        return path in self._own_paths or _PATH.fullmatch(path) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever goes wrong becomes a status and an error field."""
        start = time.perf_counter()
        self._recorder.request_started()
        assignment, status = assignment_of(scope), 200
        outputs: list[Tensor] = []
        headers: tuple[Header, ...] = ()
        try:
            body, outputs = await self._answer(scope, receive)
        except RequestError as error:
            status, headers, body = error.status, error.headers, render_error(str(error))
        except _ClientGone:
            status, body = _CLIENT_GONE, b""
        except asyncio.CancelledError:  # leaving in a hurry: better a word than a broken connection
            status, body = 503, render_error("the server is shutting down")
        except Exception as error:
            status, body = 500, render_error("the server failed to answer this request")
            _log_failure(scope, error)
        try:
            if status != _CLIENT_GONE:
                await send_json(send, status, body, headers)
        finally:
            self._recorder.request_finished(assignment, status, time.perf_counter() - start)
        if status == 200:  # when the client has his answer already
            specs = self._state.require_engine().model.outputs
            self._recorder.answered(assignment, pairing_id(scope), outputs, specs)

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[bytes, list[Tensor]]:
        self._check(scope)
        engine = self._state.require_engine()
        request = parse_request(await self._body(scope, receive))
        outputs = select_outputs(request.outputs, engine.model.outputs)
        tensors = await engine.run(engine.model.prepare(request.inputs), outputs)
        body = render_response(self._state.name, self._state.revision, request.id, tensors)
        return body, tensors

    def _check(self, scope: Scope) -> None:
        path = scope["path"]
        if path not in self._own_paths and (match := _PATH.fullmatch(path)):
            self._state.require_model(match[1], match[2])
        if scope["method"] != "POST":
            raise RequestError(405, f"{scope['method']} {path}: use POST", ((b"allow", b"POST"),))
        encoding = header(scope, b"content-encoding") or b"identity"
        if encoding.lower() != b"identity":
            raise RequestError(415, "compressed bodies are not supported: send plain JSON")
        if header(scope, b"inference-header-content-length") is not None:
            raise RequestError(415, "binary tensor data is not supported: send plain JSON")

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """Read the body; what is left of one that is too large, uvicorn reads and drops."""
        length = header(scope, b"content-length")
        if length is not None and length.isdigit() and int(length) > self._max_bytes:
            raise self._too_large()
        chunks, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _ClientGone
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._max_bytes:
                raise self._too_large()
            chunks.append(chunk)
            more = message.get("more_body", False)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _too_large(self) -> RequestError:
        return RequestError(413, f"the body is over the limit of {self._max_bytes} bytes")


def _log_failure(scope: Scope, error: Exception) -> None:
    """Log where it failed, but not the message: it may quote the payload."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    fields = {
        "error": type(error).__name__,
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        "request_id": (header(scope, b"x-request-id") or b"").decode("latin-1"),
    }
    _log.error("an inference request failed", extra={"fields": fields})
