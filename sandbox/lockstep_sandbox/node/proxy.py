"""Service addresses: a listener per ClusterIP and port that spreads connections over endpoints."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from lockstep_sandbox.client import ApiError, Client
from lockstep_sandbox.node.relay import Backend, Inbound
from lockstep_sandbox.node.services import HEADLESS, Services
from lockstep_sandbox.objects import Key, Obj, annotations_of
from lockstep_sandbox.workqueue import WorkQueue

log = logging.getLogger(__name__)

PORT_NOTE = "sandbox.lockstep.dev/port-"  # + the port: annotation that names the one used instead
_PRIVILEGED = 20_000  # added to a port that needs root
_BACKLOG = 1024
_RETRY = 1.0  # seconds


@dataclass
class _Listener:
    """A listening address and its backends, taken in turn."""

    backends: list[Backend] = field(default_factory=list)
    server: asyncio.Server | None = None
    turn: int = 0

    def pick(self) -> Backend | None:
        self.turn += 1
        return self.backends[self.turn % len(self.backends)] if self.backends else None


class ServiceProxy:
    """Stands in for kube-proxy: TCP only, ClusterIPs only."""

    def __init__(self, client: Client, services: Services) -> None:
        self._client = client
        self._services = services
        self._listeners: dict[Key, dict[tuple[str, int], _Listener]] = {}
        self._queue = WorkQueue("Service proxy", self._sync)
        services.on_change = self._queue.add

    async def run(self) -> None:
        """Work for ever."""
        await self._queue.run(workers=1)

    async def _sync(self, key: Key) -> float | None:
        service = self._services.get(key)
        present = self._listeners.setdefault(key, {})
        retry = None
        wanted = _addresses_of(service) if service else {}
        for address in set(present) - set(wanted):
            _close(present.pop(address))
        for address, port in wanted.items():
            listener = present.setdefault(address, _Listener())
            # connections keep the backend they have, as under kube-proxy
            listener.backends = self._services.backends(key, port)
            if not listener.backends:
                _close(listener)  # so that a connection is refused
            elif listener.server is None and service is not None:
                try:
                    await self._listen(service, address, listener)
                except OSError as error:
                    log.warning("service %s/%s: %s", *key, error)
                    retry = _RETRY
        if not present:
            del self._listeners[key]
        return retry

    async def _listen(self, service: Obj, address: tuple[str, int], listener: _Listener) -> None:
        host, port = address
        loop = asyncio.get_running_loop()

        async def bind(number: int) -> asyncio.Server:
            return await loop.create_server(
                lambda: Inbound(listener.pick), host, number, backlog=_BACKLOG
            )

        try:
            listener.server = await bind(port)
        except PermissionError:
            listener.server = await bind(port + _PRIVILEGED)
            await self._note(service, port, port + _PRIVILEGED)

    async def _note(self, service: Obj, port: int, instead: int) -> None:
        name = f"{PORT_NOTE}{port}"
        if annotations_of(service).get(name) == str(instead):
            return
        text = "service %s: port %d needs root, listening on %d instead"
        log.warning(text, service["metadata"]["name"], port, instead)
        try:
            change = {"metadata": {"annotations": {name: str(instead)}}}
            await self._client.patch("Service", service, change)
        except ApiError as error:
            log.warning("service %s not annotated: %s", service["metadata"]["name"], error)


def _addresses_of(service: Obj) -> dict[tuple[str, int], Obj]:
    """Return a Service's ports by (ClusterIP, port)."""
    host = service["spec"].get("clusterIP")
    if not host or host == HEADLESS:
        return {}
    ports = service["spec"].get("ports") or ()
    return {(host, port["port"]): port for port in ports if port.get("protocol", "TCP") == "TCP"}


def _close(listener: _Listener) -> None:
    if listener.server is not None:
        listener.server.close()
        listener.server = None
