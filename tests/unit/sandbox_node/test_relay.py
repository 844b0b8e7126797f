import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from lockstep_sandbox.node.relay import Backend, Inbound, reset

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LARGE = bytes(range(256)) * 20_000  # 5 MB


@asynccontextmanager
async def relay(handler: Handler | None) -> AsyncIterator[Streams]:
    """A client's connection through a relay to a backend; None: nobody listens there."""
    loop = asyncio.get_running_loop()
    backend = await asyncio.start_server(handler or closed, "127.0.0.1", 0)
    place: Backend = backend.sockets[0].getsockname()
    if handler is None:
        backend.close()
        await backend.wait_closed()
    front = await loop.create_server(lambda: Inbound(lambda: place), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*front.sockets[0].getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        front.close()
        backend.close()


async def closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def echo_at_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer only when the client's side has ended: needs half-closes passed on."""
    writer.write(await reader.read())
    await writer.drain()
    writer.close()


async def test_half_close_and_no_lost_byte_either_way() -> None:
    async with relay(echo_at_end) as (reader, writer):
        writer.write(LARGE)
        await writer.drain()
        writer.write_eof()
        async with asyncio.timeout(20):
            assert await reader.read() == LARGE


async def test_a_request_sent_at_once_arrives() -> None:
    async with relay(echo_at_end) as (reader, writer):
        writer.write(b"early")
        writer.write_eof()
        async with asyncio.timeout(5):
            assert await reader.read() == b"early"


async def test_the_backend_may_speak_first() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\n")
        await reader.read(1)
        writer.close()

    async with relay(greet) as (reader, _), asyncio.timeout(5):
        assert await reader.readline() == b"220 hello\n"


async def test_a_slow_reader_does_not_fill_the_memory() -> None:
    sent = 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while sent < 200_000_000:
            writer.write(bytes(1_000_000))
            sent += 1_000_000
            await writer.drain()

    async with relay(pour) as (reader, _):
        await reader.read(1)
        await asyncio.sleep(0.5)
        assert sent < 50_000_000


async def test_a_backend_that_breaks_off_resets_the_client() -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"half an ans")
        await reader.read(1)
        reset(writer.transport)

    async with relay(break_off) as (reader, writer), asyncio.timeout(5):
        await reader.read(1)
        writer.write(b"x")
        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_nobody_behind_the_service_is_a_reset() -> None:
    async with relay(None) as (reader, _), asyncio.timeout(5):
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
