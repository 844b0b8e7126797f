"""Garbage collection by owner references, with an index from owner to dependents.

Fed by the store's events; works in a task of its own, as on a cluster a moment later.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from lockstep_sandbox.apiserver.cluster import Cluster
from lockstep_sandbox.apiserver.deletes import FOREGROUND, ORPHAN, remove
from lockstep_sandbox.apiserver.resources import Resource
from lockstep_sandbox.apiserver.store import Event, Key, key_of
from lockstep_sandbox.apiserver.structural import clone

Json = Any
Place = tuple[str, Key]  # storage name, (namespace, name)
SETTLE = 0.02  # seconds between an event and the work, so that a reader sees the state between


class Garbage:
    """Deletes what lost its last owner; finishes foreground and orphan deletions."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._children: defaultdict[str, set[Place]] = defaultdict(set)
        self._uids: dict[str, Place] = {}
        self._dirty: asyncio.Queue[Place] = asyncio.Queue()
        cluster.store.listeners.append(self._noticed)

    def _noticed(self, key: str, event: Event) -> None:
        place = (key, key_of(event.obj))
        uid = event.obj["metadata"]["uid"]
        before = {o["uid"] for o in _owners(event.old)} if event.old else set()
        after = set() if event.type == "DELETED" else {o["uid"] for o in _owners(event.obj)}
        for owner in before - after:
            self._children[owner].discard(place)
        for owner in after:
            self._children[owner].add(place)
        if event.type == "DELETED":
            self._uids.pop(uid, None)
            for child in self._children.pop(uid, ()):
                self._dirty.put_nowait(child)
        else:
            self._uids[uid] = place
        for owner in before | after:  # an owner that waits for its dependents
            if owner in self._uids:
                self._dirty.put_nowait(self._uids[owner])
        if after or event.obj["metadata"].get("deletionTimestamp"):
            self._dirty.put_nowait(place)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            place = await self._dirty.get()
            await asyncio.sleep(SETTLE)
            places = [place]
            while not self._dirty.empty():
                places.append(self._dirty.get_nowait())
            for entry in dict.fromkeys(places):
                self._tend(entry)

    def _tend(self, place: Place) -> None:
        key, (namespace, name) = place
        obj = self._cluster.store.get(key, namespace, name)
        resource = self._cluster.registry.stored(key)
        if obj is None or resource is None:
            return
        finalizers = obj["metadata"].get("finalizers") or ()
        if obj["metadata"].get("deletionTimestamp") and ORPHAN in finalizers:
            self._orphan(obj)
            self._release(resource, obj, ORPHAN)
        elif obj["metadata"].get("deletionTimestamp") and FOREGROUND in finalizers:
            self._foreground(resource, obj)
        else:
            self._collect(resource, obj)

    def _dependents(self, uid: str) -> Iterator[tuple[Resource, Json]]:
        for key, (namespace, name) in list(self._children.get(uid, ())):
            obj = self._cluster.store.get(key, namespace, name)
            resource = self._cluster.registry.stored(key)
            if obj is not None and resource is not None:
                yield resource, obj

    def _collect(self, resource: Resource, obj: Json) -> None:
        """Delete an object whose owners are all gone; drop references to those that are."""
        owners = _owners(obj)
        gone = [o for o in owners if not self._exists(o, obj)]
        waiting = [o for o in owners if o not in gone and self._waits(o)]
        if not gone and not waiting:
            return
        if len(gone) + len(waiting) == len(owners):
            policy = (
                "Foreground" if waiting and self._children.get(obj["metadata"]["uid"]) else None
            )
            remove(self._cluster, resource, obj, {"propagationPolicy": policy})
        else:
            self._drop(resource, obj, {o["uid"] for o in (*gone, *waiting)})

    def _exists(self, owner: Json, obj: Json) -> bool:
        """Tell whether an owner is there; one of a kind that is not served counts as there."""
        resource = self._cluster.registry.of_kind(owner["apiVersion"], owner["kind"])
        if resource is None:
            return True
        namespace = obj["metadata"].get("namespace", "") if resource.namespaced else ""
        found = self._cluster.store.get(resource.key, namespace, owner["name"])
        return found is not None and found["metadata"]["uid"] == owner["uid"]

    def _waits(self, owner: Json) -> bool:
        """Tell whether an owner is being deleted in the foreground."""
        place = self._uids.get(owner["uid"])
        if place is None:
            return False
        found = self._cluster.store.get(place[0], *place[1])
        meta = (found or {}).get("metadata", {})
        return bool(meta.get("deletionTimestamp")) and FOREGROUND in (meta.get("finalizers") or ())

    def _foreground(self, resource: Resource, obj: Json) -> None:
        uid, blocking = obj["metadata"]["uid"], False
        for kind, child in self._dependents(uid):
            self._collect(kind, child)
        for _, child in self._dependents(uid):
            blocking |= any(o["uid"] == uid and o.get("blockOwnerDeletion") for o in _owners(child))
        if not blocking:
            self._release(resource, obj, FOREGROUND)

    def _orphan(self, obj: Json) -> None:
        for resource, child in self._dependents(obj["metadata"]["uid"]):
            self._drop(resource, child, {obj["metadata"]["uid"]})

    def _drop(self, resource: Resource, obj: Json, uids: set[str]) -> None:
        new = clone(obj)
        left = [o for o in _owners(new) if o["uid"] not in uids]
        new["metadata"]["ownerReferences"] = left
        if not left:
            del new["metadata"]["ownerReferences"]
        self._cluster.store.put(resource.key, new)

    def _release(self, resource: Resource, obj: Json, finalizer: str) -> None:
        current = self._cluster.store.get(resource.key, *key_of(obj))
        if current is None:
            return
        new = clone(current)
        new["metadata"]["finalizers"].remove(finalizer)
        if not new["metadata"]["finalizers"]:
            del new["metadata"]["finalizers"]
            if remove(self._cluster, resource, new, {}) is None:
                return
        self._cluster.store.put(resource.key, new)


def _owners(obj: Json) -> list[Json]:
    return obj["metadata"].get("ownerReferences") or []
