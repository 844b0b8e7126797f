"""One look: everything that the gates of a target need, in parallel and within a time limit."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from lockstep_operator.api.gates import Gate
from lockstep_operator.core.errors import LockstepError
from lockstep_operator.core.gates.samples import Samples
from lockstep_operator.core.gates.target import Target
from lockstep_operator.core.routing import RouterCount
from lockstep_operator.shell.analysis.errands import Errands
from lockstep_operator.shell.analysis.golden import Golden
from lockstep_operator.shell.analysis.models import LOOK_SECONDS, Cursors, Models
from lockstep_operator.shell.analysis.needs import Needs, needs_of
from lockstep_operator.shell.analysis.prometheus import Queries
from lockstep_operator.shell.clock import Clock, utc_now
from lockstep_operator.shell.keys import Key
from lockstep_operator.traffic.interface import TrafficProvider

_ERRAND_SECONDS = 0.5  # what takes longer is there at the next look
_QUERY_SECONDS = 10.0


@dataclass(slots=True)
class _Session:
    """What is kept of one ModelDeployment between two looks."""

    errands: Errands = field(default_factory=Errands)
    cursors: Cursors = field(default_factory=dict)


class Collector:
    """Gathers samples; keeps how far answers were read and which questions are still open."""

    def __init__(
        self,
        provider: TrafficProvider,
        models: Models,
        golden: Golden,
        queries: Queries,
        *,
        clock: Clock = utc_now,
        seconds: float = LOOK_SECONDS,
    ) -> None:
        self._provider = provider
        self._models = models
        self._golden = golden
        self._queries = queries
        self._clock = clock
        self._seconds = seconds
        self._sessions: dict[Key, _Session] = {}

    async def collect(self, key: Key, target: Target, due: frozenset[str]) -> Samples:
        """Return what the target's gates need; of `due`, golden requests and queries too.

        Never raises: what cannot be had is a problem of the gates that need it.
        """
        session = self._sessions.setdefault(key, _Session())
        needs = needs_of(target)
        self._start_errands(key, target, due, session.errands)
        (counts, refused), told, _ = await asyncio.gather(
            self._counts(key, target, needs),
            self._models.read(key, target, needs, session.cursors),
            session.errands.settle(_ERRAND_SECONDS),
        )
        # From here on nothing waits: a look that is cancelled has taken nothing.
        session.cursors = told.cursors
        outcome = session.errands.collect()
        return Samples(
            time=self._clock(),
            router=counts,
            models=told.readings,
            golden=outcome.golden,
            queries=outcome.queries,
            problems={**refused, **told.problems, **outcome.problems},
        )

    def is_asking(self, key: Key) -> bool:
        """Return whether golden requests or queries go on after the last look."""
        session = self._sessions.get(key)
        return session is not None and len(session.errands) > 0

    def forget(self, key: Key) -> None:
        """Nothing of this key is judged any more."""
        session = self._sessions.pop(key, None)
        if session is not None:
            session.errands.cancel()

    def close(self) -> None:
        """End all that goes on."""
        for key in list(self._sessions):
            self.forget(key)

    def _start_errands(
        self, key: Key, target: Target, due: frozenset[str], errands: Errands
    ) -> None:
        for gate in _due(target, due):
            if gate.title in errands:
                continue
            if gate.metric == "prometheus":
                work = self._queries.ask(key, target, gate)
                errands.start(gate.title, _QUERY_SECONDS, work)
            else:  # there may be a thousand of them, each with its own time limit
                errands.start(gate.title, None, self._golden.ask(key, target, gate))

    async def _counts(
        self, key: Key, target: Target, needs: Needs
    ) -> tuple[tuple[RouterCount, ...], dict[str, str]]:
        if not needs.router:
            return (), {}
        revisions = [name for name in (target.candidate, target.stable) if name is not None]
        try:
            async with asyncio.timeout(self._seconds):
                return await self._provider.counts(*key, revisions), {}
        except (LockstepError, TimeoutError) as error:
            why = str(error) or f"no answer within {self._seconds:g} s"
            sentence = f"the router's counts could not be read: {why}; see its pods' state and logs"
            return (), dict.fromkeys(needs.router, sentence)


def _due(target: Target, due: frozenset[str]) -> Iterator[Gate]:
    for gate in target.gates:
        if gate.title in due and gate.metric in ("goldenRequests", "prometheus"):
            yield gate
