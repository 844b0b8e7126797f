"""gRPC health checking, for Kubernetes' gRPC probes, Envoy and clients that balance load."""

import asyncio
import contextlib
from typing import Any

from lockstep_runtime.errors import RequestError
from lockstep_runtime.grpc_service.codec import parse_message
from lockstep_runtime.grpc_service.messages import INFERENCE_SERVICE, Health
from lockstep_runtime.state import ServingState

_KNOWN = ("", INFERENCE_SERVICE)
# How late a watcher may hear of a change.
_LOOK_SECONDS = 0.25
_Status = Health.HealthCheckResponse


class HealthChecks:
    """Tells whether the server takes requests: the whole of it, and the inference service."""

    def __init__(self, state: ServingState) -> None:
        self._state = state
        self._closing = asyncio.Event()

    def close(self) -> None:
        """End the watches, which would otherwise hold the server up."""
        self._closing.set()

    async def check(self, body: bytes, _: Any) -> bytes:
        """Answer once.

        Raises:
            RequestError: 404, no such service.
        """
        service = _service(body)
        if service not in _KNOWN:
            raise RequestError(404, f"unknown service {service!r}")
        return self._answer(service)

    async def watch(self, body: bytes, context: Any) -> None:
        """Answer at once, and whenever it changes."""
        service, last = _service(body), b""
        while not self._closing.is_set():
            answer = self._answer(service)
            if answer != last:
                await context.write(answer)
                last = answer
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), _LOOK_SECONDS)

    def _answer(self, service: str) -> bytes:
        if service not in _KNOWN:
            status = _Status.SERVICE_UNKNOWN
        else:
            status = _Status.SERVING if self._state.ready else _Status.NOT_SERVING
        serialised: bytes = _Status(status=status).SerializeToString()
        return serialised


def _service(body: bytes) -> str:
    return str(parse_message(Health.HealthCheckRequest, body).service)
