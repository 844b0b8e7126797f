"""What the node knows of Services: their addresses and the endpoints behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lockstep_sandbox.client import Client
from lockstep_sandbox.controllers.endpointslice import SERVICE
from lockstep_sandbox.informer import Informer
from lockstep_sandbox.objects import Key, Obj, key_of, labels_of

HEADLESS = "None"


class Services:
    """Services and their EndpointSlices, known with a lag; `on_change` gets the keys."""

    def __init__(self, client: Client, lag: float) -> None:
        self._services = Informer(client, "Service", self._on_service, lag)
        self._slices = Informer(client, "EndpointSlice", self._on_slice, lag)
        self.on_change: Callable[[Key], None] = lambda key: None

    async def run(self) -> None:
        """Follow the API server for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._services.run())
            group.create_task(self._slices.run())

    async def synced(self) -> None:
        """Wait until everything was listed once."""
        await self._services.synced.wait()
        await self._slices.synced.wait()

    def get(self, key: Key) -> Obj | None:
        """Return a Service."""
        return self._services.get(key)

    def namespaces(self) -> set[str]:
        """Return the namespaces that have Services."""
        return {key_of(service)[0] for service in self._services}

    def addresses(self, key: Key) -> list[str]:
        """Return the addresses of the ready endpoints (of all, if the Service publishes them)."""
        found = {
            address
            for each in self._slices_of(key)
            for endpoint in each.get("endpoints") or ()
            if endpoint["conditions"].get("ready")
            for address in endpoint["addresses"]
        }
        return sorted(found)

    def backends(self, key: Key, port: Obj) -> list[tuple[str, int]]:
        """Return where connections to a Service's port may go.

        With no ready endpoint, those that still serve while they terminate (as kube-proxy does).
        """
        pairs = [
            (endpoint, int(number["port"]))
            for each in self._slices_of(key)
            for number in each.get("ports") or ()
            if number.get("name", "") == port.get("name", "")
            for endpoint in each.get("endpoints") or ()
        ]
        ready = [pair for pair in pairs if pair[0]["conditions"].get("ready")]
        serving = [pair for pair in pairs if pair[0]["conditions"].get("serving")]
        return sorted({(endpoint["addresses"][0], number) for endpoint, number in ready or serving})

    def _slices_of(self, key: Key) -> list[Obj]:
        return [
            each for each in self._slices.within(key[0]) if labels_of(each).get(SERVICE) == key[1]
        ]

    def _on_service(self, before: Obj | None, after: Obj | None) -> None:
        for each in (before, after):
            if each is not None:
                self.on_change(key_of(each))

    def _on_slice(self, before: Obj | None, after: Obj | None) -> None:
        for each in (before, after):
            if each is not None and SERVICE in labels_of(each):
                self.on_change((key_of(each)[0], labels_of(each)[SERVICE]))
