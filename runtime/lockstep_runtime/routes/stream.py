"""Answers bit by bit, as server-sent events: `infer_stream` of models that can.

Each event holds an answer as `infer` would give it; what goes wrong after the first one is an
event with the field `error`, the last one then.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from urllib.parse import unquote

from lockstep_runtime.protocol import v2
from lockstep_runtime.protocol.requests import InferRequest
from lockstep_runtime.routes.answer_headers import AnswerHeaders
from lockstep_runtime.routes.asgi import Message, Receive, Scope, Send, header, send_json
from lockstep_runtime.routes.body import read_body
from lockstep_runtime.routes.call import InferLimits
from lockstep_runtime.routes.failures import CLIENT_GONE, failure_of
from lockstep_runtime.routes.infer import check_method
from lockstep_runtime.service import stream
from lockstep_runtime.state import ServingState
from lockstep_runtime.telemetry.assignment import ASSIGNMENT_HEADER, assignment_of
from lockstep_runtime.telemetry.recorder import Recorder
from lockstep_runtime.tensors import Tensor

_PATH = re.compile(rb"/v2/models/([^/]+)(?:/versions/([^/]+))?/infer_stream")
_EVENTS = (b"content-type", b"text/event-stream")
_NO_CACHE = (b"cache-control", b"no-store")


class StreamRoute:
    """Answers requests for streams."""

    def __init__(self, state: ServingState, recorder: Recorder, limits: InferLimits) -> None:
        self._state = state
        self._recorder = recorder
        self._limits = limits
        self._headers = AnswerHeaders(state)

    def matches(self, path: bytes) -> bool:
        """Tell whether it is a path for a stream, of this model or another."""
        return path.endswith(b"_stream") and _PATH.fullmatch(path) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request_id = header(scope, b"x-request-id")
        common = self._headers.of(request_id)
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        self._recorder.request_started()
        status = 200
        try:
            request = await self._request(scope, receive)
            await self._send(request, stream(self._state, request), sending, common)
        except (Exception, asyncio.CancelledError) as error:
            status, extra, body = failure_of(error, request_id)
            if started:
                await send(_event(body, more=False))
            elif status != CLIENT_GONE:
                await send_json(send, status, body, [*extra, *common])
        finally:
            # How long a stream takes says nothing of the model: its client may be slow.
            assignment = assignment_of(header(scope, ASSIGNMENT_HEADER))
            self._recorder.request_finished(assignment, status, None)

    async def _request(self, scope: Scope, receive: Receive) -> InferRequest:
        match = _PATH.fullmatch(scope["raw_path"])
        names = [unquote(part.decode("latin-1")) for part in match.groups(b"")] if match else []
        self._state.require_model(names[0], names[1] or None)
        check_method(scope, header(scope, b"content-encoding"))
        self._state.require_engine()
        length = header(scope, b"content-length")
        return v2.parse_request(await read_body(receive, length, self._limits.max_bytes))

    async def _send(
        self,
        request: InferRequest,
        parts: AsyncIterator[Sequence[Tensor]],
        send: Send,
        common: Sequence[tuple[bytes, bytes]],
    ) -> None:
        headers = [_EVENTS, _NO_CACHE, *common]
        events: list[Message] = [
            {"type": "http.response.start", "status": 200, "headers": headers}
        ]  # sent with the first part, so that a request that the model refuses is a 400
        async for outputs in parts:
            body, _ = v2.render_response(self._state.name, self._state.revision, request, outputs)
            for event in (*events, _event(body, more=True)):
                await send(event)
            events = []
        for event in (*events, {"type": "http.response.body", "body": b""}):
            await send(event)


def _event(body: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": b"data: " + body + b"\n\n", "more_body": more}
