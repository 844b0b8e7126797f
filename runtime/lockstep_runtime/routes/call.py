"""One inference request, from its headers to its answer, whoever carries both."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lockstep_runtime.exchange import Reply
from lockstep_runtime.inference.calling import Outcome
from lockstep_runtime.protocol.requests import InferRequest
from lockstep_runtime.routes.answer_headers import AnswerHeaders
from lockstep_runtime.routes.asgi import JSON, Header, identifier
from lockstep_runtime.routes.codecs import HEADER_LENGTH
from lockstep_runtime.routes.deadline import ROUTER_TIMEOUT, TIMEOUT, timeout_of
from lockstep_runtime.routes.failures import failure_of
from lockstep_runtime.routes.targets import Target
from lockstep_runtime.state import ServingState
from lockstep_runtime.telemetry.assignment import ASSIGNMENT_HEADER, PAIRING_HEADER, assignment_of
from lockstep_runtime.telemetry.recorder import Recorder

REQUEST_ID = b"x-request-id"
# The request headers that mean something here.
READ = frozenset(
    {REQUEST_ID, HEADER_LENGTH, TIMEOUT, ROUTER_TIMEOUT, ASSIGNMENT_HEADER, PAIRING_HEADER}
)
_JSON = (b"content-type", JSON)
_clock = time.perf_counter


@dataclass(frozen=True, slots=True)
class InferLimits:
    """What one request may take: bytes of its body, and seconds in the queue (None: no limit)."""

    max_bytes: int
    timeout: float | None = None


class Inference:
    """What all calls share."""

    def __init__(self, state: ServingState, recorder: Recorder, limits: InferLimits) -> None:
        self.state = state
        self.recorder = recorder
        self.limits = limits
        self.headers = AnswerHeaders(state)


class InferCall:
    """A request whose headers are here; `complete` or `fail` it, and `reply` is called once.

    A reply of the status `failures.CLIENT_GONE` is not to be sent.
    """

    __slots__ = (
        "_assignment",
        "_decoded",
        "_headers",
        "_reply",
        "_request",
        "_shared",
        "_started",
        "_target",
    )
    _request: InferRequest
    _decoded: float

    def __init__(
        self, shared: Inference, target: Target, headers: Mapping[bytes, bytes], reply: Reply
    ) -> None:
        """Count it in; of `headers` only those in `READ` matter."""
        self._started = _clock()
        self._shared = shared
        self._target = target
        self._headers = headers
        self._reply: Reply | None = reply
        self._assignment = assignment_of(headers.get(ASSIGNMENT_HEADER))
        shared.recorder.request_started()

    def complete(self, body: bytes) -> None:
        """Answer it, now if it is refused, else when the model has."""
        shared, target = self._shared, self._target
        state = shared.state
        try:
            begun = _clock()
            model = state.require_engine().model
            request = self._request = target.codec.read(body, self._headers, model)
            decoded = self._decoded = _clock()
            patience = timeout_of(self._headers, shared.limits.timeout)
            target.submit(state, request, patience, self._computed)
            shared.recorder.stages["preprocess"].add(decoded - begun)
        except Exception as error:
            self.fail(error)

    def _computed(self, outcome: Outcome) -> None:
        if self._reply is None:  # it failed meanwhile
            return
        if isinstance(outcome, BaseException):
            self.fail(outcome)
            return
        target, recorder = self._target, self._shared.recorder
        computed = _clock()
        try:
            body, headers = target.codec.write(self._shared.state, self._request, outcome)
        except Exception as error:
            self.fail(error)
            return
        stages = recorder.stages
        stages["explain" if target.explains else "predict"].add(computed - self._decoded)
        stages["postprocess"].add(_clock() - computed)
        self._answer(200, headers, body)
        if not target.explains:  # when the client has his answer already
            pairing = identifier(self._headers.get(PAIRING_HEADER))
            specs = self._shared.state.require_engine().specs
            recorder.answered(self._assignment, pairing, outcome, specs)

    def fail(self, error: BaseException) -> None:
        """Answer it with a status and an error field, unless it is answered."""
        if self._reply is not None:
            status, headers, body = failure_of(error, self._headers.get(REQUEST_ID))
            self._answer(status, [_JSON, *headers], body)

    def _answer(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        reply, self._reply = self._reply, None
        assert reply is not None  # noqa: S101 - the callers looked
        request_id = self._headers.get(REQUEST_ID)
        try:
            reply(status, [*headers, *self._shared.headers.of(request_id)], body)
        finally:
            took = None if self._target.explains else _clock() - self._started
            self._shared.recorder.request_finished(self._assignment, status, took)
