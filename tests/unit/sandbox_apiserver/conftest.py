"""A server per test, and a client that speaks to it as any user."""

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from lockstep_sandbox.apiserver.pessimism import NONE, Pessimism
from lockstep_sandbox.apiserver.server import RunningServer, ServerConfig, serve

Json = Any
TYPES = {
    "merge": "application/merge-patch+json",
    "apply": "application/apply-patch+yaml",
    "strategic": "application/strategic-merge-patch+json",
}


class Client:
    """Sends requests; `token` says as whom, the administrator when not given."""

    def __init__(self, server: RunningServer, session: aiohttp.ClientSession) -> None:
        self.server, self.session = server, session

    async def send(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        kind: str = "",
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Json]:
        given = {"Content-Type": TYPES.get(kind, "application/json"), **(headers or {})}
        if token is None:
            token = self.server.tokens.admin
        if token:
            given.setdefault("Authorization", f"Bearer {token}")
        data = None if body is None else json.dumps(body)
        url = self.server.url + path
        async with self.session.request(method, url, data=data, headers=given) as reply:
            text = await reply.text()
            return reply.status, json.loads(text) if text.startswith("{") else text

    @asynccontextmanager
    async def watch(self, path: str, token: str | None = None) -> AsyncIterator[Any]:
        headers = {"Authorization": f"Bearer {token or self.server.tokens.admin}"}
        async with self.session.get(self.server.url + path, headers=headers) as reply:

            async def events() -> AsyncIterator[Json]:
                async for line in reply.content:
                    yield json.loads(line)

            yield events()


Start = Callable[..., Awaitable[Client]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Start servers that end with the test; pessimism is off unless asked for."""
    running: list[tuple[RunningServer, aiohttp.ClientSession]] = []

    async def one(pessimism: Pessimism = NONE) -> Client:
        folder = tmp_path / str(len(running))
        server = await serve(ServerConfig(directory=folder, pessimism=pessimism))
        context = ssl.create_default_context(cadata=server.cluster.ca)
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))
        running.append((server, session))
        return Client(server, session)

    yield one
    for server, session in running:
        await session.close()
        await server.close()


@pytest.fixture
async def client(start: Start) -> Client:
    return await start()
