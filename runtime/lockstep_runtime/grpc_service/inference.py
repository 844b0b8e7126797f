"""ModelInfer: this is where requests spend their time."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from lockstep_runtime.errors import DeadlineExceeded, RequestError
from lockstep_runtime.grpc_service.codec import parse_message, read_request, write_answer
from lockstep_runtime.grpc_service.messages import Inference
from lockstep_runtime.grpc_service.statuses import CLIENT_GONE
from lockstep_runtime.routes.asgi import identifier
from lockstep_runtime.routes.call import InferLimits
from lockstep_runtime.routes.deadline import ROUTER_TIMEOUT, timeout_of
from lockstep_runtime.service import infer
from lockstep_runtime.state import ServingState
from lockstep_runtime.telemetry.assignment import ASSIGNMENT_HEADER, PAIRING_HEADER, assignment_of
from lockstep_runtime.telemetry.recorder import Recorder
from lockstep_runtime.tensors import Tensor

_READ = {name.decode(): name for name in (ASSIGNMENT_HEADER, PAIRING_HEADER, ROUTER_TIMEOUT)}


class ModelInfer:
    """Answers inference requests; they count under the HTTP status that they would have."""

    def __init__(self, state: ServingState, recorder: Recorder, limits: InferLimits) -> None:
        self._state = state
        self._recorder = recorder
        self._limits = limits

    async def __call__(self, body: bytes, context: Any) -> bytes:
        """Answer one request.

        Raises:
            RequestError: what is wrong with it, or why it cannot be answered.
        """
        start = time.perf_counter()
        recorder = self._recorder
        recorder.request_started()
        metadata = _metadata(context)
        assignment = assignment_of(metadata.get(ASSIGNMENT_HEADER))
        status = 500
        try:
            answer, outputs = await self._answer(body, metadata, context.time_remaining())
            status = 200
        except RequestError as error:
            status = error.status
            raise
        except asyncio.CancelledError:  # by the client, or by its deadline
            status = 504 if context.time_remaining() == 0 else CLIENT_GONE
            raise
        finally:
            recorder.request_finished(assignment, status, time.perf_counter() - start)
        pairing = identifier(metadata.get(PAIRING_HEADER))
        specs = self._state.require_engine().specs
        # When the answer is on its way already.
        loop = asyncio.get_running_loop()
        loop.call_soon(recorder.answered, assignment, pairing, outputs, specs)
        return answer

    async def _answer(
        self, body: bytes, metadata: Mapping[bytes, bytes], remaining: float | None
    ) -> tuple[bytes, Sequence[Tensor]]:
        state, limits = self._state, self._limits
        if len(body) > limits.max_bytes:
            raise RequestError(413, f"the message is over the limit of {limits.max_bytes} bytes")
        message = parse_message(Inference.ModelInferRequest, body)
        state.require_model(message.model_name, message.model_version or None)
        state.require_engine()
        request = read_request(message)
        outputs = await infer(state, request, _patience(metadata, limits.timeout, remaining))
        return write_answer(state.name, state.revision, request, outputs), outputs


def _metadata(context: Any) -> dict[bytes, bytes]:
    """Return what is read of a request's metadata, as HTTP's headers are."""
    return {
        _READ[key]: value.encode() for key, value in context.invocation_metadata() if key in _READ
    }


def _patience(
    metadata: Mapping[bytes, bytes], default: float | None, remaining: float | None
) -> float | None:
    """Return how long the request may wait: the least of what client, router and default allow."""
    if remaining is not None:
        if remaining <= 0:
            raise DeadlineExceeded(0.0)
        default = min(default or remaining, remaining)
    return timeout_of(metadata, default)
