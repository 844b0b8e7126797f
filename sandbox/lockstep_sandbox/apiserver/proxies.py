"""Requests that are passed on: container logs to the node's kubelet, proxies to pods."""

from __future__ import annotations

import ipaddress
from typing import Any

import aiohttp
from aiohttp import web

from lockstep_sandbox.apiserver.builtin.pods import containers
from lockstep_sandbox.apiserver.call import Call
from lockstep_sandbox.apiserver.cluster import Cluster
from lockstep_sandbox.apiserver.errors import ApiError, bad_request, not_found

Json = Any
_DROPPED = {"host", "authorization", "connection", "transfer-encoding", "content-length"}
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5)


class Proxy:
    """Passes requests on and streams what comes back."""

    def __init__(self, cluster: Cluster, kubelet_token: str) -> None:
        self._cluster, self._token = cluster, kubelet_token
        self._session: aiohttp.ClientSession

    async def open(self) -> None:
        """Open the connection pool."""
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT, auto_decompress=False)

    async def close(self) -> None:
        """Close it."""
        await self._session.close()

    async def log(self, call: Call, request: web.Request) -> web.StreamResponse:
        """GET pods/NAME/log."""
        pod = self._pod(call, call.name)
        container = _container(pod, call.query.get("container", ""))
        node = self._cluster.get("nodes", "", pod["spec"].get("nodeName", ""))
        if node is None:
            return web.Response(status=204)
        status = node.get("status") or {}
        address = next(a["address"] for a in status["addresses"] if a["type"] == "InternalIP")
        port = status["daemonEndpoints"]["kubeletEndpoint"]["Port"]
        path = f"/containerLogs/{call.namespace}/{call.name}/{container}"
        query = {k: v for k, v in call.query.items() if k != "container"}
        url = f"http://{_local(address)}:{port}{path}"
        headers = {"Authorization": f"Bearer {self._token}"}
        async with self._session.get(url, params=query, headers=headers) as reply:
            if reply.status >= 400:
                text = (await reply.text()).strip()
                reason = "BadRequest" if reply.status == 400 else "InternalError"
                raise ApiError(reply.status, reason, text)
            return await _stream(request, reply)

    async def pass_on(self, call: Call, request: web.Request, rest: str) -> web.StreamResponse:
        """Any verb on pods/NAME[:PORT]/proxy/… or services/NAME[:PORT]/proxy/…."""
        parts = call.name.split(":")
        name, port = [*(parts[1:] if len(parts) == 3 else parts), ""][:2]
        find = self._pod_target if call.resource.key == "pods" else self._service_target
        url = f"http://{find(call, name, port)}/{rest}"
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _DROPPED}
        try:
            async with self._session.request(
                request.method, url, params=request.query, headers=headers, data=call.body
            ) as reply:
                return await _stream(request, reply)
        except aiohttp.ClientConnectionError as error:
            message = f"error trying to reach service: {error}"
            raise ApiError(503, "ServiceUnavailable", message) from error

    def _pod(self, call: Call, name: str) -> Json:
        pod = self._cluster.get("pods", call.namespace, name)
        if pod is None:
            raise not_found("pods", "", name)
        return pod

    def _pod_target(self, call: Call, name: str, port: str) -> str:
        pod = self._pod(call, name)
        address = (pod.get("status") or {}).get("podIP")
        if not address:
            raise bad_request("address not allowed")
        if not port:
            ports = [p for c in pod["spec"]["containers"] for p in c.get("ports") or ()]
            port = str(ports[0]["containerPort"]) if ports else "80"
        return f"{_local(address)}:{port}"

    def _service_target(self, call: Call, name: str, port: str) -> str:
        service = self._cluster.get("services", call.namespace, name)
        if service is None:
            raise not_found("services", "", name)
        ports = service["spec"].get("ports") or []
        wanted = next((p for p in ports if port in ("", p.get("name"), str(p["port"]))), None)
        for found in self._cluster.store.items("endpointslices.discovery.k8s.io", call.namespace):
            labels = found["metadata"].get("labels") or {}
            if wanted is None or labels.get("kubernetes.io/service-name") != name:
                continue
            numbers = [
                p for p in found.get("ports") or () if p.get("name") == wanted.get("name", "")
            ]
            ready = [e for e in found["endpoints"] or () if e["conditions"].get("ready", True)]
            if ready and numbers:
                return f"{_local(ready[0]['addresses'][0])}:{numbers[0]['port']}"
        message = f'no endpoints available for service "{name}"'
        raise ApiError(503, "ServiceUnavailable", message)


def _local(address: str) -> str:
    """Refuse to go anywhere but to loopback, whatever a status says."""
    if not ipaddress.ip_address(address).is_loopback:
        raise bad_request(f"address not allowed: {address}")
    return address


def _container(pod: Json, asked: str) -> str:
    names = [c["name"] for c in containers(pod["spec"])]
    if asked and asked not in names:
        raise bad_request(f"container {asked} is not valid for pod {pod['metadata']['name']}")
    main = [c["name"] for c in pod["spec"]["containers"]]
    if not asked and len(main) > 1:
        raise bad_request(
            f"a container name must be specified for pod {pod['metadata']['name']}, "
            f"choose one of: [{' '.join(main)}]"
        )
    return asked or main[0]


async def _stream(request: web.Request, reply: aiohttp.ClientResponse) -> web.StreamResponse:
    kept = {k: v for k, v in reply.headers.items() if k.lower() not in _DROPPED}
    response = web.StreamResponse(status=reply.status, headers=kept)
    await response.prepare(request)
    async for chunk in reply.content.iter_any():
        await response.write(chunk)
    await response.write_eof()
    return response
