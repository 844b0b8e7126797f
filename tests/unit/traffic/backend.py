"""A stand-in for a model pod: answers every request with its name, and the readiness probe."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Backend:
    """`ready`: the probe's status; `headers`: on every answer; `delay`: seconds per answer."""

    name: str
    address: str
    ready: int = 200
    probe_delay: float = 0.0
    delay: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    served: int = 0
    probes: int = 0
    last: Mapping[str, str] = field(default_factory=dict)

    async def start(self) -> None:
        app = web.Application()
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

    async def _serve(self, request: web.Request) -> web.Response:
        self.served += 1
        self.last = request.headers
        await asyncio.sleep(self.delay)
        headers = {"x-lockstep-revision": self.name, **self.headers}
        return web.Response(text=self.name, headers=headers)
