"""The Envoy traffic provider: the part of this package that decides what to write."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import structlog

from lockstep_operator.core.errors import Conflict, LockstepError, NameConflict
from lockstep_operator.core.routing import LiveRoute, Route, RouterCount
from lockstep_operator.traffic.envoy import manifests, names
from lockstep_operator.traffic.envoy.config import RouterConfig
from lockstep_operator.traffic.envoy.laggards import Laggards
from lockstep_operator.traffic.envoy.observation import (
    Refusals,
    Wanted,
    applied,
    by_revision,
    fewest_healthy,
)
from lockstep_operator.traffic.envoy.ports import choose_port
from lockstep_operator.traffic.envoy.readback import (
    as_route,
    clusters_of,
    is_current,
    read_route_of,
    route_version,
    urgent_since,
    used_clusters,
)
from lockstep_operator.traffic.envoy.router_pods import RouterPods
from lockstep_operator.traffic.envoy.routes import route_text
from lockstep_operator.traffic.envoy.settings import RouterSettings
from lockstep_operator.traffic.envoy.staging import spare_clusters, stage
from lockstep_operator.traffic.envoy.stored import StoredConfig
from lockstep_operator.traffic.interface import Cluster, PodReader

Manifest = dict[str, Any]

_ROUTER_KINDS = ("PodDisruptionBudget", "Deployment", "ConfigMap")
_log = structlog.get_logger(__name__)


@dataclass
class _Memory:
    """Of one ModelDeployment, between looks at the router pods; losing it loses no decision.

    `warm`: clusters of mirror and matches that every pod was last seen to have healthy pods in.
    """

    refusals: Refusals = field(default_factory=Refusals)
    laggards: Laggards = field(default_factory=Laggards)
    warm: frozenset[str] = frozenset()


class EnvoyTraffic:
    """`TrafficProvider` for routers that this package renders.

    The writes of one namespace's ConfigMap take turns: its ModelDeployments share it, and would
    otherwise find it changed under their hands.
    """

    def __init__(
        self,
        cluster: Cluster,
        pods: PodReader,
        settings: RouterSettings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._cluster = cluster
        self._pods = RouterPods(cluster, pods, clock)
        self._stored = StoredConfig(cluster, settings)
        self._settings = settings
        self._clock = clock
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._memory: defaultdict[tuple[str, str], _Memory] = defaultdict(_Memory)

    async def observe(self, namespace: str, deployment: str, ask: bool = True) -> LiveRoute:
        """Read back what the router runs for this ModelDeployment.

        With `ask` False, only what is configured: no router pod is waited for, so `applied` is
        False, `healthy` empty and `rejected` None.
        """
        config, resource_version = self._stored.read(namespace)
        live = read_route_of(config, deployment)
        ready = self._pods.ready(namespace)
        live = replace(
            live,
            resource_version=resource_version,
            ready_pods=len(ready),
            complete=self._is_complete(namespace, deployment, config),
        )
        asked = ready if ask and live.port is not None else []
        return await self._seen(live, Wanted.by(config, deployment), namespace, asked)

    async def _seen(
        self, live: LiveRoute, wanted: Wanted, namespace: str, asked: Sequence[Manifest]
    ) -> LiveRoute:
        views = await self._pods.views(asked, wanted)
        memory = self._memory[namespace, wanted.deployment]
        memory.laggards.note(views, wanted, self._clock())
        healthy = fewest_healthy(views, wanted)
        memory.warm = frozenset(name for name, count in healthy.items() if count)
        if not views:
            return live
        return replace(
            live,
            applied=all(applied(view, wanted) for view in views),
            healthy=by_revision(healthy),
            rejected=memory.refusals.sentence(views, wanted),
        )

    async def counts(
        self, namespace: str, deployment: str, revisions: Sequence[str]
    ) -> tuple[RouterCount, ...]:
        """Return the counts of every router pod that could be read, for gates.

        Raises:
            LockstepError: none could be read; the message says why.
        """
        return await self._pods.counts(namespace, deployment, revisions)

    async def reconcile(self, route: Route, live: LiveRoute, owners: Sequence[Manifest]) -> None:
        """Make the router run `route`; writes only what differs.

        The configuration comes first and waits for nothing else: it is what a rollback changes.

        Raises:
            Conflict: the configuration of this ModelDeployment is no longer `live`.
            NameConflict: a stranger's object has a name we need; the others are written.
            Invalid: the configuration does not fit into a ConfigMap, a port or a name.
            LockstepError: the route is not a split, or its ModelDeployment not among the owners.
        """
        namespace, name = route.namespace, route.deployment
        owner = _named(owners, name)
        async with self._turns[namespace]:
            config = self._config_as_planned(namespace, name, live).only(_names(owners))
            port = choose_port(name, config, self._services(namespace))
            after = self._with_route(config, route, live, port)
            data = await self._write(namespace, after, owners)
        await self._pods.nudge(namespace, data, live.applied)
        async with self._turns[namespace]:  # else two could each replace another pod
            restart = await self._replace_laggard(route, live, after)
        service = manifests.user_service(namespace, owner, port, grpc=route.settings.grpc)
        await self._apply_each([*self._router(namespace, data, owners, restart), service])

    async def finalize(self, namespace: str, deployment: str, owners: Sequence[Manifest]) -> None:
        """Forget a deleted ModelDeployment; with no owners left, remove the router itself.

        Raises:
            Conflict: the configuration changed meanwhile.
        """
        if deployment in _names(owners):
            return  # it was created again, and keeps what it finds
        self._memory.pop((namespace, deployment), None)
        service = self._cluster.get("Service", namespace, deployment)
        if service is not None and manifests.is_user_service(service, deployment):
            await self._cluster.delete("Service", namespace, deployment)
        async with self._turns[namespace]:
            if not owners:
                self._stored.forget(namespace)
                for kind in _ROUTER_KINDS:
                    await self._cluster.delete(kind, namespace, names.ROUTER)
                return
            if self._cluster.get("ConfigMap", namespace, names.ROUTER) is None:
                return
            config, _ = self._stored.read(namespace)
            data = await self._write(namespace, config.only(_names(owners)), owners)
        await self._pods.nudge(namespace, data, applied=True)
        await self._apply_each(self._router(namespace, data, owners))

    def _services(self, namespace: str) -> list[Manifest]:
        return self._cluster.select("Service", namespace, dict(names.ROUTER_LABELS))

    def _is_complete(self, namespace: str, deployment: str, config: RouterConfig) -> bool:
        """The other objects need only be there: `reconcile` compares them in full."""
        live = read_route_of(config, deployment)
        grpc = live.settings is not None and live.settings.grpc
        service = self._cluster.get("Service", namespace, deployment)
        return (
            is_current(config, namespace, deployment, self._settings)
            and manifests.is_pointed(service, deployment, live.port, grpc)
            and all(self._cluster.get(kind, namespace, names.ROUTER) for kind in _ROUTER_KINDS)
        )

    def _config_as_planned(self, namespace: str, name: str, live: LiveRoute) -> RouterConfig:
        """Return the newest configuration, provided that our part of it is what was planned from.

        Other ModelDeployments' parts may have changed since: they are kept as they are.
        """
        config, _ = self._stored.read(namespace)
        now = read_route_of(config, name)
        same = as_route(live, namespace, name) == as_route(now, namespace, name)
        if not same or (live.port, live.settings) != (now.port, now.settings):
            raise Conflict(f"the route of {namespace}/{name} changed since it was read", status=409)
        return config

    def _with_route(
        self, config: RouterConfig, route: Route, live: LiveRoute, port: int
    ) -> RouterConfig:
        """Return the configuration with what of the route can be configured now."""
        name = route.deployment
        used = used_clusters(live, name)
        present = [one for one in clusters_of(config, name) if not names.is_split(one)]
        warm = self._memory[route.namespace, name].warm if live.applied else frozenset()
        staged = stage(route, used, present, warm)
        spare = spare_clusters(route, used, present, live)
        since = self._urgent_since(config, staged)
        return config.with_route(staged, port, self._settings, spare, since)

    def _urgent_since(self, config: RouterConfig, route: Route) -> str | None:
        """Return when a route became urgent: now, unless it is what is configured already."""
        before = urgent_since(config, route.deployment)
        unchanged = route_text(route, before) == config.routes.get(route.deployment)
        if unchanged and (before is not None or not route.urgent):
            return before
        now = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")
        return now if route.urgent else None

    async def _replace_laggard(
        self, route: Route, live: LiveRoute, config: RouterConfig
    ) -> str | None:
        """Delete a router pod that does not follow an urgent route, or return a restart's mark."""
        namespace, name = route.namespace, route.deployment
        since = urgent_since(config, name)
        if not route.urgent or since is None or live.rejected is not None:
            return None
        laggards = self._memory[namespace, name].laggards
        pods, version = self._pods.every(namespace), route_version(config, name)
        remedy = laggards.remedy(version, since, pods, self._clock())
        if remedy is None:
            return None
        _log.warning("router does not follow", namespace=namespace, name=name, pod=remedy.pod)
        if remedy.pod is None:
            return since
        await self._cluster.delete("Pod", namespace, remedy.pod)
        return None

    async def _write(
        self, namespace: str, config: RouterConfig, owners: Sequence[Manifest]
    ) -> dict[str, str]:
        data = config.data()
        known = self._cluster.get("ConfigMap", namespace, names.ROUTER)
        wanted = manifests.router_configmap(namespace, data, owners)
        await self._cluster.apply(wanted, manifests.resource_version(known))
        self._stored.keep(namespace, config)
        return data

    def _router(
        self,
        namespace: str,
        data: dict[str, str],
        owners: Sequence[Manifest],
        restart: str | None = None,
    ) -> list[Manifest]:
        """`restart`: what to restart the pods for; None: what they were last restarted for."""
        before = self._cluster.get("Deployment", namespace, names.ROUTER)
        mark = restart or manifests.restart_mark(before)
        return [
            manifests.router_deployment(namespace, self._settings, data, owners, mark),
            manifests.router_disruption_budget(namespace, owners),
        ]

    async def _apply_each(self, wanted: Sequence[Manifest]) -> None:
        """Apply all; a name that is taken keeps only its own object from being written."""
        taken: list[NameConflict] = []
        for manifest in wanted:
            try:
                await self._cluster.apply(manifest)
            except NameConflict as error:
                taken.append(error)
        if taken:
            raise taken[0]


def _names(owners: Sequence[Manifest]) -> set[str]:
    return {owner["metadata"]["name"] for owner in owners}


def _named(owners: Sequence[Manifest], name: str) -> Manifest:
    for owner in owners:
        if owner["metadata"]["name"] == name:
            return owner
    raise LockstepError(f"ModelDeployment {name!r} is not among the router's owners")
