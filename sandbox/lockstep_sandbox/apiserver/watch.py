"""WATCH: events from the store, as a client with its selectors sees them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from lockstep_sandbox.apiserver.call import Call
from lockstep_sandbox.apiserver.cluster import Cluster
from lockstep_sandbox.apiserver.errors import FieldError, gone, invalid
from lockstep_sandbox.apiserver.pessimism import Pessimism
from lockstep_sandbox.apiserver.reads import read_version, selected, selection
from lockstep_sandbox.apiserver.selectors import Test
from lockstep_sandbox.apiserver.store import Event, Obj

Json = Any
Change = tuple[str, Json]  # (ADDED | MODIFIED | DELETED | BOOKMARK | ERROR, object)
INITIAL_END = "k8s.io/initial-events-end"
BOOKMARKS = 60.0  # seconds between two, as on a real server
LAST_BOOKMARK = 2.0  # seconds before the end of a watch


class Watch:
    """One watch; iterate over it for changes."""

    def __init__(self, cluster: Cluster, call: Call, pessimism: Pessimism) -> None:
        pessimism.check_watch(call)
        self._cluster, self._call, self._pessimism = cluster, call, pessimism
        self._key, self._wanted = call.resource.key, selection(call)
        self._bookmarks = call.flag("allowWatchBookmarks")
        self._seen = read_version(call.query.get("resourceVersion", ""))
        self._streams_list = call.flag("sendInitialEvents")
        self._check_options()
        self._timeout = float(call.number("timeoutSeconds") or random.randint(1800, 3600))  # noqa: S311
        self._first: list[Obj] = []
        if self._seen == 0 or self._streams_list:
            self._first = selected(cluster, call)
            self._seen = cluster.store.version
        try:
            self._past, self._queue = cluster.store.subscribe(self._key, self._seen)
        except LookupError as error:
            raise gone(self._seen, error.args[0]) from error

    def _check_options(self) -> None:
        query, problem = self._call.query, None
        match = query.get("resourceVersionMatch")
        if self._streams_list and match != "NotOlderThan":
            why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            problem = FieldError("resourceVersionMatch", "Forbidden", why)
        elif match and "sendInitialEvents" not in query:
            why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            problem = FieldError("resourceVersionMatch", "Forbidden", why)
        if problem:
            raise invalid("ListOptions", "meta.k8s.io", "", [problem])

    async def changes(self) -> AsyncIterator[Change]:
        """Yield changes until the time is over or the resource goes away."""
        try:
            for obj in self._first:
                yield "ADDED", obj
            if self._streams_list and self._bookmarks:
                yield self._bookmark({INITIAL_END: "true"})
            for event in self._past:
                await self._late(event)
                for change in self._visible(event):
                    yield change
            async for change in self._live():
                yield change
        finally:
            self._cluster.store.unsubscribe(self._key, self._queue)

    async def _live(self) -> AsyncIterator[Change]:
        end = time.monotonic() + self._timeout
        last = end - LAST_BOOKMARK
        bookmark = min(time.monotonic() + BOOKMARKS, last)
        while (now := time.monotonic()) < end:
            until = min(bookmark, end) if self._bookmarks else end
            try:
                event = await asyncio.wait_for(self._queue.get(), max(until - now, 0.001))
            except TimeoutError:
                if self._bookmarks and time.monotonic() >= bookmark:
                    yield self._bookmark({})
                    bookmark = end + 1 if bookmark >= last else min(bookmark + BOOKMARKS, last)
                continue
            if event is None:
                return
            await self._late(event)
            for change in self._visible(event):
                yield change

    async def _late(self, event: Event) -> None:
        """Hold an event back, in order, as a slow cache would."""
        if late := self._pessimism.lateness(self._call):
            await asyncio.sleep(max(0.0, event.at + late - time.monotonic()))

    def _visible(self, event: Event) -> Iterator[Change]:
        self._seen = event.version
        space = self._call.namespace
        if space and event.obj["metadata"].get("namespace", "") != space:
            return
        yield from changes_of(event, self._wanted)

    def _bookmark(self, annotations: dict[str, str]) -> Change:
        meta: Json = {"resourceVersion": str(self._seen), "creationTimestamp": None}
        if annotations:
            meta["annotations"] = annotations
        resource = self._call.resource
        kind, version = resource.kind, resource.api_version
        return "BOOKMARK", {"kind": kind, "apiVersion": version, "metadata": meta}


def changes_of(event: Event, wanted: Test) -> Iterator[Change]:
    """Yield an event as a selector sees it: entering is ADDED, leaving is DELETED."""
    is_in = event.type != "DELETED" and wanted(event.obj)
    was_in = event.old is not None and wanted(event.old)
    if is_in:
        yield ("MODIFIED" if was_in else "ADDED"), event.obj
    elif was_in and event.type == "DELETED":
        yield "DELETED", event.obj
    elif was_in and event.old is not None:
        version = event.obj["metadata"]["resourceVersion"]
        meta = {**event.old["metadata"], "resourceVersion": version}
        yield "DELETED", {**event.old, "metadata": meta}
