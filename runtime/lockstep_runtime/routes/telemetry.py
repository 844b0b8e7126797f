"""The second listener's paths, for the operator and for Prometheus: never behind the router.

Raw ASGI: a FastAPI of its own would cost every pod memory for three paths.
"""

from urllib.parse import parse_qs

from lockstep_runtime.errors import RequestError
from lockstep_runtime.metrics import CONTENT_TYPE, Metrics
from lockstep_runtime.protocol.error import render_error
from lockstep_runtime.routes.asgi import JSON, Receive, Scope, Send, send_body, send_json
from lockstep_runtime.state import ServingState
from lockstep_runtime.storage.golden import GOLDEN
from lockstep_runtime.telemetry.recorder import Recorder

_PATHS = ("/metrics", "/telemetry", "/golden")


class TelemetryPages:
    """Answers GET /metrics, /telemetry and /golden."""

    def __init__(self, state: ServingState, recorder: Recorder, metrics: Metrics) -> None:
        self._state = state
        self._recorder = recorder
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; errors are JSON with the field `error`."""
        try:
            content_type, body = self._page(scope)
        except RequestError as error:
            await send_json(send, error.status, render_error(str(error)), error.headers)
        else:
            await send_body(send, 200, content_type, body)

    def _page(self, scope: Scope) -> tuple[bytes, bytes]:
        path = scope["path"]
        if path not in _PATHS:
            raise RequestError(404, f"no such path here, only {', '.join(_PATHS)}")
        if scope["method"] != "GET":
            raise RequestError(405, f"{scope['method']} {path}: use GET", ((b"allow", b"GET"),))
        if path == "/metrics":
            return CONTENT_TYPE.encode(), self._metrics.render()
        if path == "/telemetry":
            return JSON, self._recorder.report(_cursor(scope["query_string"]))
        return JSON, self._golden()

    def _golden(self) -> bytes:
        self._state.require_engine()  # before, nobody knows whether there is one
        golden = self._state.golden
        if golden.problem:
            raise RequestError(500, golden.problem)
        if golden.body is None:
            raise RequestError(404, f"there is no {GOLDEN} beside the model")
        return golden.body


def _cursor(query: bytes) -> int | None:
    """Return the parameter `after`, None when it is absent."""
    values = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("after")
    if values is None:
        return None
    text = values[-1]
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise RequestError(400, "parameter 'after' must be a cursor: an integer of at least 0")
    return int(text)
