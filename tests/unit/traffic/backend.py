"""A stand-in for a model pod: answers every request with its name, and the readiness probe."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web
from multidict import CIMultiDictProxy


@dataclass
class Backend:
    """What it answers, and what it was asked.

    `ready`: the probe's status; `headers`: on every answer; `delay`: seconds before it reads
    the body of each request;
    `chunks`: the answer is a stream of as many, with `pause` seconds between two.
    `last`, `seen`: headers of the last and of all requests; `received`: bytes of the last body.
    """

    name: str
    address: str
    ready: int = 200
    probe_delay: float = 0.0
    delay: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    chunks: int = 0
    pause: float = 0.0
    served: int = 0
    received: int = 0
    probes: int = 0
    last: Mapping[str, str] = field(default_factory=dict)
    seen: list[CIMultiDictProxy[str]] = field(default_factory=list)

    def assignments(self) -> Counter[str]:
        """Count the requests by what the router said of them."""
        return Counter(headers.get("x-lockstep-assignment", "none") for headers in self.seen)

    async def start(self) -> None:
        app = web.Application(client_max_size=2**30)
        app.router.add_get("/v2/health/ready", self._probe)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(
            app, access_log=None, keepalive_timeout=60, shutdown_timeout=0.1
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, self.address, 8080, reuse_address=True).start()

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _probe(self, _: web.Request) -> web.Response:
        self.probes += 1
        await asyncio.sleep(self.probe_delay)
        return web.Response(status=self.ready, headers=self.headers)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.served += 1
        self.last = request.headers
        self.seen.append(request.headers)
        await asyncio.sleep(self.delay)
        self.received = len(await request.read())
        headers = {"x-lockstep-revision": self.name, **self.headers}
        if self.chunks:
            return await self._stream(request, headers)
        return web.Response(text=self.name, headers=headers, status=self.status)

    async def _stream(self, request: web.Request, headers: dict[str, str]) -> web.StreamResponse:
        answer = web.StreamResponse(headers=headers)
        await answer.prepare(request)
        for number in range(self.chunks):
            await answer.write(f"{number}\n".encode())
            await asyncio.sleep(self.pause)
        await answer.write_eof()
        return answer
