"""Steady real traffic against one model, every answer remembered."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from types import TracebackType
from typing import Self

import aiohttp

REVISION_HEADER = "x-lockstep-revision"


@dataclass(frozen=True, slots=True)
class Answer:
    """One request: when it was sent (seconds since the epoch), and what came back."""

    sent: float
    status: int
    revision: str
    error: str = ""

    @property
    def failed(self) -> bool:
        """Whether the user did not get a prediction."""
        return self.status != 200


@dataclass
class Load:
    """Requests at a steady rate from a few connections, until it is left.

    `bodies`: sent in turn, over and over. `rate`: requests per second, over all connections.
    """

    url: str
    bodies: Sequence[dict[str, object]]
    rate: float = 300.0
    connections: int = 8
    answers: list[Answer] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=self.connections)
        timeout = aiohttp.ClientTimeout(total=30)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        self._ending = asyncio.Event()
        self._turn = cycle([json.dumps(body).encode() for body in self.bodies])
        self._tasks = [asyncio.create_task(self._send()) for _ in range(self.connections)]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.set()
        try:
            await asyncio.gather(*self._tasks)
        finally:
            await self._session.close()

    async def _send(self) -> None:
        pause = self.connections / self.rate
        due = time.monotonic()
        while not self._ending.is_set():
            self.answers.append(await self._ask(next(self._turn)))
            due = max(due + pause, time.monotonic() - 1)
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _ask(self, data: bytes) -> Answer:
        sent = time.time()
        headers = {"content-type": "application/json"}
        try:
            async with self._session.post(self.url, data=data, headers=headers) as response:
                text = await response.text()
                revision = response.headers.get(REVISION_HEADER, "")
                error = "" if response.status == 200 else text[:200]
                return Answer(sent, response.status, revision, error)
        except (aiohttp.ClientError, TimeoutError) as problem:
            return Answer(sent, 0, "", f"{type(problem).__name__}: {problem}")

    @property
    def failures(self) -> list[Answer]:
        """The requests that got no prediction."""
        return [answer for answer in self.answers if answer.failed]

    def between(self, start: float, end: float) -> Counter[str]:
        """Return answers by revision, of the requests sent from `start` to before `end`."""
        return Counter(one.revision for one in self.answers if start <= one.sent < end)

    def last_sent_to(self, revision: str) -> float:
        """Return when the last request was sent that this revision answered."""
        return max(one.sent for one in self.answers if one.revision == revision)
