"""The variables that tell a container where the Services of its namespace are.

As kubelet makes them: https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
"""

from __future__ import annotations

from collections.abc import Iterable

from lockstep_sandbox.node.services import HEADLESS
from lockstep_sandbox.objects import Obj


def service_links(services: Iterable[Obj]) -> dict[str, str]:
    """Return the variables of all Services that have an address."""
    found: dict[str, str] = {}
    for service in services:
        address = service["spec"].get("clusterIP")
        if address and address != HEADLESS:
            found |= _links(_variable(service["metadata"]["name"]), address, service["spec"])
    return found


def _links(name: str, address: str, spec: Obj) -> dict[str, str]:
    ports = spec.get("ports") or [{"port": 0}]
    found = {f"{name}_SERVICE_HOST": address, f"{name}_SERVICE_PORT": str(ports[0]["port"])}
    for port in ports:
        if port.get("name"):
            found[f"{name}_SERVICE_PORT_{_variable(port['name'])}"] = str(port["port"])
    for port in spec.get("ports") or ():
        protocol, number = port.get("protocol", "TCP"), str(port["port"])
        url, prefix = f"{protocol.lower()}://{address}:{number}", f"{name}_PORT_{number}_{protocol}"
        found.setdefault(f"{name}_PORT", url)
        found |= {
            prefix: url,
            f"{prefix}_PROTO": protocol.lower(),
            f"{prefix}_PORT": number,
            f"{prefix}_ADDR": address,
        }
    return found


def _variable(name: str) -> str:
    return name.upper().replace("-", "_")
