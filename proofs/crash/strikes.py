"""A walk splits at every write: the walk itself goes on, and a forked copy of it is struck there.

So a path is walked once up to each of its writes, and every strike meets exactly the state that the
walk without strikes was in.
"""

import asyncio
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NoReturn


class Mode(Enum):
    """What happens at a write."""

    BEFORE = "crash before"
    AFTER = "crash after"
    LOST = "lost answer"


@dataclass(frozen=True)
class Strike:
    """One write of a path, from 1, and what happens at it."""

    write: int
    name: str
    mode: Mode


Chosen = Callable[[int, Mode], bool]


@dataclass
class Writes:
    """The writes of a walk; forks at those that are chosen, at most `jobs` copies at a time.

    Renewals of the Lease do not count: they say nothing about a rollout.
    """

    chosen: Chosen
    jobs: int
    counting: bool = False
    count: int = 0
    results: list[tuple[Strike, Any]] = field(default_factory=list)
    _running: list[tuple[int, int, Strike]] = field(default_factory=list)
    _pipe: int | None = None

    def strike(self, verb: str, path: str) -> Mode | None:
        """Count a write; return what happens to it in this process, None in the walk itself."""
        if not self.counting or verb == "GET" or "/leases" in path or self._pipe is not None:
            return None
        self.count += 1
        for mode in Mode:
            if self.chosen(self.count, mode) and self._fork(
                Strike(self.count, f"{verb} {path}", mode)
            ):
                return mode
        return None

    def finish(self, result: object) -> None:
        """Wait for all copies; a copy itself hands over its result and ends here."""
        if self._pipe is not None:
            self._hand_over(result)
        while self._running:
            self._collect()

    def _fork(self, strike: Strike) -> bool:
        """Return whether this is the copy."""
        while len(self._running) >= self.jobs:
            self._collect()
        loop = asyncio.get_running_loop()
        reading, writing = os.pipe()
        child = os.fork()
        if child:
            os.close(writing)
            self._running.append((child, reading, strike))
            return False
        os.close(reading)
        self._pipe, self._running = writing, []
        asyncio._set_running_loop(loop)  # it is bound to a process
        return True

    def _hand_over(self, result: object) -> NoReturn:
        assert self._pipe is not None
        with os.fdopen(self._pipe, "wb") as pipe:
            pickle.dump(result, pipe)
        os._exit(0)

    def _collect(self) -> None:
        child, reading, strike = self._running.pop(0)
        with os.fdopen(reading, "rb") as pipe:
            raw = pipe.read()
        os.waitpid(child, 0)
        self.results.append((strike, pickle.loads(raw) if raw else None))  # noqa: S301 (our own)
