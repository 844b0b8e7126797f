"""The node: registers itself, takes every pod, and has a worker for each."""

from __future__ import annotations

import asyncio
import copy
import platform
from collections.abc import Iterator
from urllib.parse import urlsplit

from lockstep_sandbox.client import ApiError, Client
from lockstep_sandbox.events import Recorder
from lockstep_sandbox.images import Catalogue
from lockstep_sandbox.informer import Informer
from lockstep_sandbox.node.context import PodContext
from lockstep_sandbox.node.downward import allocatable
from lockstep_sandbox.node.scheduler import Scheduler
from lockstep_sandbox.node.sources import Sources
from lockstep_sandbox.node.worker import Worker
from lockstep_sandbox.objects import Obj, is_deleted, is_finished, timestamp
from lockstep_sandbox.settings import NodeSettings

_VERSION = "v1.37.0-lockstep-sandbox"
_SHUTDOWN = 1.0  # seconds for the containers to end by themselves


class Kubelet:
    """Runs the pods that are bound to this node."""

    def __init__(self, client: Client, settings: NodeSettings, catalogue: Catalogue) -> None:
        self._client = client
        self._settings = settings
        self._catalogue = catalogue
        self._recorder = Recorder(client, "kubelet", settings.name)
        self._scheduler = Scheduler(client, settings)
        self._sources = Sources(client, settings.folder / "claims")
        self._pods = Informer(client, "Pod", self._on_pod, settings.watch_lag)
        self._workers: dict[str, Worker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._count = 0

    def worker(self, namespace: str, name: str) -> Worker | None:
        """Return the worker of a pod."""
        pod = self._pods.get((namespace, name))
        return self._workers.get(pod["metadata"]["uid"]) if pod else None

    async def register(self, port: int) -> None:
        """Create the Node; `port` is where kubelet's endpoint listens."""
        node = node_from(self._settings, port)
        try:
            created = await self._client.create("Node", {**node, "status": {}})
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            created = await self._client.get("Node", "", self._settings.name)
        await self._client.patch("Node", created, {"status": node["status"]}, "status")

    async def run(self) -> None:
        """Work for ever; when cancelled, end all containers."""
        try:
            async with asyncio.TaskGroup() as group:
                for each in (self._recorder, self._scheduler, self._pods):
                    group.create_task(each.run())
        finally:
            await self._shut_down()

    async def _shut_down(self) -> None:
        """Stop all pods, without much patience."""
        for worker in self._workers.values():
            worker.abandon()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks.values(), timeout=_SHUTDOWN)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _on_pod(self, before: Obj | None, after: Obj | None) -> None:
        if before is not None and (after is None or _uid(after) != _uid(before)):
            worker = self._workers.get(_uid(before))
            if worker is not None:
                worker.vanish()
            else:
                self._tasks.pop(_uid(before), None)
        if after is None:
            return
        if not after["spec"].get("nodeName"):
            self._scheduler.add(after)
        elif after["spec"]["nodeName"] == self._settings.name:
            self._on_own(after)

    def _on_own(self, pod: Obj) -> None:
        uid = _uid(pod)
        if uid in self._workers:
            self._workers[uid].update(copy.deepcopy(pod))
        elif uid not in self._tasks and not (is_finished(pod) and not is_deleted(pod)):
            worker = self._workers[uid] = Worker(self._client, self._context(copy.deepcopy(pod)))
            self._tasks[uid] = asyncio.create_task(self._follow(uid, worker))

    async def _follow(self, uid: str, worker: Worker) -> None:
        """Run a pod to its end; its uid stays known, as finalizers may keep the object."""
        await worker.run()
        del self._workers[uid]

    def _context(self, pod: Obj) -> PodContext:
        server = urlsplit(self._client.access.server)
        return PodContext(
            pod=pod,
            address=self._next_address(),
            folder=self._settings.pods / _uid(pod).replace("-", "")[:8],
            settings=self._settings,
            sources=self._sources,
            catalogue=self._catalogue,
            recorder=self._recorder,
            api=(server.hostname or "127.0.0.1", server.port or 443),
        )

    def _next_address(self) -> str:
        taken = set(self._addresses())
        while True:
            address = self._settings.network.pod(self._count)
            self._count += 1
            if address not in taken:
                return address

    def _addresses(self) -> Iterator[str]:
        return (worker.context.address for worker in self._workers.values())


def _uid(pod: Obj) -> str:
    return str(pod["metadata"]["uid"])


def node_from(settings: NodeSettings, port: int) -> Obj:
    """Make the Node object with its status."""
    now = timestamp()
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
    ready |= {"message": "kubelet is posting ready status"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": settings.name,
            "labels": {
                "kubernetes.io/hostname": settings.name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
            },
        },
        "spec": {},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": settings.network.node},
                {"type": "Hostname", "address": settings.name},
            ],
            "capacity": allocatable(),
            "allocatable": allocatable(),
            "conditions": [{**ready, "lastHeartbeatTime": now, "lastTransitionTime": now}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
            "nodeInfo": {
                "architecture": "amd64",
                "operatingSystem": "linux",
                "kernelVersion": platform.release(),
                "osImage": "lockstep sandbox",
                "kubeletVersion": _VERSION,
                "kubeProxyVersion": _VERSION,
                "containerRuntimeVersion": "sandbox://1",
                "machineID": settings.identity,
                "systemUUID": settings.identity,
                "bootID": settings.identity,
            },
        },
    }
