"""Carrying bytes between two connections: nothing lost, half-closes passed on."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import cast

Backend = tuple[str, int]
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with no time: close sends RST


class _Side(asyncio.Protocol):
    """One of the two connections."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: _Side | None = None
        self._ended = False  # nothing more will come
        self._early: list[bytes] = []  # came before there was another side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's has no common base

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self._early.append(data)
            if self.transport is not None:
                self.transport.pause_reading()
        elif self.other.transport is not None:
            self.other.transport.write(data)

    def join(self, other: _Side) -> None:
        """Have another side from now on; what came early goes there first."""
        self.other = other
        if other.transport is not None:
            other.transport.writelines(self._early)
            if self._ended:
                other.transport.write_eof()
        if self.transport is not None and self._early:
            self.transport.resume_reading()
        self._early = []

    def eof_received(self) -> bool:
        self._ended = True
        if self.other and self.other.transport:
            if self.other._ended:
                self.other.transport.close()
                return False
            self.other.transport.write_eof()
        return True  # the other direction goes on

    def connection_lost(self, exc: Exception | None) -> None:
        transport = self.other.transport if self.other else None
        self.transport, self.other = None, None
        if transport is not None:
            if exc is None:
                transport.close()
            else:
                reset(transport)

    def pause_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.resume_reading()


class Inbound(_Side):
    """A client's connection; picks a backend once, and keeps it whatever becomes of endpoints."""

    def __init__(self, pick: Callable[[], Backend | None]) -> None:
        super().__init__()
        self._pick = pick
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Look for a backend."""
        super().connection_made(transport)
        self._task = asyncio.create_task(self._connect())

    async def _connect(self) -> None:
        backend = self._pick()
        side = _Side()
        side.other = self  # it may speak first
        try:
            if backend is None:
                raise ConnectionRefusedError("no endpoints")
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: side, *backend)
        except OSError:
            # where kube-proxy would have passed on the refusal
            if self.transport is not None:
                reset(self.transport)
            return
        if self.transport is None:  # the client has gone meanwhile
            if side.transport is not None:
                side.transport.abort()
            return
        self.join(side)


def reset(transport: asyncio.Transport) -> None:
    """End a connection with RST, so that the peer does not take it for a complete answer."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
