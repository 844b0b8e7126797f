"""List and watch: a local copy of all objects of one kind, resumed and relisted as needed."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import Callable, Iterator

import aiohttp

from lockstep_sandbox.client import ApiError, Client
from lockstep_sandbox.objects import Key, Obj, key_of, version_of

log = logging.getLogger(__name__)

Listener = Callable[[Obj | None, Obj | None], None]  # (before, after); None: not there

_REMEMBERED_DELETIONS = 10_000
_RETRY = 0.5


class Informer:
    """The newest known state of one kind; calls `listener` on each change of it."""

    def __init__(self, client: Client, kind: str, listener: Listener, lag: float = 0.0) -> None:
        self.kind = kind
        self._lag = lag  # seconds that an event is late at most; order is kept
        self._due = 0.0
        self._lists = 0
        self.synced = asyncio.Event()
        self._client = client
        self._listener = listener
        self._objects: dict[str, dict[str, Obj]] = {}
        self._deleted: OrderedDict[str, None] = OrderedDict()

    def get(self, key: Key) -> Obj | None:
        """Return one object."""
        return self._objects.get(key[0], {}).get(key[1])

    def within(self, namespace: str) -> list[Obj]:
        """Return the objects of a namespace."""
        return list(self._objects.get(namespace, {}).values())

    def __iter__(self) -> Iterator[Obj]:
        """Go over all objects."""
        for objects in list(self._objects.values()):
            yield from list(objects.values())

    def record(self, obj: Obj) -> None:
        """Take in the answer to a write, so that the writer reads it before the watch tells."""
        before = self.get(key_of(obj))
        if obj["metadata"]["uid"] in self._deleted:
            return
        if before is not None and version_of(before) >= version_of(obj):
            return
        namespace, name = key_of(obj)
        self._objects.setdefault(namespace, {})[name] = obj
        self._listener(before, obj)

    async def run(self) -> None:
        """Follow the server for ever."""
        version = ""
        while True:
            try:
                version = version or await self._relist()
                version = await self._follow(version)
            except (ApiError, aiohttp.ClientError, TimeoutError) as error:
                if isinstance(error, ApiError) and error.status == 410:
                    version = ""
                    continue
                log.warning("watch of %s: %s; trying again", self.kind, error)
                await asyncio.sleep(_RETRY)

    async def _relist(self) -> str:
        items, version = await self._client.list(self.kind)
        self._lists += 1
        fresh = {obj["metadata"]["uid"] for obj in items}
        for gone in [obj for obj in self if obj["metadata"]["uid"] not in fresh]:
            # a write of ours may be younger than the list
            if version_of(gone) <= int(version):
                self._remove(gone)
        for obj in items:
            self.record(obj)
        self.synced.set()
        return version

    async def _follow(self, version: str) -> str:
        """Take events until the watch ends; return where to resume."""
        async with self._client.watch(self.kind, version) as events:
            async for event in events:
                obj = event["object"]
                if event["type"] == "ERROR":
                    raise ApiError(obj.get("code", 500), obj.get("reason", ""), obj["message"])
                version = obj["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    act = self._remove if event["type"] == "DELETED" else self.record
                    self._later(act, obj)
        return version

    def _later(self, act: Callable[[Obj], None], obj: Obj) -> None:
        if not self._lag:
            act(obj)
            return
        loop = asyncio.get_running_loop()
        late = random.uniform(0, self._lag)  # noqa: S311
        self._due = max(self._due, loop.time() + late)
        loop.call_at(self._due, self._take, self._lists, act, obj)

    def _take(self, lists: int, act: Callable[[Obj], None], obj: Obj) -> None:
        if lists == self._lists:  # else a list has told since, and more
            act(obj)

    def _remove(self, obj: Obj) -> None:
        self._deleted[obj["metadata"]["uid"]] = None
        if len(self._deleted) > _REMEMBERED_DELETIONS:
            self._deleted.popitem(last=False)
        known = self.get(key_of(obj))
        if known is None or known["metadata"]["uid"] != obj["metadata"]["uid"]:
            return
        namespace, name = key_of(obj)
        del self._objects[namespace][name]
        self._listener(obj, None)
