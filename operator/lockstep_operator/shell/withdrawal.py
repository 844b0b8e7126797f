"""Taking traffic off a revision that must not serve, before anything else is asked or written."""

from collections.abc import Callable

import structlog

from lockstep_operator.core.plan import Observed, Plan
from lockstep_operator.core.routing import LiveRoute, Route
from lockstep_operator.shell.clock import Clock, utc_now
from lockstep_operator.shell.execution import Execution
from lockstep_operator.shell.gather import gather, revisions_of, tenants_of
from lockstep_operator.shell.store import Manifest, Store
from lockstep_operator.shell.urgency import is_banned
from lockstep_operator.shell.writer import Writer
from lockstep_operator.traffic.interface import TrafficProvider

_log = structlog.get_logger(__name__)


class Withdrawal:
    """Writes the route alone, planned from what is known: no router pod is waited for."""

    def __init__(
        self,
        store: Store,
        writer: Writer,
        provider: TrafficProvider,
        plan: Callable[[Observed], Plan],
        clock: Clock = utc_now,
    ) -> None:
        self._store = store
        self._writer = writer
        self._provider = provider
        self._plan = plan
        self._clock = clock

    async def make(self, deployment: Manifest) -> bool:
        """Return whether a route was written; then all the rest is for the pass after this one.

        Raises:
            core.errors.Conflict: the route changed since it was read.
            core.errors.Unavailable: it could not be written.
        """
        banned = self._banned(deployment)
        if not banned:
            return False
        observed = await gather(
            self._store, self._provider, deployment, ask=False, clock=self._clock
        )
        had = banned & _served(observed.route)
        route = self._plan(observed).route if had else None
        if route is None or not had - _served(route):
            return False
        namespace = deployment["metadata"]["namespace"]
        execution = Execution(self._writer, self._provider, namespace)
        await execution.run(
            Plan(route=route), observed.route, lambda: tenants_of(self._store, namespace)
        )
        _log.info("traffic taken off", revisions=sorted(had))
        return not execution.met_resistance

    def _banned(self, deployment: Manifest) -> set[str]:
        metadata = deployment["metadata"]
        known = revisions_of(self._store, metadata["namespace"], metadata["name"])
        return {one["metadata"]["name"] for one in known if is_banned(one)}


def _served(route: Route | LiveRoute) -> set[str]:
    """Return which revisions get requests of any kind."""
    if isinstance(route, Route):
        weights = {backend.revision: backend.weight for backend in route.backends}
    else:
        weights = dict(route.weights)
    mirrored = {route.mirror.revision} if route.mirror else set()
    matched = {route.candidate} if route.candidate else set()
    return {name for name, weight in weights.items() if weight} | mirrored | matched
