"""The inference paths, as a raw ASGI application: this is where requests spend their time."""

import asyncio
import re
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from lockstep_runtime.errors import RequestError
from lockstep_runtime.protocol.requests import InferRequest
from lockstep_runtime.routes.answer_headers import AnswerHeaders
from lockstep_runtime.routes.asgi import JSON, Header, Receive, Scope, Send, identifier
from lockstep_runtime.routes.body import read_body
from lockstep_runtime.routes.codecs import HEADER_LENGTH, Codec, V1Codec, V1ExplainCodec, V2Codec
from lockstep_runtime.routes.deadline import ROUTER_TIMEOUT, TIMEOUT, timeout_of
from lockstep_runtime.routes.failures import CLIENT_GONE, failure_of
from lockstep_runtime.service import explain, infer
from lockstep_runtime.state import ServingState
from lockstep_runtime.telemetry.assignment import ASSIGNMENT_HEADER, PAIRING_HEADER, assignment_of
from lockstep_runtime.telemetry.recorder import Recorder
from lockstep_runtime.tensors import Tensor

Compute = Callable[
    [ServingState, InferRequest, float | None], Coroutine[Any, Any, Sequence[Tensor]]
]
_V1, _V2 = V1Codec(), V2Codec()
_PATHS: tuple[tuple[re.Pattern[bytes], Codec, Compute], ...] = (
    (re.compile(rb"/v2/models/([^/]+)(?:/versions/([^/]+))?/infer"), _V2, infer),
    (re.compile(rb"/v1/models/([^/]+):predict()"), _V1, infer),
    (re.compile(rb"/v1/models/([^/]+):explain()"), V1ExplainCodec(), explain),
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


@dataclass(frozen=True, slots=True)
class InferLimits:
    """What one request may take: bytes of its body, and seconds in the queue (None: no limit)."""

    max_bytes: int
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class _Target:
    codec: Codec
    compute: Compute
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
        for pattern, codec, compute in _PATHS:
            if match := pattern.fullmatch(path):
                name, version = (unquote(part.decode("latin-1")) for part in match.groups(b""))
                return _Target(codec, compute, name, version or None)
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
        except (Exception, asyncio.CancelledError) as error:
            status, extra, body = failure_of(error, headers.get(_REQUEST_ID))
        try:
            if status != CLIENT_GONE:
                length = (_LENGTH, b"%d" % len(body))
                common = self._headers.of(headers.get(_REQUEST_ID))
                every = [*described, length, *extra, *common]
                await send({"type": "http.response.start", "status": status, "headers": every})
                await send({"type": "http.response.body", "body": body})
        finally:
            took = time.perf_counter() - start if target.compute is infer else None
            recorder.request_finished(assignment, status, took)
        if status == 200 and target.compute is infer:  # when the client has his answer already
            specs = self._state.require_engine().model.outputs
            pairing = identifier(headers.get(PAIRING_HEADER))
            recorder.answered(assignment, pairing, outputs, specs)

    async def _answer(
        self, target: _Target, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive
    ) -> tuple[bytes, list[Header], Sequence[Tensor]]:
        state, limits = self._state, self._limits
        state.require_model(target.model, target.version)
        check_method(scope, headers.get(_ENCODING))
        model = state.require_engine().model
        body = await read_body(receive, headers.get(_LENGTH), limits.max_bytes)
        stages, clock = self._recorder.stages, time.perf_counter
        begun = clock()
        request = target.codec.read(body, headers, model)
        decoded = clock()
        outputs = await target.compute(state, request, timeout_of(headers, limits.timeout))
        computed = clock()
        answer, described = target.codec.write(state, request, outputs)
        stages["preprocess"].add(decoded - begun)
        stages["predict" if target.compute is infer else "explain"].add(computed - decoded)
        stages["postprocess"].add(clock() - computed)
        return answer, described, outputs


def _own_paths(name: str, version: str) -> dict[bytes, _Target]:
    """Return the served model's paths as clients write them, to spare them the patterns."""
    model, versioned = quote(name, safe=""), quote(version, safe="")
    return {
        f"/v2/models/{model}/infer".encode(): _Target(_V2, infer, name, None),
        f"/v2/models/{model}/versions/{versioned}/infer".encode(): _Target(
            _V2, infer, name, version
        ),
        f"/v1/models/{model}:predict".encode(): _Target(_V1, infer, name, None),
    }


def check_method(scope: Scope, encoding: bytes | None) -> None:
    """Refuse what is no POST of a plain body.

    Raises:
        RequestError: 405 or 415.
    """
    if scope["method"] != "POST":
        what = f"{scope['method']} {scope['path']}"
        raise RequestError(405, f"{what}: use POST", ((b"allow", b"POST"),))
    if encoding is not None and encoding.lower() != b"identity":
        raise RequestError(415, "compressed bodies are not supported: send it as it is")
