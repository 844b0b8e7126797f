"""Kubernetes Events: one object per thing that happens, counted rather than repeated."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import TypeVar

import structlog

from lockstep_operator.core.errors import ApiError, Conflict, NotFound
from lockstep_operator.shell.client import Client
from lockstep_operator.shell.store import Manifest

_COMPONENT = "lockstep-operator"
# So many of the same at once, and one more each five minutes; what is held back is counted.
_BURST = 10
_REFILL_SECONDS = 300.0
_REMEMBERED = 4096
_LONGEST_MESSAGE = 1024
# As in Kubernetes' own components, what goes on in ever other words becomes one Event.
_MOST_ALIKE = 25
_ALIKE_SECONDS = 600.0
_COMBINED = "(combined from similar events): "
_K = TypeVar("_K")
_V = TypeVar("_V")
_log = structlog.get_logger(__name__)


class Recorder:
    """Writes Events, named after what they say: so a restart goes on counting."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._allowances: OrderedDict[str, _Allowance] = OrderedDict()
        self._alike: OrderedDict[tuple[str, str], _Alike] = OrderedDict()

    async def record(
        self, regarding: Manifest, reason: str, message: str, warning: bool = False
    ) -> None:
        """Record that something happened to an object; the same again counts its Event up.

        Of a flood of the same only some are written, with the number of those held back. A reason
        with ever other messages, such as a number that counts up, becomes one Event with the
        latest of them. An Event that cannot be written is logged and otherwise let go: it is no
        reason to fail.
        """
        now = time.monotonic()
        key = regarding["metadata"]["uid"], reason
        combined = _remembered(self._alike, key, _Alike).is_flood(message, now)
        text = (_COMBINED if combined else "") + message
        event = _event(regarding, reason, text[:_LONGEST_MESSAGE], warning, combined=combined)
        allowance = _remembered(self._allowances, event["metadata"]["name"], _Allowance)
        times = allowance.take(now)
        if not times:
            return
        try:
            await self._write(event | {"count": times})
        except ApiError as error:
            allowance.held += times
            _log.warning("event not written", reason=reason, error=str(error))

    async def _write(self, event: Manifest) -> None:
        try:
            await self._client.create(event)
        except Conflict:
            await self._count(event)

    async def _count(self, event: Manifest) -> None:
        namespace, name = event["metadata"]["namespace"], event["metadata"]["name"]
        try:
            live = await self._client.get("Event", namespace, name)
            body = {
                "count": live.get("count", 1) + event["count"],
                "lastTimestamp": event["lastTimestamp"],
                "message": event["message"],
            }
            await self._client.patch("Event", namespace, name, body)
        except NotFound:  # it expired in between
            await self._client.create(event)


@dataclass(slots=True)
class _Allowance:
    """How often the same Event may be written. `held`: how often it happened and was not."""

    left: float = _BURST
    last: float = 0.0
    held: int = 0

    def take(self, now: float) -> int:
        """Count one more; return how many to write now, 0 while there are too many."""
        self.held += 1
        self.left = min(_BURST, self.left + (now - self.last) / _REFILL_SECONDS)
        self.last = now
        if self.left < 1.0:
            return 0
        self.left -= 1.0
        times, self.held = self.held, 0
        return times


@dataclass(slots=True)
class _Alike:
    """What was said lately of one object and reason. `last`: when that was."""

    messages: set[str] = field(default_factory=set)
    last: float = 0.0

    def is_flood(self, message: str, now: float) -> bool:
        """Count a message; return whether it is one too many. Silence ends a flood."""
        if now - self.last > _ALIKE_SECONDS:
            self.messages.clear()
        self.last = now
        if message in self.messages:
            return False
        if len(self.messages) >= _MOST_ALIKE:
            return True
        self.messages.add(message)
        return False


def _remembered(known: OrderedDict[_K, _V], key: _K, new: Callable[[], _V]) -> _V:
    """Return what is known of a key, new where nothing is; the longest unused goes."""
    found = known.setdefault(key, new())
    known.move_to_end(key)
    if len(known) > _REMEMBERED:
        known.popitem(last=False)
    return found


def _event(
    regarding: Manifest, reason: str, message: str, warning: bool, *, combined: bool
) -> Manifest:
    metadata = regarding["metadata"]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    said = "\n".join((metadata["uid"], reason, _COMBINED if combined else message))
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "namespace": metadata["namespace"],
            "name": f"{metadata['name']}.{sha256(said.encode()).hexdigest()[:16]}",
        },
        "involvedObject": {
            "apiVersion": regarding["apiVersion"],
            "kind": regarding["kind"],
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
        },
        "type": "Warning" if warning else "Normal",
        "reason": reason,
        "message": message,
        "count": 1,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "source": {"component": _COMPONENT},
        "reportingComponent": _COMPONENT,
    }
