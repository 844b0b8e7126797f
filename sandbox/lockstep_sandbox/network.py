"""A sandbox's own range of loopback addresses: no two sandboxes on a machine share one."""

from __future__ import annotations

import random
import socket
from dataclasses import dataclass

_LOWEST, _HIGHEST = 16, 250
_MARKER_PORT = 47100


class NoRangeError(Exception):
    """Every range of loopback addresses is taken."""


@dataclass(frozen=True)
class Network:
    """127.`number`.0.0/16, divided between the node, its pods and the Services."""

    number: int

    @property
    def node(self) -> str:
        """Return the node's address (kubelet's endpoint)."""
        return f"127.{self.number}.0.1"

    @property
    def dns(self) -> str:
        """Return the address of the cluster's DNS."""
        return f"127.{self.number}.0.10"

    @property
    def services(self) -> str:
        """Return the range of ClusterIPs."""
        return f"127.{self.number}.128.0/17"

    def pod(self, index: int) -> str:
        """Return the address of the pod that came as number `index` (wraps after 32,000)."""
        offset = index % (126 * 254)
        return f"127.{self.number}.{1 + offset // 254}.{1 + offset % 254}"


def claim() -> tuple[Network, socket.socket]:
    """Take a free range; it stays taken as long as the returned socket is open.

    Raises:
        NoRangeError: none is free.
    """
    numbers = list(range(_LOWEST, _HIGHEST + 1))
    random.shuffle(numbers)
    for number in numbers:
        marker = socket.socket()
        try:
            marker.bind((f"127.{number}.255.254", _MARKER_PORT))
            marker.listen(1)
        except OSError:
            marker.close()
            continue
        return Network(number), marker
    raise NoRangeError(f"port {_MARKER_PORT} is taken on every loopback range 127.16-250.255.254")
