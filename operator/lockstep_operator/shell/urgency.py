"""Keys from which traffic must be taken now: they wait for no other key and for no router."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from lockstep_operator.api.group import MODEL_REVISION
from lockstep_operator.core.revisions import bans
from lockstep_operator.shell.keys import Key
from lockstep_operator.shell.store import Manifest

T = TypeVar("T")


def takes_traffic_away(before: Manifest | None, after: Manifest) -> bool:
    """Return whether an object now says that a revision must not get requests any more."""
    if after["kind"] != MODEL_REVISION:
        return False
    return bool(bans(after["spec"]) - (bans(before["spec"]) if before else set()))


def is_banned(revision: Manifest) -> bool:
    """Return whether a revision is quarantined, or its rollout aborted."""
    return bool(bans(revision["spec"]))


class Urgency:
    """Which keys are urgent, and a way to be interrupted when one becomes so."""

    def __init__(self) -> None:
        self._raised: set[Key] = set()
        self._interrupted: dict[Key, asyncio.Event] = {}

    def raise_for(self, key: Key) -> None:
        """Declare a key urgent; whoever gathers for it now is interrupted."""
        self._raised.add(key)
        waiting = self._interrupted.get(key)
        if waiting is not None:
            waiting.set()

    def holds(self, key: Key) -> bool:
        """Return whether a key is urgent and nobody has acted on it."""
        return key in self._raised

    def lower(self, key: Key) -> None:
        """The key is being acted on, or gone."""
        self._raised.discard(key)

    async def unless_raised(self, key: Key, work: Coroutine[Any, Any, T]) -> T | None:
        """Return what the work gives; None when the key became urgent first: it is cancelled."""
        interrupted = self._interrupted[key] = asyncio.Event()
        if key in self._raised:
            interrupted.set()
        working = asyncio.ensure_future(work)
        waiting = asyncio.ensure_future(interrupted.wait())
        try:
            await asyncio.wait([working, waiting], return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else None
        finally:
            self._interrupted.pop(key, None)
            for task in (working, waiting):
                task.cancel()
            await asyncio.gather(working, waiting, return_exceptions=True)
