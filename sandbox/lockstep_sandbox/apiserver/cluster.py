"""What the handlers share: the store, the served resources, addresses and tokens."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

from lockstep_sandbox.apiserver.resources import Registry
from lockstep_sandbox.apiserver.store import Store

Json = Any


class Addresses:
    """ClusterIPs, handed out in order from a range; the first is the API server's own."""

    def __init__(self, network: str) -> None:
        self.network = ipaddress.ip_network(network)
        self._used: set[str] = set()
        self._next = 1

    def take(self, wanted: str = "") -> str:
        """Return a free address, or the wanted one; raises ValueError saying why it cannot be."""
        if wanted:
            if ipaddress.ip_address(wanted) not in self.network:
                raise ValueError(f"the provided IP is not in the valid range {self.network}")
            if wanted in self._used:
                raise ValueError("provided IP is already allocated")
        address = wanted or self._free()
        self._used.add(address)
        return address

    def release(self, address: str) -> None:
        """Give an address back."""
        self._used.discard(address)

    def _free(self) -> str:
        for _ in range(self.network.num_addresses):
            self._next = self._next % (self.network.num_addresses - 2) + 1
            if (address := str(self.network[self._next])) not in self._used:
                return address
        raise ValueError(f"range {self.network} is full")


@dataclass
class Cluster:
    """The state of one sandbox's API server."""

    registry: Registry
    store: Store
    addresses: Addresses
    ca: str = ""

    def get(self, resource: str, namespace: str, name: str) -> Json | None:
        """Return an object by storage name."""
        return self.store.get(resource, namespace, name)
