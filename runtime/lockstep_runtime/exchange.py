"""A request and its answer on an HTTP/1.1 connection, without ASGI.

To uvicorn it looks like its own `RequestResponseCycle`, as far as its connections look at it.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from http import HTTPStatus
from typing import Protocol

from lockstep_runtime.routes.asgi import Header

# Takes status, headers but for the length, and body.
Reply = Callable[[int, Sequence[Header], bytes], None]
_STATUS_LINES = {
    one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n".encode("ascii") for one in HTTPStatus
}


class Call(Protocol):
    """Who answers; either method leads to one reply, now or later."""

    def complete(self, body: bytes) -> None:
        """Take the whole body."""

    def fail(self, error: BaseException) -> None:
        """Give up: the body will not come, or there is no more time."""


class FastPath(Protocol):
    """Who decides which requests are answered this way.

    Attributes:
        paths: all others are not.
    """

    paths: Collection[bytes]

    def open(self, path: bytes, headers: Sequence[Header], reply: Reply) -> Call | None:
        """Begin to answer a POST; None: not this way."""


class Exchange:
    """Collects the body for a call and writes its answer.

    Attributes:
        call: None before there is one, and when it is answered.
        keep_alive: the connection is for more requests after this one.
    """

    __slots__ = (
        "_body",
        "_common",
        "_ended",
        "_transport",
        "call",
        "disconnected",
        "keep_alive",
        "response_complete",
        "response_started",
    )
    # uvicorn wakes the application with it: here is none.
    message_event = asyncio.Event()

    def __init__(
        self,
        transport: asyncio.Transport,
        common: Sequence[Header],
        ended: Callable[[], None],
    ) -> None:
        """Answer on the transport with the `common` headers; `ended` is called afterwards."""
        self._transport = transport
        self._common = common
        self._ended = ended
        self._body: bytes | bytearray = b""
        self.call: Call | None = None
        self.keep_alive = True
        self.disconnected = False
        self.response_started = self.response_complete = False

    def body(self, chunk: bytes) -> None:
        """Keep a part of the body; usually it comes in one."""
        if not self._body:
            self._body = chunk
            return
        if not isinstance(self._body, bytearray):
            self._body = bytearray(self._body)
        self._body += chunk

    def complete(self) -> None:
        """Hand the body to the call."""
        body, self._body = self._body, b""
        if self.call is not None:
            self.call.complete(bytes(body))

    def fail(self, error: BaseException) -> None:
        """Have the call answer with an error."""
        if self.call is not None:
            self.call.fail(error)

    def reply(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        """Write the answer, in one piece."""
        self.call = None
        self.response_started = self.response_complete = True
        if self.disconnected or self._transport.is_closing():
            return
        parts = [_STATUS_LINES[status], b"content-length: %d\r\n" % len(body)]
        closing = False
        for name, value in (*self._common, *headers):
            parts += (name, b": ", value, b"\r\n")
            closing = closing or name == b"connection"  # whose only value here is `close`
        if closing:
            self.keep_alive = False
        elif not self.keep_alive:
            parts.append(b"connection: close\r\n")
        parts += (b"\r\n", body)
        self._transport.write(b"".join(parts))
        if not self.keep_alive:
            self._transport.close()
        self._ended()
