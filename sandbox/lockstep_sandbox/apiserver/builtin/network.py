"""Services and EndpointSlices: addresses, ports and their defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lockstep_sandbox.apiserver.cluster import Cluster
from lockstep_sandbox.apiserver.errors import FieldError

Json = Any


def prepare(cluster: Cluster, new: Json, old: Json | None) -> None:
    """Default ports and families, and give the Service an address."""
    spec = new["spec"]
    for port in spec.get("ports") or ():
        port.setdefault("targetPort", port.get("port"))
    if spec["type"] == "ExternalName":
        spec.pop("internalTrafficPolicy", None)
        return
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    if old is not None and old["spec"].get("clusterIP"):
        spec.setdefault("clusterIP", old["spec"]["clusterIP"])
    elif spec.get("clusterIP") != "None":
        _allocate(cluster, spec)
    spec.setdefault("clusterIPs", [spec["clusterIP"]] if spec.get("clusterIP") else [])


def _allocate(cluster: Cluster, spec: Json) -> None:
    try:
        spec["clusterIP"] = cluster.addresses.take(spec.get("clusterIP", ""))
    except ValueError as error:
        spec["clusterIPs"] = [f"!{error}"]  # validate() turns it into an answer


def release(cluster: Cluster, obj: Json) -> None:
    """Give the Service's address back, if it got one."""
    spec = obj["spec"]
    if (spec.get("clusterIPs") or [""])[0] == spec.get("clusterIP"):
        cluster.addresses.release(spec.get("clusterIP", ""))


def validate(cluster: Cluster, new: Json, old: Json | None) -> Iterator[FieldError]:
    """Yield what is wrong with a Service."""
    spec = new["spec"]
    address = spec.get("clusterIP")
    if (given := (spec.get("clusterIPs") or [""])[0]).startswith("!"):
        yield FieldError("spec.clusterIPs", "Invalid value", given[1:], [address])
    if old is not None and old["spec"].get("clusterIP") and old["spec"]["clusterIP"] != address:
        why = "may not change once set"
        yield FieldError("spec.clusterIPs[0]", "Invalid value", why, address)
    ports = spec.get("ports") or []
    if not ports and address != "None" and spec["type"] != "ExternalName":
        yield FieldError("spec.ports", "Required value")
    for i, port in enumerate(ports):
        yield from _port(port, f"spec.ports[{i}]", len(ports) > 1)
        if port.get("name") and port["name"] in [p.get("name") for p in ports[:i]]:
            yield FieldError(f"spec.ports[{i}].name", "Duplicate value", value=port["name"])


def _port(port: Json, path: str, several: bool) -> Iterator[FieldError]:
    if several and not port.get("name"):
        yield FieldError(f"{path}.name", "Required value")
    for name in ("port", "targetPort"):
        number = port.get(name, 0)
        if isinstance(number, int) and not 0 < number < 65536:
            why = "must be between 1 and 65535, inclusive"
            yield FieldError(f"{path}.{name}", "Invalid value", why, number)
        elif isinstance(number, str) and not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,14})", number):
            why = "must be no more than 15 characters"
            yield FieldError(f"{path}.{name}", "Invalid value", why, number)


def prepare_slice(cluster: Cluster, new: Json, old: Json | None) -> None:
    """Default the ports' names and protocols."""
    for port in new.get("ports") or ():
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")
