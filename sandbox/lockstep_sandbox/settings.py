"""How a sandbox's node behaves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from lockstep_sandbox.network import Network


@dataclass(frozen=True)
class NodeSettings:
    """Folders, addresses, and how pessimistic the node is; times in seconds."""

    folder: Path  # of the sandbox
    pods: Path  # short path of the pods' folders: a unix socket's path has at most 107 bytes
    network: Network
    identity: str  # in every container's environment, so that none is ever lost
    name: str = "sandbox"
    volume_sync: float = 60.0  # kubelet's syncFrequency
    volume_jitter: float = 0.5  # share of it that a sync may be late
    watch_lag: float = 0.5  # how late the node learns of a change at most
    dns_ttl: float = 30.0  # how long an answer lives, also a negative one
    back_off: float = 10.0  # before the second restart; doubles
    back_off_limit: float = 300.0

    def optimistic(self) -> Self:
        """Return the same node that learns of everything quickly."""
        return replace(self, volume_sync=1.0, watch_lag=0.0, dns_ttl=1.0)
