"""The objects, in memory: one counter of resource versions and a window of past events.

A stored object is never changed in place: every write puts a new one, so that lists, watches and
snapshots may share them.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Json = Any
Obj = dict[str, Any]
Key = tuple[str, str]  # (namespace or "", name)

FIRST_VERSION = 1000  # so that a watch from 1 is too old, as on a cluster that has lived a while
WINDOW = 2000  # events remembered for each resource
SNAPSHOTS = 50  # lists remembered for `continue`


@dataclass(frozen=True)
class Event:
    """One change; `old` is the object before it (for selectors and DELETED)."""

    version: int
    type: str
    obj: Obj
    old: Obj | None
    at: float = field(default_factory=time.monotonic)


@dataclass
class _Shelf:
    objects: dict[Key, Obj] = field(default_factory=dict)
    past: deque[Event] = field(default_factory=deque)
    floor: int = FIRST_VERSION  # events up to this version are forgotten
    watchers: set[asyncio.Queue[Event | None]] = field(default_factory=set)


Listener = Callable[[str, Event], None]


class Store:
    """All objects by storage name (see Resource.key), then namespace and name."""

    def __init__(self) -> None:
        self.version = FIRST_VERSION
        self.listeners: list[Listener] = []
        self._shelves: defaultdict[str, _Shelf] = defaultdict(_Shelf)
        self._snapshots: OrderedDict[tuple[str, str, int], list[Obj]] = OrderedDict()

    def get(self, key: str, namespace: str, name: str) -> Obj | None:
        """Return an object, or None."""
        return self._shelves[key].objects.get((namespace, name))

    def items(self, key: str, namespace: str = "") -> list[Obj]:
        """Return the objects of a namespace (or of all) ordered by namespace and name."""
        found = self._shelves[key].objects
        return [found[k] for k in sorted(found) if not namespace or k[0] == namespace]

    def everything(self, namespace: str) -> Iterator[tuple[str, Obj]]:
        """Yield (storage name, object) of all that is in a namespace."""
        for key, shelf in list(self._shelves.items()):
            yield from ((key, o) for k, o in list(shelf.objects.items()) if k[0] == namespace)

    def put(self, key: str, obj: Obj) -> Obj:
        """Write an object under a new resourceVersion; return what was stored."""
        shelf, where = self._shelves[key], key_of(obj)
        old = shelf.objects.get(where)
        obj = self._stamped(obj)
        shelf.objects[where] = obj
        self._tell(key, Event(self.version, "MODIFIED" if old else "ADDED", obj, old))
        return obj

    def remove(self, key: str, obj: Obj) -> Obj:
        """Delete an object; return its last state under the deletion's resourceVersion."""
        old = self._shelves[key].objects.pop(key_of(obj))
        last = self._stamped(obj)
        self._tell(key, Event(self.version, "DELETED", last, old))
        return last

    def forget(self, key: str) -> None:
        """Drop the history of a resource that is no more and end its watches."""
        for queue in self._shelves[key].watchers:
            queue.put_nowait(None)
        self._shelves[key].past.clear()
        self._shelves[key].floor = self.version

    def subscribe(self, key: str, since: int) -> tuple[list[Event], asyncio.Queue[Event | None]]:
        """Return the events after a version and a queue of those to come.

        Raises LookupError, with the oldest version known, when the window begins later.
        """
        shelf = self._shelves[key]
        if since < shelf.floor and since < self.version:
            raise LookupError(shelf.floor)
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        shelf.watchers.add(queue)
        return [e for e in shelf.past if e.version > since], queue

    def unsubscribe(self, key: str, queue: asyncio.Queue[Event | None]) -> None:
        """Stop feeding a queue."""
        self._shelves[key].watchers.discard(queue)

    def snapshot(self, key: str, namespace: str, version: int) -> list[Obj] | None:
        """Return a list as it was; None when it was never asked for or is forgotten."""
        if version == self.version:
            return self.items(key, namespace)
        return self._snapshots.get((key, namespace, version))

    def keep(self, key: str, namespace: str, objects: list[Obj]) -> None:
        """Remember the current state of a list for `continue`."""
        self._snapshots[key, namespace, self.version] = objects
        while len(self._snapshots) > SNAPSHOTS:
            self._snapshots.popitem(last=False)

    def _stamped(self, obj: Obj) -> Obj:
        self.version += 1
        return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.version)}}

    def _tell(self, key: str, event: Event) -> None:
        shelf = self._shelves[key]
        shelf.past.append(event)
        if len(shelf.past) > WINDOW:
            shelf.floor = shelf.past.popleft().version
        for queue in shelf.watchers:
            queue.put_nowait(event)
        for listener in self.listeners:
            listener(key, event)


def key_of(obj: Obj) -> Key:
    """Return where an object is stored."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
