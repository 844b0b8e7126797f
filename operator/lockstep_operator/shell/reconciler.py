"""One reconcile: gather, plan, apply, prune, status. All decisions are the planner's."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace

import structlog

from lockstep_operator.api.group import MODEL_DEPLOYMENT, MODEL_REVISION
from lockstep_operator.core.errors import Conflict
from lockstep_operator.core.plan import Defaults, Observed, Plan
from lockstep_operator.shell.execution import Execution
from lockstep_operator.shell.farewell import Farewell
from lockstep_operator.shell.gather import gather, tenants_of
from lockstep_operator.shell.intake import Key
from lockstep_operator.shell.metrics import Metrics
from lockstep_operator.shell.pace import Pace
from lockstep_operator.shell.recorder import Recorder
from lockstep_operator.shell.store import Manifest, Store
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
        recorder: Recorder,
        metrics: Metrics,
        planner: Planner,
        defaults: Defaults,
    ) -> None:
        self._store = store
        self._writer = writer
        self._provider = provider
        self._recorder = recorder
        self._metrics = metrics
        self._planner = planner
        self._defaults = defaults
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
        deployment = self._store.get(MODEL_DEPLOYMENT, namespace, name)
        if deployment is None:
            deployment = await self._writer.refresh(MODEL_DEPLOYMENT, namespace, name)
        if deployment is None or "deletionTimestamp" in deployment["metadata"]:
            self._metrics.forget(namespace, name)
            self._pace.forget((namespace, name))
            return await self._farewell.say(namespace, name, gone=deployment is None)
        self._farewell.cancel(namespace, name)
        return await self._follow(deployment)

    async def _follow(self, deployment: Manifest) -> float | None:
        namespace = deployment["metadata"]["namespace"]
        key = (namespace, deployment["metadata"]["name"])
        observed = await gather(self._store, self._provider, deployment)
        plan = self._planner(observed, self._defaults)
        execution = Execution(self._writer, self._provider, namespace)
        await execution.run(plan, observed.route, lambda: tenants_of(self._store, namespace))
        reported = plan
        if execution.met_resistance:
            told = replace(observed, conflicts=execution.conflicts, refusals=execution.refusals)
            reported = self._planner(told, self._defaults)
        await self._report(deployment, reported)
        for refusal in execution.refusals:
            await self._recorder.record(deployment, "WriteRefused", refusal.message, warning=True)
        if execution.met_resistance:
            again = max(_NOT_AT_ONCE, _sooner(reported.requeue_after, _LOOK_AGAIN))
            return self._pace.stretch(key, reported, again)
        delay = 0.0 if plan.creates or plan.patches else plan.requeue_after
        return self._pace.stretch(key, plan, delay)

    async def _report(self, deployment: Manifest, plan: Plan) -> None:
        namespace, name = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
        # Events are told from what the status does not say yet: after it, they would be lost.
        for event in plan.events:
            about = self._store.get(MODEL_REVISION, namespace, event.revision or "") or deployment
            await self._recorder.record(about, event.reason, event.message, event.warning)
        for revision, status in plan.revision_statuses.items():
            await self._writer.status(MODEL_REVISION, namespace, revision, status)
        await self._writer.status(MODEL_DEPLOYMENT, namespace, name, plan.status)
        self._metrics.report(namespace, name, plan.status)


def _sooner(delay: float | None, bound: float) -> float:
    return bound if delay is None else min(delay, bound)
