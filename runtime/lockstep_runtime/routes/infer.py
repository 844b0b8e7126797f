"""The inference paths, as a raw ASGI application: this is where requests spend their time."""

import asyncio
import logging
import re
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from lockstep_runtime.errors import RequestError
from lockstep_runtime.protocol.error import render_error
from lockstep_runtime.routes.answer_headers import AnswerHeaders
from lockstep_runtime.routes.asgi import JSON, Header, Receive, Scope, Send, identifier
from lockstep_runtime.routes.body import ClientGone, read_body
from lockstep_runtime.routes.codecs import HEADER_LENGTH, Codec, V1Codec, V2Codec
from lockstep_runtime.routes.deadline import ROUTER_TIMEOUT, TIMEOUT, timeout_of
from lockstep_runtime.service import infer
from lockstep_runtime.state import ServingState
from lockstep_runtime.telemetry.assignment import ASSIGNMENT_HEADER, PAIRING_HEADER, assignment_of
from lockstep_runtime.telemetry.recorder import Recorder
from lockstep_runtime.tensors import Tensor

_V1, _V2 = V1Codec(), V2Codec()
_PATHS: tuple[tuple[re.Pattern[bytes], Codec], ...] = (
    (re.compile(rb"/v2/models/([^/]+)(?:/versions/([^/]+))?/infer"), _V2),
    (re.compile(rb"/v1/models/([^/]+):predict()"), _V1),
)
_REQUEST_ID = b"x-request-id"
_LENGTH = b"content-length"
_ENCODING = b"content-encoding"
_READ = frozenset(
    {
        _REQUEST_ID,
        _LENGTH,
        _ENCODING,
        HEADER_LENGTH,
        TIMEOUT,
        ROUTER_TIMEOUT,
        ASSIGNMENT_HEADER,
        PAIRING_HEADER,
    }
)
_CLIENT_GONE = 499  # as nginx counts it; never sent
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InferLimits:
    """What one request may take: bytes of its body, and seconds in the queue (None: no limit)."""

    max_bytes: int
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class _Target:
    codec: Codec
    model: str
    version: str | None


class InferRoute:
    """Answers inference requests."""

    def __init__(self, state: ServingState, recorder: Recorder, limits: InferLimits) -> None:
        self._state = state
        self._recorder = recorder
        self._limits = limits
        self._headers = AnswerHeaders(state)
        self._own = _own_paths(state.name, state.revision)

    def target(self, path: bytes) -> _Target | None:
        """Return what an inference path asks for, of this model or another; None: it is none."""
        if (own := self._own.get(path)) is not None:
            return own
        for pattern, codec in _PATHS:
            if match := pattern.fullmatch(path):
                name, version = (unquote(part.decode("latin-1")) for part in match.groups(b""))
                return _Target(codec, name, version or None)
        return None

    async def __call__(self, target: _Target, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever goes wrong becomes a status and an error field."""
        start = time.perf_counter()
        recorder = self._recorder
        recorder.request_started()
        headers = {name: value for name, value in scope["headers"] if name in _READ}
        assignment = assignment_of(headers.get(ASSIGNMENT_HEADER))
        status = 200
        outputs: Sequence[Tensor] = ()
        extra: Sequence[Header] = ()
        described = [(b"content-type", JSON)]
        try:
            body, described, outputs = await self._answer(target, scope, headers, receive)
        except RequestError as error:
            status, extra, body = error.status, error.headers, render_error(str(error))
        except ClientGone:
            status, body = _CLIENT_GONE, b""
        except asyncio.CancelledError:  # leaving in a hurry: better a word than a broken connection
            status, body = 503, render_error("the server is shutting down")
        except Exception as error:
            status, body = 500, render_error("the server failed to answer this request")
            _log_failure(headers, error)
        request_id = headers.get(_REQUEST_ID)
        try:
            if status != _CLIENT_GONE:
                length = (_LENGTH, b"%d" % len(body))
                every = [*described, length, *extra, *self._headers.of(request_id)]
                await send({"type": "http.response.start", "status": status, "headers": every})
                await send({"type": "http.response.body", "body": body})
        finally:
            recorder.request_finished(assignment, status, time.perf_counter() - start)
        if status == 200:  # when the client has his answer already
            specs = self._state.require_engine().model.outputs
            pairing = identifier(headers.get(PAIRING_HEADER))
            recorder.answered(assignment, pairing, outputs, specs)

    async def _answer(
        self, target: _Target, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive
    ) -> tuple[bytes, list[Header], Sequence[Tensor]]:
        state, limits = self._state, self._limits
        state.require_model(target.model, target.version)
        _check(scope, headers)
        model = state.require_engine().model
        body = await read_body(receive, headers.get(_LENGTH), limits.max_bytes)
        request = target.codec.read(body, headers, model)
        outputs = await infer(state, request, timeout_of(headers, limits.timeout))
        return *target.codec.write(state, request, outputs), outputs


def _own_paths(name: str, version: str) -> dict[bytes, _Target]:
    """Return the served model's paths as clients write them, to spare them the patterns."""
    model, versioned = quote(name, safe=""), quote(version, safe="")
    return {
        f"/v2/models/{model}/infer".encode(): _Target(_V2, name, None),
        f"/v2/models/{model}/versions/{versioned}/infer".encode(): _Target(_V2, name, version),
        f"/v1/models/{model}:predict".encode(): _Target(_V1, name, None),
    }


def _check(scope: Scope, headers: Mapping[bytes, bytes]) -> None:
    if scope["method"] != "POST":
        what = f"{scope['method']} {scope['path']}"
        raise RequestError(405, f"{what}: use POST", ((b"allow", b"POST"),))
    encoding = headers.get(_ENCODING)
    if encoding is not None and encoding.lower() != b"identity":
        raise RequestError(415, "compressed bodies are not supported: send it as it is")


def _log_failure(headers: Mapping[bytes, bytes], error: Exception) -> None:
    """Log where it failed, but not the message: it may quote the payload."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    fields = {
        "error": type(error).__name__,
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        "request_id": headers.get(_REQUEST_ID, b"").decode("latin-1"),
    }
    _log.error("an inference request failed", extra={"fields": fields})
