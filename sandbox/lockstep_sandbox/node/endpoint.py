"""Kubelet's own endpoint: the API server fetches container logs here."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from lockstep_sandbox.node.kubelet import Kubelet
from lockstep_sandbox.node.logs import LogRequest, read


def guard(token: str) -> Middleware:
    """Return a middleware that refuses everybody who does not know the token."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        known = hmac.compare_digest(given.encode(), token.encode())
        if scheme.lower() != "bearer" or not known or "Origin" in request.headers:
            return web.Response(status=401, text="Unauthorized")
        return await handler(request)

    return check


def application(kubelet: Kubelet, token: str) -> web.Application:
    """Make the endpoint: GET /containerLogs/NAMESPACE/POD/CONTAINER."""

    async def serve_logs(request: web.Request) -> web.StreamResponse:
        part = request.match_info
        worker = kubelet.worker(part["namespace"], part["pod"])
        container = worker.find(part["container"]) if worker else None
        if worker is None or container is None:
            text = f"container {part['container']} of pod {part['pod']} is not on this node"
            return web.Response(status=404, text=text)
        try:
            wanted = log_request(request)
        except ValueError as error:
            return web.Response(status=400, text=str(error))
        previous = request.query.get("previous") == "true"
        run = container.restarts - previous
        path = worker.context.log(container.spec, run)
        if not path.exists():
            which = "previous terminated " if previous else ""
            text = f'{which}container "{container.name}" in pod "{part["pod"]}" '
            text += "not found" if previous else f"is waiting to start: {_reason(container.state)}"
            return web.Response(status=400, text=text)

        def going_on() -> bool:
            return container.running and container.restarts == run

        answer = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await answer.prepare(request)
        async for chunk in read(path, wanted, going_on):
            await answer.write(chunk)
        await answer.write_eof()
        return answer

    app = web.Application(middlewares=[guard(token)])
    app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", serve_logs)
    return app


def log_request(request: web.Request) -> LogRequest:
    """Read the query of a log request.

    Raises:
        ValueError: a number is none.
    """
    query = request.query
    seconds = query.get("sinceSeconds")
    return LogRequest(
        follow=query.get("follow") == "true",
        timestamps=query.get("timestamps") == "true",
        tail=int(query["tailLines"]) if query.get("tailLines") else None,
        since=datetime.now(UTC) - timedelta(seconds=int(seconds)) if seconds else None,
    )


def _reason(state: dict[str, dict[str, str]]) -> str:
    return state.get("waiting", {}).get("reason", "ContainerCreating")


async def listen(app: web.Application, host: str) -> tuple[web.AppRunner, int]:
    """Serve on a free port; return the runner and the port."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, host, 0)
    await site.start()
    return runner, int(runner.addresses[0][1])
