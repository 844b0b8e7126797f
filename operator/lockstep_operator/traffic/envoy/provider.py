"""The Envoy traffic provider: the part of this package that reads and writes."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import structlog

from lockstep_operator.core.errors import Conflict, LockstepError, NameConflict
from lockstep_operator.core.failures import is_ready
from lockstep_operator.core.routing import LiveRoute, Route
from lockstep_operator.traffic.envoy import manifests, names
from lockstep_operator.traffic.envoy.config import RouterConfig
from lockstep_operator.traffic.envoy.discovery import version
from lockstep_operator.traffic.envoy.nudges import nudge
from lockstep_operator.traffic.envoy.observation import (
    PodView,
    Refusals,
    Wanted,
    applied,
    fewest_healthy,
)
from lockstep_operator.traffic.envoy.ports import choose_port
from lockstep_operator.traffic.envoy.readback import (
    is_current,
    read_config,
    read_route_of,
    route_version,
)
from lockstep_operator.traffic.envoy.settings import RouterSettings
from lockstep_operator.traffic.envoy.stats import RouterStats, parse_stats, stats_path
from lockstep_operator.traffic.interface import Cluster, PodReader

Manifest = dict[str, Any]

READ_SECONDS = 1.0
_ROUTER_KINDS = ("PodDisruptionBudget", "Deployment", "ConfigMap")
_log = structlog.get_logger(__name__)


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
        self._pods = pods
        self._settings = settings
        self._clock = clock
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._refusals: defaultdict[tuple[str, str], Refusals] = defaultdict(Refusals)

    async def observe(self, namespace: str, deployment: str) -> LiveRoute:
        """Read back what the router runs for this ModelDeployment.

        Raises:
            LockstepError: the router's ConfigMap is damaged.
        """
        configmap = self._cluster.get("ConfigMap", namespace, names.ROUTER)
        config = read_config(configmap)
        live = read_route_of(config, deployment)
        wanted = Wanted(deployment, route_version(config, deployment), tuple(live.weights))
        ready = [pod for pod in self._router_pods(namespace) if is_ready(pod)]
        asked = ready if live.port is not None else []
        views = await asyncio.gather(*(self._view(pod, wanted) for pod in asked))
        return replace(
            live,
            applied=bool(views) and all(applied(view, wanted) for view in views),
            healthy=fewest_healthy(views, wanted),
            rejected=self._refusals[namespace, deployment].sentence(views, wanted),
            resource_version=_resource_version(configmap),
            ready_pods=len(ready),
            complete=self._is_complete(namespace, deployment, config),
        )

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
            data = config.with_route(route, port, self._settings).data()
            await self._write(namespace, data, owners)
        await self._nudge(namespace, data, live.applied)
        service = manifests.user_service(namespace, owner, port)
        await self._apply_each([*self._router(namespace, data, owners), service])

    async def finalize(self, namespace: str, deployment: str, owners: Sequence[Manifest]) -> None:
        """Forget a deleted ModelDeployment; with no owners left, remove the router itself.

        Raises:
            Conflict: the configuration changed meanwhile.
        """
        if deployment in _names(owners):
            return  # it was created again, and keeps what it finds
        self._refusals.pop((namespace, deployment), None)
        service = self._cluster.get("Service", namespace, deployment)
        if service is not None and manifests.is_user_service(service, deployment):
            await self._cluster.delete("Service", namespace, deployment)
        async with self._turns[namespace]:
            if not owners:
                for kind in _ROUTER_KINDS:
                    await self._cluster.delete(kind, namespace, names.ROUTER)
                return
            configmap = self._cluster.get("ConfigMap", namespace, names.ROUTER)
            if configmap is None:
                return
            data = read_config(configmap).only(_names(owners)).data()
            await self._write(namespace, data, owners)
        await self._nudge(namespace, data, applied=True)
        await self._apply_each(self._router(namespace, data, owners))

    def _router_pods(self, namespace: str) -> list[Manifest]:
        return self._cluster.select("Pod", namespace, dict(names.ROUTER_LABELS))

    def _services(self, namespace: str) -> list[Manifest]:
        return self._cluster.select("Service", namespace, dict(names.ROUTER_LABELS))

    async def _view(self, pod: Manifest, wanted: Wanted) -> PodView:
        metadata = pod["metadata"]
        return PodView(metadata["name"], metadata["uid"], await self._stats(pod, wanted))

    async def _stats(self, pod: Manifest, wanted: Wanted) -> RouterStats | None:
        path = stats_path(wanted.deployment, wanted.revisions)
        try:
            async with asyncio.timeout(READ_SECONDS):
                body = await self._pods.get(pod, names.STATS_PORT, path)
            return parse_stats(body, wanted.deployment)
        except (LockstepError, TimeoutError) as error:
            reason = str(error) or "no answer in time"
            _log.info("router pod not read", pod=pod["metadata"]["name"], because=reason)
            return None

    def _is_complete(self, namespace: str, deployment: str, config: RouterConfig) -> bool:
        """The other objects need only be there: `reconcile` compares them in full."""
        port = read_route_of(config, deployment).port
        service = self._cluster.get("Service", namespace, deployment)
        return (
            is_current(config, namespace, deployment, self._settings)
            and manifests.service_port(service, deployment) == port
            and all(self._cluster.get(kind, namespace, names.ROUTER) for kind in _ROUTER_KINDS)
        )

    def _config_as_planned(self, namespace: str, name: str, live: LiveRoute) -> RouterConfig:
        """Return the newest configuration, provided that our part of it is what was planned from.

        Other ModelDeployments' parts may have changed since: they are kept as they are.
        """
        config = read_config(self._cluster.get("ConfigMap", namespace, names.ROUTER))
        now = read_route_of(config, name)
        before = (live.port, dict(live.weights), live.timeout_seconds)
        if before != (now.port, dict(now.weights), now.timeout_seconds):
            raise Conflict(f"the route of {namespace}/{name} changed since it was read", status=409)
        return config

    async def _write(
        self, namespace: str, data: dict[str, str], owners: Sequence[Manifest]
    ) -> None:
        known = self._cluster.get("ConfigMap", namespace, names.ROUTER)
        wanted = manifests.router_configmap(namespace, data, owners)
        await self._cluster.apply(wanted, _resource_version(known))

    async def _nudge(self, namespace: str, data: dict[str, str], applied: bool) -> None:
        config = version(json.dumps(data, sort_keys=True))
        now = self._clock()
        writes = []
        for pod in self._router_pods(namespace):
            if "deletionTimestamp" in pod["metadata"]:
                continue
            # A pod that is not Ready cannot say what it has; it reads the files when it starts.
            if annotations := nudge(pod, config, applied or not is_ready(pod), now):
                name = pod["metadata"]["name"]
                writes.append(self._cluster.annotate("Pod", namespace, name, annotations))
        await asyncio.gather(*writes)

    def _router(
        self, namespace: str, data: dict[str, str], owners: Sequence[Manifest]
    ) -> list[Manifest]:
        return [
            manifests.router_deployment(namespace, self._settings, data, owners),
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


def _resource_version(configmap: Manifest | None) -> str | None:
    return None if configmap is None else str(configmap["metadata"]["resourceVersion"])


def _names(owners: Sequence[Manifest]) -> set[str]:
    return {owner["metadata"]["name"] for owner in owners}


def _named(owners: Sequence[Manifest], name: str) -> Manifest:
    for owner in owners:
        if owner["metadata"]["name"] == name:
            return owner
    raise LockstepError(f"ModelDeployment {name!r} is not among the router's owners")
