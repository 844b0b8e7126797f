"""The node's process: kubelet, DNS, Service addresses and the controllers on one event loop."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
from dataclasses import dataclass
from pathlib import Path

import uvloop

from lockstep_sandbox import images
from lockstep_sandbox.client import Access, ApiError, Client
from lockstep_sandbox.controllers.manager import Manager
from lockstep_sandbox.node import dns, endpoint
from lockstep_sandbox.node.kubelet import Kubelet
from lockstep_sandbox.node.process import reap_strays
from lockstep_sandbox.node.proxy import ServiceProxy
from lockstep_sandbox.node.services import Services
from lockstep_sandbox.processes import become_subreaper
from lockstep_sandbox.settings import NodeSettings

log = logging.getLogger(__name__)

_SERVER_PATIENCE = 20.0  # seconds


@dataclass(frozen=True)
class NodeFiles:
    """The files a node starts from."""

    kubelet: Path  # kubeconfig
    controllers: Path  # kubeconfig
    token: Path  # that the API server shows to kubelet's endpoint
    images: Path | None


def run(settings: NodeSettings, files: NodeFiles, ready: int) -> None:
    """Run the node until SIGTERM; a line goes to the descriptor `ready` when it is up."""
    become_subreaper()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # Service connections, and Envoys
    uvloop.run(_main(settings, files, ready))


async def _main(settings: NodeSettings, files: NodeFiles, ready: int) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with (
        Client(Access.parse(await _wait_for(files.kubelet))) as client,
        Client(Access.parse(await _wait_for(files.controllers))) as privileged,
    ):
        await _wait_for_server(client)
        node = asyncio.create_task(_serve(settings, files, ready, client, privileged))
        ending = asyncio.create_task(stop.wait())
        await asyncio.wait([node, ending], return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not node.done():
            node.cancel()
            await asyncio.wait([node])
            return
        await node


async def _serve(
    settings: NodeSettings, files: NodeFiles, ready: int, client: Client, privileged: Client
) -> None:
    services = Services(client, settings.watch_lag)
    resolver = dns.Resolver(services, settings.dns_ttl)
    server, port = await dns.serve(resolver, settings.network.dns)
    built_in = images.envoy(settings.folder / "bin", (settings.network.dns, port))
    kubelet = Kubelet(client, settings, images.load(files.images, built_in))
    app = endpoint.application(kubelet, await _wait_for(files.token))
    runner, kubelet_port = await endpoint.listen(app, settings.network.node)
    try:
        async with asyncio.TaskGroup() as group:
            for each in (services, ServiceProxy(client, services), Manager(privileged)):
                group.create_task(each.run())
            group.create_task(reap_strays())
            await kubelet.register(kubelet_port)
            group.create_task(kubelet.run())
            await services.synced()
            os.write(ready, b"ready\n")
    finally:
        server.close()
        await runner.cleanup()


async def _wait_for(path: Path) -> str:
    """Read a file that the API server is about to write."""
    async with asyncio.timeout(_SERVER_PATIENCE):
        while True:
            if await asyncio.to_thread(path.exists):
                return await asyncio.to_thread(path.read_text, "utf-8")
            await asyncio.sleep(0.02)


async def _wait_for_server(client: Client) -> None:
    async with asyncio.timeout(_SERVER_PATIENCE):
        while True:
            try:
                await client.request("GET", "/version")
            except ApiError as error:
                log.debug("waiting for the API server: %s", error)
                await asyncio.sleep(0.05)
            else:
                return
