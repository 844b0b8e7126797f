"""Questions that may take longer than one look: golden requests and queries."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from lockstep_operator.core.gates.samples import GoldenResult, QueryResult
from lockstep_operator.shell.analysis.problems import Uncomputable

Found = GoldenResult | QueryResult
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the errands that have ended brought, by gate."""

    golden: Mapping[str, GoldenResult] = field(default_factory=dict)
    queries: Mapping[str, QueryResult] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


class Errands:
    """At most one per gate; they go on between two looks, each within its own time limits."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[Found]] = {}

    def __len__(self) -> int:
        return len(self._running)

    def __contains__(self, gate: str) -> bool:
        return gate in self._running

    def start(self, gate: str, seconds: float | None, work: Coroutine[Any, Any, Found]) -> None:
        """Begin one for a gate that has none; `seconds` None: the work limits itself."""
        self._running[gate] = asyncio.create_task(_limited(work, seconds), name=f"gate {gate}")

    async def settle(self, seconds: float) -> None:
        """Wait so long for them to end."""
        if self._running:
            await asyncio.wait(self._running.values(), timeout=seconds)

    def collect(self) -> Outcome:
        """Return what those that ended brought, and forget them."""
        golden: dict[str, GoldenResult] = {}
        queries: dict[str, QueryResult] = {}
        problems: dict[str, str] = {}
        for gate in [gate for gate, task in self._running.items() if task.done()]:
            found = _result(gate, self._running.pop(gate))
            if isinstance(found, GoldenResult):
                golden[gate] = found
            elif isinstance(found, QueryResult):
                queries[gate] = found
            else:
                problems[gate] = found
        return Outcome(golden, queries, problems)

    def cancel(self) -> None:
        """End them all; what they would have brought concerns nobody any more."""
        for task in self._running.values():
            task.cancel()
        self._running.clear()


async def _limited(work: Coroutine[Any, Any, Found], seconds: float | None) -> Found:
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError as error:
        within = f" within {seconds:g} s" if seconds is not None else ""
        raise Uncomputable(f"no complete answer{within}; it is asked again") from error


def _result(gate: str, task: asyncio.Task[Found]) -> Found | str:
    """Return what a task brought, or the sentence about why it brought nothing."""
    error = task.exception()
    if error is None:
        return task.result()
    if isinstance(error, Uncomputable):
        return str(error)
    _log.error("gate not asked", gate=gate, exc_info=error)
    return f"the operator could not ask: {error!r}; its log has more"
