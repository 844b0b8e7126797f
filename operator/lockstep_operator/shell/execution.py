"""Writing what a plan says, in its order, as far as the API server lets us."""

from collections.abc import Awaitable, Callable, Sequence

from lockstep_operator.api.group import MODEL_REVISION
from lockstep_operator.core.errors import Forbidden, Invalid, NameConflict
from lockstep_operator.core.plan import Conflict, Plan, Refusal
from lockstep_operator.core.routing import LiveRoute
from lockstep_operator.shell.store import Manifest
from lockstep_operator.shell.writer import Writer
from lockstep_operator.traffic.interface import TrafficProvider

# Asked right before the write: a ModelDeployment that came meanwhile must not lose its entries.
Tenants = Callable[[], Sequence[Manifest]]


class Execution:
    """One run of a plan. What concerns one object only is noted and does not stop the others.

    The route comes first: taking traffic off a revision waits for nothing else. Then what must be
    remembered, then the rest.
    """

    def __init__(self, writer: Writer, provider: TrafficProvider, namespace: str) -> None:
        self._writer = writer
        self._provider = provider
        self._namespace = namespace
        self.conflicts: tuple[Conflict, ...] = ()
        self.refusals: tuple[Refusal, ...] = ()

    @property
    def met_resistance(self) -> bool:
        """Return whether something could not be written."""
        return bool(self.conflicts or self.refusals)

    async def run(self, plan: Plan, live: LiveRoute, tenants: Tenants) -> None:
        """Write all but the status.

        Raises:
            core.errors.Conflict: something changed since it was planned.
            core.errors.Unavailable: no use in going on.
        """
        for manifest in plan.creates:
            await self._try(manifest, self._writer.create(manifest))
        if plan.route is not None:
            route = {"kind": "route", "metadata": {"name": plan.route.deployment}}
            await self._try(route, self._provider.reconcile(plan.route, live, tenants()))
        for patch in plan.patches:
            revision = {"kind": MODEL_REVISION, "metadata": {"name": patch.name}}
            await self._try(revision, self._writer.patch(MODEL_REVISION, self._namespace, patch))
        for manifest in plan.children:
            await self._try(manifest, self._writer.apply(manifest))
        for ref in plan.prune:
            stale = {"kind": ref.kind, "metadata": {"name": ref.name}}
            await self._try(stale, self._writer.delete(ref.kind, self._namespace, ref.name))

    async def _try(self, target: Manifest, write: Awaitable[object]) -> None:
        kind, name = target["kind"], target["metadata"]["name"]
        try:
            await write
        except NameConflict as error:
            self.conflicts += (Conflict(error.kind, error.name),)
        except (Invalid, Forbidden) as error:
            self.refusals += (Refusal(kind, name, str(error)),)
