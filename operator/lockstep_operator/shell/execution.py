"""Writing what a plan says, in its order, as far as the API server lets us."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from lockstep_operator.api.group import MODEL_REVISION
from lockstep_operator.core.errors import ApiError, Forbidden, Invalid, NameConflict
from lockstep_operator.core.errors import Conflict as Changed
from lockstep_operator.core.plan import Conflict, Plan, Refusal, RevisionPatch
from lockstep_operator.core.revisions import bans
from lockstep_operator.core.routing import LiveRoute
from lockstep_operator.shell.store import Manifest
from lockstep_operator.shell.writer import Writer
from lockstep_operator.traffic.interface import TrafficProvider

# Asked right before the write: a ModelDeployment that came meanwhile must not lose its entries.
Tenants = Callable[[], Sequence[Manifest]]


def takes_back(patch: RevisionPatch) -> bool:
    """Tell whether a mark takes traffic off a revision."""
    return bool(bans(patch.body.get("spec") or {}))


class Execution:
    """One run of a plan. What concerns one object only is noted and does not stop the others.

    The route comes first: taking traffic off a revision waits for nothing else. Then what must be
    remembered, then the rest. `marked`: the revisions whose patch was written.
    """

    def __init__(self, writer: Writer, provider: TrafficProvider, namespace: str) -> None:
        self._writer = writer
        self._provider = provider
        self._namespace = namespace
        self.conflicts: tuple[Conflict, ...] = ()
        self.refusals: tuple[Refusal, ...] = ()
        self.marked: set[str] = set()

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
        await self._take_back(plan)
        for manifest in plan.creates:
            await self._try(manifest, self._writer.create(manifest))
        if plan.route is not None:
            route = {"kind": "route", "metadata": {"name": plan.route.deployment}}
            await self._try(route, self._provider.reconcile(plan.route, live, tenants()))
        for patch in plan.patches:
            if not takes_back(patch):
                await self._mark(patch)
        for manifest in plan.children:
            await self._try(manifest, self._writer.apply(manifest))
        for ref in plan.prune:
            stale = {"kind": ref.kind, "metadata": {"name": ref.name}}
            await self._try(stale, self._writer.delete(ref.kind, self._namespace, ref.name))

    async def _take_back(self, plan: Plan) -> None:
        """Before anything that may fail: quarantines and aborts that the plan itself decided.

        The numbers that they rest on go to the status first, as they go with the rollout's end.
        """
        for patch in filter(takes_back, plan.patches):
            await self._mark(await self._with_numbers(plan, patch))

    async def _with_numbers(self, plan: Plan, patch: RevisionPatch) -> RevisionPatch:
        """Write the status, and return the mark for the object as it is then.

        A status that cannot be written holds nothing up: the mark says the most important of it.
        """
        status = plan.revision_statuses.get(patch.name)
        if status is None or self._version(patch.name) != patch.resource_version:
            return patch
        try:
            await self._writer.status(MODEL_REVISION, self._namespace, patch.name, status)
        except Changed:
            raise
        except ApiError:
            return patch
        return replace(patch, resource_version=self._version(patch.name))

    def _version(self, revision: str) -> str:
        known = self._writer.get(MODEL_REVISION, self._namespace, revision)
        return str(known["metadata"]["resourceVersion"]) if known else ""

    async def _mark(self, patch: RevisionPatch) -> None:
        revision = {"kind": MODEL_REVISION, "metadata": {"name": patch.name}}
        await self._try(revision, self._patched(patch))

    async def _patched(self, patch: RevisionPatch) -> None:
        await self._writer.patch(MODEL_REVISION, self._namespace, patch)
        self.marked.add(patch.name)

    async def _try(self, target: Manifest, write: Awaitable[object]) -> None:
        kind, name = target["kind"], target["metadata"]["name"]
        try:
            await write
        except NameConflict as error:
            self.conflicts += (Conflict(error.kind, error.name),)
        except (Invalid, Forbidden) as error:
            self.refusals += (Refusal(kind, name, str(error)),)
