"""Real load from a thread of its own, so that a test can go on meanwhile."""

import asyncio
import threading
import time
from types import TracebackType
from typing import Self

from demo.load import Answer, Load
from demo.models import requests
from integration.support.cluster import wait_for


class BackgroundLoad:
    """Sends requests from entering to leaving; then `answers` has what came back."""

    def __init__(self, url: str, rate: float = 150.0, connections: int = 4) -> None:
        self._load = Load(url, requests(), rate=rate, connections=connections)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._load.__aenter__(), self._loop).result(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        leaving = self._load.__aexit__(kind, error, trace)
        asyncio.run_coroutine_threadsafe(leaving, self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def answers(self) -> list[Answer]:
        """All answers so far."""
        return list(self._load.answers)

    @property
    def failures(self) -> list[Answer]:
        """The requests that got no prediction."""
        return self._load.failures

    def wait_for_more(self, count: int) -> None:
        """Wait until that many further requests were answered."""
        wanted = len(self._load.answers) + count
        wait_for(f"{count} answers", lambda: len(self._load.answers) >= wanted)

    def shares_of_next(self, count: int) -> dict[str, float]:
        """Return the percent by revision over the next requests."""
        since = time.time()
        self.wait_for_more(count)
        counts = self._load.between(since, time.time())
        total = sum(counts.values())
        return {name: 100 * number / total for name, number in counts.items()}

    def last_sent_to(self, revision: str) -> float:
        """Return when the last request was sent that this revision answered."""
        return self._load.last_sent_to(revision)
