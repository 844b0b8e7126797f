"""One HTTP/1.1 connection: uvicorn's, with bounds on what a client may send and how slowly.

uvicorn bounds neither the size of headers nor the time that a request may take to arrive, so a
client that sends a byte a minute would hold its connection for ever.
"""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lockstep_runtime.exchange import Exchange, FastPath
from lockstep_runtime.protocol.error import render_error
from lockstep_runtime.routes.body import ClientGone


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Bounds of each connection, and of all together.

    Attributes:
        max_header_bytes: of the request line and all headers; more gets 431.
        receive_seconds: from a request's first byte to its last, and from the connection to the
            first byte; later gets 408.
        max_connections: one more gets 503 and is closed.
    """

    max_header_bytes: int = 32 << 10
    receive_seconds: float = 60.0
    max_connections: int = 4096


class Connection(HttpToolsProtocol):
    """A connection within limits, which belong to the server's own subclass.

    Attributes:
        revision: goes into the answers that no route gives.
        fast_path: who may answer a request without the application.
    """

    limits = ConnectionLimits()
    revision = ""
    fast_path: FastPath | None = None
    exchange: Exchange | None = None  # on the fast path, from its headers to its answer
    _chunk = 0
    _received = 0  # bytes of the request that arrives
    _in_headers = True
    _arriving = True  # of a connection that has just been made, its first request is awaited
    _refused = False
    cycle: Any  # uvicorn's, or an exchange: of the request that came last
    _before: Any = None  # the cycle of the request before the one that arrives
    _deadline: asyncio.TimerHandle | None = None
    _idling: asyncio.TimerHandle | None = None
    _answered = 0.0  # when the last answer ended

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it, or refuse one too many."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.max_connections:
            what = f"there are {self.limits.max_connections} connections already: try again later"
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, what)
        else:
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._unwatch()
        if self._idling is not None:
            self._idling.cancel()
        super().connection_lost(exc)
        if self.exchange is not None:
            self.exchange.disconnected = True
            if self._arriving:
                self.exchange.fail(ClientGone())

    def data_received(self, data: bytes) -> None:
        """Parse, and watch size and clock while a request is not complete."""
        if self._refused:
            return
        self._chunk = len(data)
        self._received += self._chunk
        super().data_received(data)
        if not self._arriving or self._refused:
            return
        if self._in_headers and self._received > self.limits.max_header_bytes:
            self._refuse_headers()
        elif self._deadline is None:
            self._watch()

    def on_message_begin(self) -> None:
        """A request begins; what the application wants of it waits until it is known to be its."""
        self.url = b""
        self.headers = []
        self._received = self._chunk  # at most a bit of the request before is counted too
        self._arriving = self._in_headers = True
        self._before = self.cycle

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; what it means is looked at once, when all are here."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Hand the request to the application, unless its headers are too large."""
        self._in_headers = False
        limit = self.limits.max_header_bytes
        # Usually all that came is below the limit, and nothing needs to be added up.
        if self._received > limit and limit < len(self.url) + sum(
            len(name) + len(value) for name, value in self.headers
        ):
            self._refuse_headers()
        elif not self._refused and not self._on_fast_path():
            url, headers = self.url, self.headers
            super().on_message_begin()
            self.url = url
            for name, value in headers:
                super().on_header(name, value)
            super().on_headers_complete()

    def _on_fast_path(self) -> bool:
        """Begin to answer on the fast path; False: the request is for the application."""
        cycle, parser, fast_path = self.cycle, self.parser, self.fast_path
        if (
            fast_path is None
            or self.url not in fast_path.paths
            or parser.get_method() != b"POST"
            or not (cycle is None or cycle.response_complete)
            or self.flow.write_paused
            or not parser.should_keep_alive()
            or parser.get_http_version() != "1.1"
        ):
            return False
        common = self.server_state.default_headers
        exchange = Exchange(self.transport, common, self._on_exchange_complete)
        exchange.call = fast_path.open(self.url, self.headers, exchange.reply)
        if exchange.call is None:
            return False
        self.exchange = self.cycle = exchange
        return True

    def _on_exchange_complete(self) -> None:
        """Go on with the next request, if it is here already; else wait for it."""
        self.exchange = None
        if self.pipeline or self.transport.is_closing():
            self.on_response_complete()
            return
        self._answered = self.loop.time()
        if self._idling is None:
            self._idling = self.loop.call_later(self.timeout_keep_alive, self._look_whether_idle)

    def on_response_complete(self) -> None:
        """Go on likewise after an answer of the application."""
        self._answered = self.loop.time()
        super().on_response_complete()

    def _look_whether_idle(self) -> None:
        """Close a connection that nobody has used for long; a timer per request costs 4 µs."""
        idle = 0.0 if self.busy or self._arriving else self.loop.time() - self._answered
        if idle < self.timeout_keep_alive:
            left = self.timeout_keep_alive - idle
            self._idling = self.loop.call_later(left, self._look_whether_idle)
        else:
            self.timeout_keep_alive_handler()

    def on_body(self, body: bytes) -> None:
        """Pass a part of the body on."""
        if self._refused:
            return
        if isinstance(self.cycle, Exchange):
            self.cycle.body(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is here: no clock."""
        self._arriving = False
        self._unwatch()
        if self._refused:
            return
        if isinstance(self.cycle, Exchange):
            self.cycle.complete()
        else:
            super().on_message_complete()

    @property
    def busy(self) -> bool:
        """Whether a request waits for its answer."""
        return self.exchange is not None or not (self.cycle is None or self.cycle.response_complete)

    def give_up(self) -> None:
        """Answer what is on the fast path with 503: there is no time left."""
        if self.exchange is not None:
            self.exchange.fail(asyncio.CancelledError())

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP with our error body too."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _refuse_headers(self) -> None:
        limit = self.limits.max_header_bytes
        what = f"request line and headers are over the limit of {limit} bytes"
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, what)

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self.limits.receive_seconds, self._too_slow)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if self._received:
            what = f"the request did not arrive within {self.limits.receive_seconds:g} s"
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, what)
        else:  # not a byte: nobody waits for an answer
            self.transport.close()

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """Answer once and close; a request whose answer has begun gets no second one."""
        if self._refused:
            return
        self._refused = True
        cycle = None if self.cycle is self._before else self.cycle
        if cycle is None or not cycle.response_started:
            self.transport.write(_answer(status, message, self.revision))
        self.transport.close()


def connection_class(
    revision: str, limits: ConnectionLimits, fast_path: FastPath | None
) -> type[Connection]:
    """Return the protocol of one server, for uvicorn."""
    attributes = {"revision": revision, "limits": limits, "fast_path": fast_path}
    return type("Connection", (Connection,), attributes)


def _answer(status: HTTPStatus, message: str, revision: str) -> bytes:
    body = render_error(message)
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nx-lockstep-revision: {revision}\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + body
