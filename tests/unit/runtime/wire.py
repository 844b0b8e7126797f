"""An httpx transport that talks to the server's connections, with no socket in between.

What a client sees is what uvicorn and our connections write, byte by byte.
"""

import asyncio
from collections.abc import AsyncIterator

import h11
import httpx

from lockstep_runtime.app import App
from lockstep_runtime.connection import Connection
from lockstep_runtime.server import DrainingServer, LeavingTimes
from lockstep_runtime.state import ServingState


class Pipe(asyncio.Transport):
    """Where a connection writes."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.news = asyncio.Event()
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data
        self.news.set()

    def close(self) -> None:
        self._closing = True
        self.news.set()

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class WireTransport(httpx.AsyncBaseTransport):
    """Makes a connection per request."""

    def __init__(self, app: App, state: ServingState, *, fast_path: bool) -> None:
        """With the fast path, or with the application only."""
        self._server = DrainingServer(
            app,
            state,
            times=LeavingTimes(0, 1),
            fast_path=app.fast_path if fast_path else None,
        )
        self._server.config.load()

    def connect(self) -> tuple[Connection, Pipe]:
        """Make a connection."""
        make = self._server.config.http_protocol_class
        connection = make(
            config=self._server.config, server_state=self._server.server_state, app_state={}
        )
        assert isinstance(connection, Connection)
        pipe = Pipe()
        connection.connection_made(pipe)
        return connection, pipe

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        connection, pipe = self.connect()
        head = [request.method.encode(), b" ", request.url.raw_path, b" HTTP/1.1\r\n"]
        for name, value in request.headers.raw:
            head += [name, b": ", value, b"\r\n"]
        connection.data_received(b"".join([*head, b"\r\n"]))
        assert isinstance(request.stream, httpx.AsyncByteStream)
        chunked = "transfer-encoding" in request.headers
        await _send(connection, aiter(request.stream), chunked=chunked)
        try:
            return await _received(pipe, request.method)
        finally:
            connection.connection_lost(None)


async def _send(connection: Connection, body: AsyncIterator[bytes], *, chunked: bool) -> None:
    async for part in body:
        if part:
            connection.data_received(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
    if chunked:
        connection.data_received(b"0\r\n\r\n")


async def _received(pipe: Pipe, method: str) -> httpx.Response:
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method=method, target="/", headers=[("host", "runtime")]))
    parser.send(h11.EndOfMessage())
    head: h11.Response | None = None
    body = b""
    while True:
        event = parser.next_event()
        if event is h11.NEED_DATA:
            if not pipe.written and not pipe.is_closing():
                await pipe.news.wait()
            parser.receive_data(bytes(pipe.written))
            pipe.written.clear()
            pipe.news.clear()
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            break
    assert head is not None
    return httpx.Response(head.status_code, headers=list(head.headers.raw_items()), content=body)
