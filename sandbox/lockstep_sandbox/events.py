"""Events as components of a cluster write them: counted when they repeat, never in the way."""

from __future__ import annotations

import asyncio
import logging
import time

from lockstep_sandbox.client import ApiError, Client
from lockstep_sandbox.objects import Obj, key_of, timestamp

log = logging.getLogger(__name__)

_QUEUE = 1000
_MEMORY = 2000  # events that may still be counted up


class Recorder:
    """Writes Events in the background; when the server cannot keep up, the newest are dropped."""

    def __init__(self, client: Client, component: str, host: str = "") -> None:
        self._client = client
        self._component = component
        self._host = host
        self._queue: asyncio.Queue[Obj] = asyncio.Queue(_QUEUE)
        self._seen: dict[tuple[str, ...], Obj] = {}

    def normal(self, obj: Obj, kind: str, reason: str, message: str, field: str = "") -> None:
        """Tell of something ordinary; `field` is a fieldPath such as spec.containers{model}."""
        self._record(self._event(obj, kind, field), "Normal", reason, message)

    def warning(self, obj: Obj, kind: str, reason: str, message: str, field: str = "") -> None:
        """Tell of something that went wrong."""
        self._record(self._event(obj, kind, field), "Warning", reason, message)

    def _record(self, event: Obj, severity: str, reason: str, message: str) -> None:
        event |= {"type": severity, "reason": reason, "message": message[:1024]}
        if self._queue.full():
            log.warning("dropped event %s: %s", reason, message)
        else:
            self._queue.put_nowait(event)

    def _event(self, obj: Obj, kind: str, field: str) -> Obj:
        meta, now = obj["metadata"], timestamp()
        about = {"kind": kind, "namespace": meta.get("namespace", ""), "name": meta["name"]}
        about |= {"uid": meta["uid"], "apiVersion": _api_version(kind)}
        about |= {"fieldPath": field} if field else {}
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{meta['name']}.{time.time_ns():x}",
                "namespace": meta.get("namespace") or "default",
            },
            "involvedObject": about,
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": {"component": self._component, "host": self._host},
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }

    async def run(self) -> None:
        """Write for ever."""
        while True:
            event = await self._queue.get()
            try:
                await self._write(event)
            except ApiError as error:
                # a namespace that is being deleted takes no events
                log.debug("event %s not written: %s", event["reason"], error)

    async def _write(self, event: Obj) -> None:
        about = event["involvedObject"]
        mark = (about["uid"], about.get("fieldPath", ""), event["reason"], event["message"])
        known = self._seen.pop(mark, None)
        if known is not None:
            change = {"count": known["count"] + 1, "lastTimestamp": event["lastTimestamp"]}
            try:
                self._seen[mark] = await self._client.patch("Event", known, change)
            except ApiError as error:
                if error.status != 404:
                    raise
            else:
                return
        self._seen[mark] = await self._client.create("Event", event)
        if len(self._seen) > _MEMORY:
            del self._seen[next(iter(self._seen))]


def _api_version(kind: str) -> str:
    return "apps/v1" if kind in ("Deployment", "ReplicaSet") else "v1"


def describe(obj: Obj) -> str:
    """Return NAME_NAMESPACE(UID), as kubelet names pods in messages."""
    namespace, name = key_of(obj)
    return f"{name}_{namespace}({obj['metadata']['uid']})"
