"""Start and stop an API server."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from lockstep_sandbox.apiserver import certificates, crds
from lockstep_sandbox.apiserver.auth import ADMIN, Tokens
from lockstep_sandbox.apiserver.builtin.rules import RULES, Rules
from lockstep_sandbox.apiserver.cluster import Addresses, Cluster
from lockstep_sandbox.apiserver.front import Front
from lockstep_sandbox.apiserver.garbage import Garbage
from lockstep_sandbox.apiserver.metadata import stamp
from lockstep_sandbox.apiserver.namespaces import Namespaces
from lockstep_sandbox.apiserver.pessimism import Pessimism
from lockstep_sandbox.apiserver.proxies import Proxy
from lockstep_sandbox.apiserver.resources import builtin
from lockstep_sandbox.apiserver.schema import data
from lockstep_sandbox.apiserver.store import Store
from lockstep_sandbox.apiserver.structural import apply_defaults

Json = Any
NAME = "lockstep-sandbox"
LARGEST = 8 * 1024 * 1024  # bytes of a request's body


@dataclass(frozen=True)
class ServerConfig:
    """Where an API server listens and what it hands out."""

    directory: Path  # gets the kubeconfigs and the key, all 0600
    host: str = "127.0.0.1"
    port: int = 0  # 0: any free one
    services: str = "127.16.128.0/17"  # range of ClusterIPs
    pessimism: Pessimism = field(default_factory=Pessimism)


@dataclass
class RunningServer:
    """An API server that answers; `close` it."""

    url: str
    cluster: Cluster
    tokens: Tokens
    _runner: web.AppRunner
    _tasks: list[asyncio.Task[None]]
    _proxy: Proxy

    async def close(self) -> None:
        """Stop answering; the objects are gone."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._proxy.close()
        await self._runner.cleanup()

    async def wait(self) -> None:
        """Wait for a controller to fail, and raise its error."""
        await asyncio.gather(*self._tasks)


async def serve(config: ServerConfig) -> RunningServer:
    """Start an API server; when this returns, its kubeconfigs are written and it answers."""
    config.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    addresses = Addresses(config.services)
    first = str(addresses.network[1])
    ca, context = certificates.make(config.directory, [config.host, "127.0.0.1", first])
    cluster = empty_cluster(addresses, ca)
    workers = (Garbage(cluster), Namespaces(cluster))
    tokens = Tokens()
    proxy = Proxy(cluster, tokens.endpoint)
    await proxy.open()
    front = Front(cluster, tokens, config.pessimism, proxy)
    app = web.Application(client_max_size=LARGEST)
    app.router.add_route("*", "/{path:.*}", front.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.2, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, config.host, config.port, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    url = f"https://{config.host}:{port}"
    bootstrap(cluster, config.host, port)
    tasks = [asyncio.create_task(worker.run()) for worker in workers]
    users = {"kubeconfig": tokens.admin, "kubelet.kubeconfig": tokens.kubelet}
    for name, token in {**users, "controllers.kubeconfig": tokens.controllers}.items():
        certificates.write_secret(config.directory / name, _kubeconfig(url, ca, token))
    certificates.write_secret(config.directory / "kubelet.token", tokens.endpoint)
    return RunningServer(url, cluster, tokens, runner, tasks, proxy)


def empty_cluster(addresses: Addresses, ca: str = "") -> Cluster:
    """Return a cluster that serves the built-in resources and, once stored, custom ones."""
    cluster = Cluster(builtin(), Store(), addresses, ca)
    crds.follow(cluster)
    return cluster


def bootstrap(cluster: Cluster, host: str, port: int) -> None:
    """Put the first objects into the store; `host` and `port`: where the API server listens."""
    address = str(cluster.addresses.network[1])
    for obj in [*data("bootstrap.yaml"), *_own_service(address, host, port)]:
        resource = cluster.registry.of_kind(obj["apiVersion"], obj["kind"])
        if resource is None:
            raise ValueError(f"bootstrap: {obj['kind']} is not served")
        stamp(obj, obj["metadata"].get("namespace", ""))
        apply_defaults(obj, resource.schema)
        RULES.get(resource.key, Rules()).prepare(cluster, obj, None)
        cluster.store.put(resource.key, obj)


def _own_service(address: str, host: str, port: int) -> list[Json]:
    meta = {"name": "kubernetes", "namespace": "default"}
    labels = {"kubernetes.io/service-name": "kubernetes"}
    spec = {"clusterIP": address, "clusterIPs": [address]}
    ports = [{"name": "https", "port": 443, "targetPort": port}]
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": dict(meta),
            "spec": {**spec, "ports": ports},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**meta, "labels": labels},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [host], "conditions": {"ready": True}}],
            "ports": [{"name": "https", "port": port}],
        },
    ]


def _kubeconfig(url: str, ca: str, token: str) -> str:
    data = base64.b64encode(ca.encode()).decode()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": NAME,
        "clusters": [
            {"name": NAME, "cluster": {"server": url, "certificate-authority-data": data}}
        ],
        "users": [{"name": NAME, "user": {"token": token}}],
        "contexts": [
            {"name": NAME, "context": {"cluster": NAME, "user": NAME, "namespace": "default"}}
        ],
    }
    return yaml.safe_dump(json.loads(json.dumps(config)), sort_keys=False)


async def run(config: ServerConfig) -> None:
    """Serve until cancelled or until a controller fails."""
    server = await serve(config)
    print(f"ready {server.url} as {ADMIN.name}", flush=True)
    with contextlib.suppress(asyncio.CancelledError):
        await server.wait()
    await server.close()
