"""Telling what a pass found: Events, statuses, metrics."""

from collections.abc import Iterable, Sequence

from lockstep_operator.api.group import MODEL_DEPLOYMENT, MODEL_REVISION
from lockstep_operator.core.plan import Event, Manifest, Observed, Plan, Refusal
from lockstep_operator.shell.analysis.record import WriteThrottle
from lockstep_operator.shell.keys import Key
from lockstep_operator.shell.metrics import Metrics
from lockstep_operator.shell.recorder import Recorder
from lockstep_operator.shell.store import Store
from lockstep_operator.shell.writer import Writer


class Reporter:
    """Writes what people see of a ModelDeployment."""

    def __init__(self, store: Store, writer: Writer, recorder: Recorder, metrics: Metrics) -> None:
        self._store = store
        self._writer = writer
        self._recorder = recorder
        self._metrics = metrics
        self._throttle = WriteThrottle()
        self._told: dict[Key, set[Event]] = {}

    async def report(self, observed: Observed, plan: Plan, refusals: Sequence[Refusal]) -> None:
        """Report one pass. Numbers of an analysis are written less often than they change.

        Events are told from what the status does not say yet: after it, they would be lost.
        """
        deployment = observed.deployment
        namespace, name = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
        self._metrics.rollouts.report((namespace, name), observed, plan)
        await self.tell(deployment, plan.events)
        for revision, status in plan.revision_statuses.items():
            await self._revision(namespace, revision, status)
        await self._writer.status(MODEL_DEPLOYMENT, namespace, name, plan.status)
        self._told.pop((namespace, name), None)
        for refusal in refusals:
            await self._recorder.record(deployment, "WriteRefused", refusal.message, warning=True)

    async def tell(self, deployment: Manifest, events: Iterable[Event]) -> None:
        """Write Events. Until the status says what they tell, the same ones are no news."""
        namespace, name = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
        told = self._told.setdefault((namespace, name), set())
        for event in events:
            if event in told:
                continue
            told.add(event)
            about = self._store.get(MODEL_REVISION, namespace, event.revision or "") or deployment
            await self._recorder.record(about, event.reason, event.message, event.warning)

    async def _revision(self, namespace: str, name: str, status: Manifest) -> None:
        live = self._store.get(MODEL_REVISION, namespace, name) or {}
        if self._throttle.allows((namespace, name), live.get("status") or {}, status):
            await self._writer.status(MODEL_REVISION, namespace, name, status)

    def forget(self, key: Key) -> None:
        """Publish nothing more of a ModelDeployment that is gone."""
        self._told.pop(key, None)
        self._metrics.rollouts.forget(key)
