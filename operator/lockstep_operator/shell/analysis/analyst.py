"""Judges the candidates: gathers samples at its own pace and keeps the evidence between looks."""

import asyncio
from dataclasses import dataclass

import structlog

from lockstep_operator.api.gates import Analysis
from lockstep_operator.core.gates.evidence import Evidence, begin
from lockstep_operator.core.gates.samples import Samples
from lockstep_operator.core.gates.target import Target
from lockstep_operator.shell.analysis.collector import Collector
from lockstep_operator.shell.clock import Clock, utc_now
from lockstep_operator.shell.keys import Key
from lockstep_operator.shell.metrics import Metrics

_LOOKS_PER_AGE = 30  # so that a verdict comes at most a thirtieth later than it could
# A busy model pod remembers its answers for eight seconds.
_SHORTEST, _LONGEST = 1.0, 5.0
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Evaluation:
    """One candidate at one step. `next_look`: by the loop's clock."""

    target: Target
    evidence: Evidence
    report: Analysis | None
    next_look: float = 0.0


def interval(elapsed: float) -> float:
    """Return the seconds between two looks at a step that has lasted so many seconds."""
    return min(_LONGEST, max(_SHORTEST, elapsed / _LOOKS_PER_AGE))


class Analyst:
    """Keeps the evidence about one candidate per ModelDeployment, in memory.

    After a restart it goes on from what was recorded, so at most the looks since then are lost.
    """

    def __init__(
        self,
        collector: Collector,
        metrics: Metrics,
        clock: Clock = utc_now,
    ) -> None:
        self._collector = collector
        self._metrics = metrics
        self._clock = clock
        self._evaluations: dict[Key, _Evaluation] = {}

    async def look(
        self, key: Key, target: Target | None, recorded: Analysis | None
    ) -> Analysis | None:
        """Return what the gates say now; between two looks, what they said last.

        `recorded`: what the candidate's status says, for an operator that knows nothing yet.
        """
        if target is None or not target.gates:
            self.forget(key)
            return None
        evaluation = self._evaluation(key, target, recorded)
        loop = asyncio.get_running_loop()
        if evaluation.report is None or loop.time() >= evaluation.next_look:
            evaluation.report = await self._look(key, evaluation)
            elapsed = (self._clock() - target.since).total_seconds()
            pause = _SHORTEST if self._collector.is_asking(key) else interval(elapsed)
            evaluation.next_look = loop.time() + pause
        return evaluation.report

    def next_look(self, key: Key) -> float | None:
        """Return in how many seconds to look again; None when nothing is judged."""
        evaluation = self._evaluations.get(key)
        if evaluation is None:
            return None
        return max(0.0, evaluation.next_look - asyncio.get_running_loop().time())

    def forget(self, key: Key) -> None:
        """Drop what is known of a ModelDeployment without a candidate, or that is gone."""
        if self._evaluations.pop(key, None) is not None:
            self._collector.forget(key)

    def _evaluation(self, key: Key, target: Target, recorded: Analysis | None) -> _Evaluation:
        known = self._evaluations.get(key)
        if known is not None and known.target == target:
            return known
        if known is not None and known.target.candidate == target.candidate:
            recorded = known.report or recorded  # newer than what was written
        elif known is not None:
            self._collector.forget(key)
        evaluation = _Evaluation(target, begin(target, recorded), None)
        self._evaluations[key] = evaluation
        return evaluation

    async def _look(self, key: Key, evaluation: _Evaluation) -> Analysis:
        """Nothing is kept of a look that is cancelled half-way."""
        began = asyncio.get_running_loop().time()
        due = evaluation.evidence.due(self._clock())
        samples = await self._collector.collect(key, evaluation.target, due)
        evaluation.evidence = evaluation.evidence.add(samples)
        self._metrics.look_seconds.observe(asyncio.get_running_loop().time() - began)
        self._note(key, evaluation.target, samples)
        return evaluation.evidence.report(self._clock())

    def _note(self, key: Key, target: Target, samples: Samples) -> None:
        kinds = {gate.title: gate.metric for gate in target.gates}
        for gate, problem in samples.problems.items():
            self._metrics.look_problems.labels(kinds.get(gate, "unknown")).inc()
            name = "/".join(key)
            _log.info("gate not computed", model_deployment=name, gate=gate, because=problem)
