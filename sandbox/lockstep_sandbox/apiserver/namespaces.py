"""Namespaces: what each new one gets, and emptying those that are deleted."""

from __future__ import annotations

import asyncio
from typing import Any

from lockstep_sandbox.apiserver.cluster import Cluster
from lockstep_sandbox.apiserver.deletes import remove
from lockstep_sandbox.apiserver.metadata import stamp
from lockstep_sandbox.apiserver.store import Event
from lockstep_sandbox.apiserver.structural import clone

Json = Any
SETTLE = 0.02


class Namespaces:
    """Keeps a default ServiceAccount and the root certificate in every namespace."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._dirty: asyncio.Queue[str] = asyncio.Queue()
        cluster.store.listeners.append(self._noticed)

    def _noticed(self, key: str, event: Event) -> None:
        meta = event.obj["metadata"]
        if key == "namespaces" and event.type != "DELETED":
            self._dirty.put_nowait(meta["name"])
        elif event.type == "DELETED" and meta.get("namespace"):
            self._dirty.put_nowait(meta["namespace"])

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            names = {await self._dirty.get()}
            await asyncio.sleep(SETTLE)
            while not self._dirty.empty():
                names.add(self._dirty.get_nowait())
            for name in names:
                space = self._cluster.get("namespaces", "", name)
                if space is None:
                    continue
                if space["metadata"].get("deletionTimestamp"):
                    self._empty(space)
                else:
                    self._furnish(name)

    def _furnish(self, namespace: str) -> None:
        account: Json = {
            "kind": "ServiceAccount",
            "apiVersion": "v1",
            "metadata": {"name": "default"},
        }
        root: Json = {
            "kind": "ConfigMap",
            "metadata": {"name": "kube-root-ca.crt"},
            "data": {"ca.crt": self._cluster.ca},
        }
        for key, obj in (("serviceaccounts", account), ("configmaps", root)):
            if self._cluster.get(key, namespace, obj["metadata"]["name"]) is None:
                stamp(obj, namespace)
                self._cluster.store.put(key, {**obj, "apiVersion": "v1"})

    def _empty(self, space: Json) -> None:
        """Delete the content; pods come first and may take their time."""
        name = space["metadata"]["name"]
        left = 0
        for key, obj in self._cluster.store.everything(name):
            resource = self._cluster.registry.stored(key)
            if resource is None:
                continue
            fresh = not obj["metadata"].get("deletionTimestamp")
            if not fresh or remove(self._cluster, resource, obj, {}) is not None:
                left += 1
        if not left:
            new = clone(space)
            new["spec"]["finalizers"] = []
            if new["metadata"].get("finalizers"):
                self._cluster.store.put("namespaces", new)
            else:
                self._cluster.store.remove("namespaces", new)
