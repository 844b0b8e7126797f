"""Lists of everything, at start and then from time to time.

Watches can miss deletions (kopf does not report what vanished while a watch was down), and what
depends on time or on others must be looked at again even when no event tells.
"""

import asyncio
import random
from collections.abc import Callable

import structlog

from lockstep_operator.core.errors import ApiError, Forbidden, NotFound, Unavailable
from lockstep_operator.shell.client import Client
from lockstep_operator.shell.connection import StartupError
from lockstep_operator.shell.intake import parents
from lockstep_operator.shell.keys import Key
from lockstep_operator.shell.kinds import WATCHED, Kind
from lockstep_operator.shell.store import Manifest, Store

_AFTER_FAILURE = 30.0
_log = structlog.get_logger(__name__)


class Resync:
    """Keeps the store complete and queues every key now and then."""

    def __init__(
        self, client: Client, store: Store, enqueue: Callable[[Key, float], None], interval: float
    ) -> None:
        self._client = client
        self._store = store
        self._enqueue = enqueue
        self._interval = interval

    async def start(self) -> None:
        """Fill the store and queue every key at once.

        Raises:
            StartupError: the custom resources are not installed, or rights are missing.
        """
        while True:
            try:
                for kind in WATCHED:
                    await self._list_first(kind)
                break
            except Unavailable as error:
                _log.warning("first lists failed", error=str(error))
                await asyncio.sleep(1.0)
        self._enqueue_all(spread=0.0)

    async def run(self) -> None:
        """Resync until cancelled."""
        pause = self._interval
        while True:
            await asyncio.sleep(pause * random.uniform(0.9, 1.1))  # noqa: S311 (jitter)
            try:
                for kind in WATCHED:
                    await self._catch_up(kind)
            except ApiError as error:
                _log.warning("resync failed", error=str(error))
                pause = min(_AFTER_FAILURE, self._interval)
                continue
            pause = self._interval
            self._enqueue_all(spread=self._interval / 2)

    async def _catch_up(self, kind: Kind) -> None:
        for missed in await self._list(kind):
            for key in parents(missed, self._store):
                self._enqueue(key, 0.0)

    async def _list(self, kind: Kind) -> list[Manifest]:
        listed, version = await self._client.list(kind.name)
        return self._store.replace(kind.name, listed, version)

    async def _list_first(self, kind: Kind) -> None:
        try:
            await self._list(kind)
        except NotFound as error:
            hint = f"no {kind.name} CRD in this cluster: kubectl apply -f crds/ first"
            raise StartupError(hint) from error
        except Forbidden as error:
            raise StartupError(f"no right to list {kind.plural}: {error}") from error

    def _enqueue_all(self, spread: float) -> None:
        """Spread over time, so that an urgent key never waits behind all the others."""
        keys = {key for one in self._everything() for key in parents(one, self._store)}
        for key in keys:
            self._enqueue(key, random.uniform(0, spread))  # noqa: S311 (spreads load)

    def _everything(self) -> list[Manifest]:
        return [one for kind in WATCHED for one in self._store.every(kind.name)]
