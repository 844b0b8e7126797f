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
import ssl
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import uvicorn

from lockstep_runtime.connection import Connection, ConnectionLimits, connection_class
from lockstep_runtime.exchange import FastPath
from lockstep_runtime.listener import refuse_new_clients
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


@dataclass(frozen=True, slots=True)
class LeavingTimes:
    """Seconds after SIGTERM: how long clients are still taken, and when the process is gone."""

    drain_seconds: float
    grace_seconds: float


@dataclass(frozen=True, slots=True)
class Tls:
    """Certificate and key of the server; `client_ca`: clients need a certificate of it."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


def _config(
    app: Application,
    revision: str,
    limits: ConnectionLimits,
    tls: Tls | None = None,
    fast_path: FastPath | None = None,
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=connection_class(revision, limits, fast_path),
        ws="none",
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
        ssl_ca_certs=str(tls.client_ca) if tls and tls.client_ca else None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if tls and tls.client_ca else ssl.CERT_NONE,
    )


class Companion(Protocol):
    """A server of another protocol that leaves together with ours."""

    async def stop(self, seconds: float) -> None:
        """Take no more requests, and drop those that are not answered within the time.

        May be called again, to be quicker.
        """


class DrainingServer(uvicorn.Server):
    """Serves until a signal or `stop()`, then leaves without losing a request.

    Attributes:
        companion: stopped at the same time, if there is one.
    """

    companion: Companion | None = None

    def __init__(
        self,
        app: Application,
        state: ServingState,
        *,
        times: LeavingTimes,
        limits: ConnectionLimits | None = None,
        tls: Tls | None = None,
        fast_path: FastPath | None = None,
    ) -> None:
        limits = limits or ConnectionLimits()
        super().__init__(_config(app, state.revision, limits, tls, fast_path))
        self._state = state
        self._drain_seconds = times.drain_seconds
        self._grace_seconds = times.grace_seconds
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
        busy = sum(connection.busy for connection in self._connections())
        fields = {"signal": signal.Signals(number).name, "requests": busy}
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
        companion = asyncio.create_task(self._stop_companion())
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
        for connection in self._connections():  # the grace period is over
            connection.give_up()
        await companion

    async def _stop_companion(self) -> None:
        if self.companion is None:
            return
        stopping = asyncio.create_task(self.companion.stop(self._finish_seconds()))
        while not stopping.done():
            await asyncio.wait({stopping}, timeout=0.05)
            if self.force_exit:
                await self.companion.stop(0)
        await stopping

    def _finish_seconds(self) -> int:
        """Return how long requests in flight may still take."""
        asked = time.monotonic() if self._asked_to_leave is None else self._asked_to_leave
        left = asked + self._grace_seconds - time.monotonic()
        return max(1, int(left - _EXIT_SECONDS))

    def _connections(self) -> list[Connection]:
        return [one for one in self.server_state.connections if isinstance(one, Connection)]

    def _expected(self) -> bool:
        """Some connection has not had its first request yet."""
        return not self.force_exit and any(
            connection.cycle is None for connection in self._connections()
        )


class SideServer(uvicorn.Server):
    """Serves beside a `DrainingServer`, which has the signals, until `stop()`."""

    def __init__(self, app: Application, revision: str) -> None:
        super().__init__(_config(app, revision, ConnectionLimits()))
        self.config.timeout_graceful_shutdown = _EXIT_SECONDS

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals alone."""
        yield

    def stop(self) -> None:
        """Close the listener and, within a second, its connections."""
        self.should_exit = True
