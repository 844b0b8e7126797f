"""The operator's own HTTP endpoints: /livez, /readyz, /metrics."""

from collections.abc import Callable

from aiohttp import web

from lockstep_operator.shell.connection import StartupError
from lockstep_operator.shell.metrics import Metrics

Check = Callable[[], str | None]
"""Says what is wrong, None when nothing is."""

_EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


class Health:
    """Serves from start to end of the process, also while another process leads."""

    def __init__(self, metrics: Metrics, alive: Check, ready: Check) -> None:
        self._metrics = metrics
        self._alive = alive
        self._ready = ready
        app = web.Application()
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._exposition)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port, chosen by the system when `port` is 0.

        Raises:
            StartupError: the address is taken or not ours.
        """
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise StartupError(f"cannot listen on {host}:{port}: {error.strerror}") from error
        bound: int = self._runner.addresses[0][1]
        return bound

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _livez(self, _: web.Request) -> web.Response:
        return _answer(self._alive())

    async def _readyz(self, _: web.Request) -> web.Response:
        return _answer(self._ready())

    async def _exposition(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.exposition(), headers={"Content-Type": _EXPOSITION})


def _answer(problem: str | None) -> web.Response:
    return web.Response(status=503 if problem else 200, text=f"{problem or 'ok'}\n")
