"""uvicorn with a loss-free end.

By itself uvicorn closes its listener on SIGTERM, while routers still send. Ours, on the first
SIGTERM, says it is leaving (readiness 503, `connection: close` on answers), goes on accepting for
`drain_seconds`, then closes its listeners and finishes what is in flight. SIGINT, a second signal,
or a model that is not loaded yet skip the accepting; one more signal drops what is in flight.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import time
from collections.abc import Generator

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lockstep_runtime.listener import refuse_new_clients
from lockstep_runtime.protocol.error import render_error
from lockstep_runtime.routes.asgi import Application
from lockstep_runtime.state import Phase, ServingState

# Longer than Envoy keeps idle upstream connections (1 h), so that the side that sends requests is
# the side that closes: else a request may meet a closing connection.
_KEEP_ALIVE_SECONDS = 3660
# A connection that was accepted last may have its first request still on the way.
_LINGER_SECONDS = 1.0
# A handshake that has begun ends within a round trip.
_HANDSHAKE_SECONDS = 0.1
# What ending the process takes after the last request.
_EXIT_SECONDS = 1
_log = logging.getLogger(__name__)


def _protocol(revision: str) -> type[HttpToolsProtocol]:
    """HTTP/1.1 that answers what is no HTTP with our error body too."""

    class Protocol(HttpToolsProtocol):
        def send_400_response(self, msg: str) -> None:
            body = render_error(msg)
            head = (
                "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
                f"content-length: {len(body)}\r\nx-lockstep-revision: {revision}\r\n"
                "connection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
            self.transport.close()

    return Protocol


def _config(app: Application, revision: str) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_protocol(revision),
        ws="none",
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )


class DrainingServer(uvicorn.Server):
    """Serves until a signal or `stop()`, then leaves without losing a request."""

    def __init__(
        self, app: Application, state: ServingState, drain_seconds: float, grace_seconds: float
    ) -> None:
        """Take clients for `drain_seconds` after the signal, be gone after `grace_seconds`."""
        super().__init__(_config(app, state.revision))
        self._state = state
        self._drain_seconds = drain_seconds
        self._grace_seconds = grace_seconds
        self._asked_to_leave: float | None = None
        self._linger = 0.0

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Handle signals our way for as long as the server runs."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._asked_to_leave is None:
            self._asked_to_leave = time.monotonic()
        fields = {"signal": signal.Signals(number).name, "requests": len(self.server_state.tasks)}
        if self.should_exit:
            _log.warning("leaving now", extra={"fields": fields})
            self.force_exit = True
        elif number == signal.SIGTERM and self._state.phase is Phase.READY and self._drain_seconds:
            fields["seconds"] = self._drain_seconds
            _log.info("draining", extra={"fields": fields})
            self._state.phase = Phase.DRAINING
            self._linger = min(_LINGER_SECONDS, self._drain_seconds)
            asyncio.get_running_loop().call_later(self._drain_seconds, self.stop)
        else:
            _log.info("stopping", extra={"fields": fields})
            self.stop()

    def stop(self) -> None:
        """Close the listeners and finish what is in flight."""
        self._state.phase = Phase.DRAINING
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listeners, let new connections have their request, finish, close."""
        for listener in sockets or []:
            refuse_new_clients(listener)
        await asyncio.sleep(_HANDSHAKE_SECONDS)
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        deadline = asyncio.get_running_loop().time() + self._linger
        # uvicorn has no event to wait for.
        while self._expected() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        self.config.timeout_graceful_shutdown = self._finish_seconds()
        await super().shutdown()

    def _finish_seconds(self) -> int:
        """Return how long requests in flight may still take."""
        asked = time.monotonic() if self._asked_to_leave is None else self._asked_to_leave
        left = asked + self._grace_seconds - time.monotonic()
        return max(1, int(left - _EXIT_SECONDS))

    def _expected(self) -> bool:
        """Some connection has not had its first request yet."""
        return not self.force_exit and any(
            getattr(connection, "cycle", None) is None
            for connection in self.server_state.connections
        )


class SideServer(uvicorn.Server):
    """Serves beside a `DrainingServer`, which has the signals, until `stop()`."""

    def __init__(self, app: Application, revision: str) -> None:
        super().__init__(_config(app, revision))
        self.config.timeout_graceful_shutdown = _EXIT_SECONDS

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals alone."""
        yield

    def stop(self) -> None:
        """Close the listener and, within a second, its connections."""
        self.should_exit = True
