"""A test's hold on a running sandbox."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from lockstep_sandbox.client import Access, ApiError, Client
from lockstep_sandbox.lifecycle import Sandbox
from lockstep_sandbox.objects import Obj, condition_of, is_ready

PATIENCE = 20.0


class Cluster:
    """One namespace; requests are sent as the controllers' user, whom pessimism spares."""

    def __init__(self, client: Client, sandbox: Sandbox, namespace: str) -> None:
        self.client, self.sandbox, self.namespace = client, sandbox, namespace

    async def apply(self, text: str) -> list[Obj]:
        """Create the objects of a YAML text."""
        made = []
        for obj in yaml.safe_load_all(text):
            obj["metadata"]["namespace"] = self.namespace
            made.append(await self.client.create(obj["kind"], obj))
        return made

    async def get(self, kind: str, name: str) -> Obj:
        return await self.client.get(kind, self.namespace, name)

    async def pods(self, app: str) -> list[Obj]:
        items, _ = await self.client.list("Pod")
        own = [pod for pod in items if pod["metadata"]["namespace"] == self.namespace]
        return [pod for pod in own if pod["metadata"].get("labels", {}).get("app") == app]

    async def annotate(self, obj: Obj, **annotations: str) -> None:
        await self.client.patch(obj["kind"], obj, {"metadata": {"annotations": annotations}})

    async def events(self, reason: str, name: str) -> list[str]:
        items, _ = await self.client.list("Event")
        about = [e for e in items if e["involvedObject"]["name"] == name]
        return [e["message"] for e in about if e["reason"] == reason]

    async def until(self, kind: str, name: str, done: Callable[[Obj], Any]) -> Obj:
        """Return the object as soon as it is as wanted."""
        seen: Obj = {}

        async def check() -> bool:
            nonlocal seen
            seen = await self.get(kind, name)
            return bool(done(seen))

        await eventually(check, lambda: f"{kind} {name}: {seen.get('status')}")
        return seen

    async def ready(self, name: str) -> Obj:
        return await self.until("Pod", name, is_ready)

    async def rolled_out(self, name: str) -> Obj:
        def done(obj: Obj) -> bool:
            status, wanted = obj.get("status", {}), obj["spec"]["replicas"]
            fresh = status.get("observedGeneration") == obj["metadata"]["generation"]
            names = ("updatedReplicas", "availableReplicas", "replicas")
            counts = [status.get(name, 0) for name in names]
            return fresh and counts == [wanted] * 3

        return await self.until("Deployment", name, done)

    async def gone(self, kind: str, name: str) -> None:
        async def check() -> bool:
            try:
                await self.get(kind, name)
            except ApiError as error:
                return error.status == 404
            return False

        await eventually(check, lambda: f"{kind} {name} is still there")

    def folder(self, pod: Obj) -> Path:
        return self.sandbox.folder / "pods" / pod["metadata"]["uid"].replace("-", "")[:8]


@asynccontextmanager
async def open_cluster(sandbox: Sandbox, test: str) -> AsyncIterator[Cluster]:
    text = await asyncio.to_thread((sandbox.folder / "controllers.kubeconfig").read_text)
    async with Client(Access.parse(text)) as client:
        name = re.sub("[^a-z]+", "-", test.lower())[:50].strip("-")
        meta = {"name": name}
        namespace = await client.create(
            "Namespace", {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
        )
        yield Cluster(client, sandbox, name)
        await client.delete("Namespace", namespace)


async def eventually(
    check: Callable[[], Awaitable[bool]], complaint: Callable[[], str], patience: float = PATIENCE
) -> None:
    end = time.monotonic() + patience
    while not await check():
        assert time.monotonic() < end, complaint()
        await asyncio.sleep(0.05)


def state(pod: Obj, container: int = 0) -> Obj:
    """Return a container's status."""
    statuses = pod.get("status", {}).get("containerStatuses") or [{}]
    found: Obj = statuses[container]
    return found


def waits_for(reason: str) -> Callable[[Obj], bool]:
    return lambda pod: state(pod).get("state", {}).get("waiting", {}).get("reason") == reason


def condition(obj: Obj, kind: str) -> str:
    found = condition_of(obj, kind)
    return found["status"] if found else "absent"


async def vanishes(path: Path) -> None:
    async def gone() -> bool:
        return not await asyncio.to_thread(path.exists)

    await eventually(gone, lambda: f"{path} is still there")


async def appears(path: Path) -> None:
    async def exists() -> bool:
        return await asyncio.to_thread(path.exists)

    await eventually(exists, lambda: f"no {path}")
