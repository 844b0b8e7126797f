"""EndpointSlice: which pods stand behind each Service with a selector."""

from __future__ import annotations

from typing import Any

from lockstep_sandbox.client import Client
from lockstep_sandbox.informer import Informer
from lockstep_sandbox.objects import (
    Key,
    Obj,
    is_controlled_by,
    is_deleted,
    is_finished,
    is_ready,
    labels_of,
    matches,
    owner_reference,
)

SERVICE = "kubernetes.io/service-name"
_MANAGED = "endpointslice.kubernetes.io/managed-by"
_CONTROLLER = "endpointslice-controller.k8s.io"
_HEADLESS = "service.kubernetes.io/headless"

Ports = tuple[tuple[str, str, int], ...]  # (name, protocol, number)


class EndpointSlices:
    """The controller; `sync` is its whole work."""

    def __init__(self, client: Client, services: Informer, slices: Informer, pods: Informer):
        self._client = client
        self._services = services
        self._slices = slices
        self._pods = pods

    def services_of(self, pod: Obj) -> list[Key]:
        """Return the Services whose selector takes in a pod."""
        namespace = pod["metadata"]["namespace"]
        return [
            (namespace, service["metadata"]["name"])
            for service in self._services.within(namespace)
            if _selects(service, pod)
        ]

    async def sync(self, key: Key) -> float | None:
        """Write one slice per distinct set of port numbers; remove those no longer wanted."""
        service = self._services.get(key)
        if service is None or not service["spec"].get("selector") or is_deleted(service):
            return None  # the server's garbage collection removes the slices
        pods = [pod for pod in self._pods.within(key[0]) if _selects(service, pod)]
        wanted = group(service, pods)
        present = [each for each in self._slices.within(key[0]) if is_controlled_by(each, service)]
        for ports, endpoints in wanted.items():
            fit = next((each for each in present if _ports_of(each) == ports), None)
            if fit is None and present and len(wanted) == 1:
                fit = present[0]
            if fit is not None:
                present.remove(fit)
            await self._write(service, fit, ports, endpoints)
        for surplus in present:
            await self._client.delete("EndpointSlice", surplus)
        return None

    async def _write(
        self, service: Obj, present: Obj | None, ports: Ports, endpoints: list[Obj]
    ) -> None:
        body = slice_from(service, ports, endpoints)
        if present is None:
            self._slices.record(await self._client.create("EndpointSlice", body))
            return
        fields = ("endpoints", "ports")
        if any((present.get(name) or []) != body[name] for name in fields):
            change = {name: body[name] for name in fields}
            self._slices.record(await self._client.patch("EndpointSlice", present, change))


def _selects(service: Obj, pod: Obj) -> bool:
    selector = service["spec"].get("selector")
    return bool(selector) and matches({"matchLabels": selector}, labels_of(pod))


def group(service: Obj, pods: list[Obj]) -> dict[Ports, list[Obj]]:
    """Sort the pods that have an address by the port numbers the Service's names stand for."""
    groups: dict[Ports, list[Obj]] = {}
    for pod in sorted(pods, key=lambda each: str(each["metadata"]["name"])):
        if pod.get("status", {}).get("podIP") and not is_finished(pod):
            groups.setdefault(_resolve(service, pod), []).append(_endpoint(service, pod))
    return groups or {(): []}


def _resolve(service: Obj, pod: Obj) -> Ports:
    found = []
    for port in service["spec"].get("ports") or ():
        number = _number(port.get("targetPort") or port["port"], pod)
        if number is not None:
            found.append((port.get("name", ""), port.get("protocol", "TCP"), number))
    return tuple(found)


def _number(target: int | str, pod: Obj) -> int | None:
    if isinstance(target, int):
        return target
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or ():
            if port.get("name") == target:
                return int(port["containerPort"])
    return None


def _endpoint(service: Obj, pod: Obj) -> Obj:
    serving, terminating = is_ready(pod), is_deleted(pod)
    always = bool(service["spec"].get("publishNotReadyAddresses"))
    meta = pod["metadata"]
    target = {"kind": "Pod", "namespace": meta["namespace"], "name": meta["name"]}
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {
            "ready": always or (serving and not terminating),
            "serving": serving,
            "terminating": terminating,
        },
        "nodeName": pod["spec"].get("nodeName"),
        "targetRef": {**target, "uid": meta["uid"]},
    }


def _ports_of(present: Obj) -> Ports:
    ports: list[dict[str, Any]] = present.get("ports") or []
    return tuple((port.get("name", ""), port["protocol"], port["port"]) for port in ports)


def slice_from(service: Obj, ports: Ports, endpoints: list[Obj]) -> Obj:
    """Make an EndpointSlice of a Service."""
    meta = service["metadata"]
    labels = {**labels_of(service), SERVICE: meta["name"], _MANAGED: _CONTROLLER}
    if service["spec"].get("clusterIP") == "None":
        labels[_HEADLESS] = ""
    names = [{"name": name, "protocol": how, "port": number} for name, how, number in ports]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": f"{meta['name']}-",
            "namespace": meta["namespace"],
            "labels": labels,
            "ownerReferences": [owner_reference(service, "v1", "Service")],
        },
        "addressType": "IPv4",
        "ports": names,
        "endpoints": endpoints,
    }
