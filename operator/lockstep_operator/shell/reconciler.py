"""One reconcile: gather, plan, apply, prune, status. All decisions are the planner's."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace

import structlog

from lockstep_operator.api.group import MODEL_DEPLOYMENT, MODEL_REVISION
from lockstep_operator.core.errors import Conflict, LockstepError, Unavailable
from lockstep_operator.core.judgement import target_of
from lockstep_operator.core.plan import Defaults, Observed, Plan
from lockstep_operator.shell.analysis.analyst import Analyst
from lockstep_operator.shell.analysis.record import recorded_analysis
from lockstep_operator.shell.clock import Clock, utc_now
from lockstep_operator.shell.execution import Execution, takes_back
from lockstep_operator.shell.farewell import Farewell
from lockstep_operator.shell.gather import gather, tenants_of
from lockstep_operator.shell.keys import Key
from lockstep_operator.shell.metrics import Metrics
from lockstep_operator.shell.pace import Pace
from lockstep_operator.shell.reporter import Reporter
from lockstep_operator.shell.store import Manifest, Store
from lockstep_operator.shell.urgency import Urgency
from lockstep_operator.shell.withdrawal import Withdrawal
from lockstep_operator.shell.writer import Writer
from lockstep_operator.traffic.interface import TrafficProvider

Planner = Callable[[Observed, Defaults], Plan]

_PLANS_PER_RECONCILE = 6
_LOOK_AGAIN = 30.0  # no event tells when a stranger's object is gone, or a quota is raised
_NOT_AT_ONCE = 1.0
_log = structlog.get_logger(__name__)


class Reconciler:
    """Makes the cluster follow one ModelDeployment at a time."""

    def __init__(
        self,
        *,
        store: Store,
        writer: Writer,
        provider: TrafficProvider,
        analyst: Analyst,
        reporter: Reporter,
        urgency: Urgency,
        metrics: Metrics,
        planner: Planner,
        defaults: Defaults,
        clock: Clock = utc_now,
    ) -> None:
        self._store = store
        self._writer = writer
        self._provider = provider
        self._analyst = analyst
        self._reporter = reporter
        self._urgency = urgency
        self._metrics = metrics
        self._planner = planner
        self._defaults = defaults
        self._clock = clock
        self._withdrawal = Withdrawal(store, writer, provider, self._plan, clock)
        self._farewell = Farewell(store, writer, provider)
        self._pace = Pace()

    async def reconcile(self, key: Key) -> float | None:
        """Do all there is to do for a key; return in how many seconds to look again.

        An object that changed under our hands means a new plan at once, from fresh reads.
        """
        for attempt in range(1, _PLANS_PER_RECONCILE + 1):
            try:
                return await self._pass(*key)
            except Conflict as error:
                self._metrics.replans.inc()
                _log.info("planning again", attempt=attempt, because=str(error))
                if attempt == _PLANS_PER_RECONCILE:
                    raise
                await asyncio.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 (jitter)
        return None

    async def _pass(self, namespace: str, name: str) -> float | None:
        key = (namespace, name)
        self._urgency.lower(key)
        deployment = self._store.get(MODEL_DEPLOYMENT, namespace, name)
        if deployment is None:
            deployment = await self._writer.refresh(MODEL_DEPLOYMENT, namespace, name)
        if deployment is None or "deletionTimestamp" in deployment["metadata"]:
            self._forget(key)
            return await self._farewell.say(namespace, name, gone=deployment is None)
        self._farewell.cancel(namespace, name)
        if await self._withdraw(key, deployment):
            return 0.0
        observed = await self._urgency.unless_raised(key, self._gathered(key, deployment))
        return 0.0 if observed is None else await self._follow(key, observed)

    async def _withdraw(self, key: Key, deployment: Manifest) -> bool:
        try:
            return await self._withdrawal.make(deployment)
        except Unavailable:
            self._urgency.raise_for(key)  # as urgent the next time
            raise

    async def _gathered(self, key: Key, deployment: Manifest) -> Observed:
        observed = await gather(self._store, self._provider, deployment, clock=self._clock)
        target = target_of(observed)
        candidate = self._store.get(MODEL_REVISION, key[0], target.candidate) if target else None
        analysis = await self._analyst.look(key, target, recorded_analysis(candidate))
        return replace(observed, analysis=analysis)

    async def _follow(self, key: Key, observed: Observed) -> float | None:
        plan = self._plan(observed)
        execution = Execution(self._writer, self._provider, key[0])
        if any(map(takes_back, plan.patches)):
            self._urgency.raise_for(key)  # whatever else of this plan fails
        try:
            await execution.run(plan, observed.route, lambda: tenants_of(self._store, key[0]))
        except LockstepError:  # the next plan finds these marks written and tells of them no more
            done = [event for event in plan.events if event.mark in execution.marked]
            await self._reporter.tell(observed.deployment, done)
            raise
        reported = plan
        if execution.met_resistance:
            told = replace(observed, conflicts=execution.conflicts, refusals=execution.refusals)
            reported = self._plan(told)
        await self._reporter.report(observed, reported, execution.refusals)
        if execution.met_resistance:
            again = max(_NOT_AT_ONCE, _soonest(reported.requeue_after, _LOOK_AGAIN) or 0.0)
            return self._pace.stretch(key, reported, again)
        if plan.creates or plan.patches:
            return self._pace.stretch(key, plan, 0.0)
        return _soonest(
            self._pace.stretch(key, plan, plan.requeue_after), self._analyst.next_look(key)
        )

    def _plan(self, observed: Observed) -> Plan:
        return self._planner(observed, self._defaults)

    def _forget(self, key: Key) -> None:
        self._reporter.forget(key)
        self._analyst.forget(key)
        self._pace.forget(key)


def _soonest(*delays: float | None) -> float | None:
    return min((delay for delay in delays if delay is not None), default=None)
