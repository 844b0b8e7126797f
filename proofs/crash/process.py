"""One life of the operator's process: the real one, over a transport that can end it."""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import aiohttp
from kubernetes.aio.client import Configuration

from lockstep_operator.core.planner import make_plan
from lockstep_operator.settings import parse_settings
from lockstep_operator.shell import assembly as assembly_module
from lockstep_operator.shell import operator as operator_module
from lockstep_operator.shell.connection import Certificates, Connection
from lockstep_operator.shell.intake import Intake
from lockstep_operator.shell.kinds import WATCHED
from lockstep_operator.shell.pods import Pods
from lockstep_operator.traffic.envoy.provider import EnvoyTraffic
from lockstep_operator.traffic.envoy.settings import RouterSettings
from lockstep_operator.traffic.interface import Cluster, PodReader, TrafficProvider
from lockstep_sandbox.apiserver.store import Event
from proofs.crash import clock
from proofs.crash.apiserver import Answer, ApiServer
from proofs.crash.strikes import Mode, Writes

NETWORK_SECONDS = 0.004
LEAST_LATE = 0.1
"""Seconds that a watch is late at best."""


class Crashed(BaseException):
    """The process is gone: nothing in it may catch this."""


class Transport:
    """`kubernetes.aio`'s ApiClient to the operator; a direct call to the API server."""

    def __init__(self, server: ApiServer, writes: Writes) -> None:
        self._server = server
        self._writes = writes
        self.died = asyncio.Event()

    @property
    def dead(self) -> bool:
        """Whether the process is gone."""
        return self.died.is_set()

    async def param_serialize(
        self, verb: str, url: str, *, header_params: Mapping[str, str], body: Any, **_: Any
    ) -> tuple[Any, ...]:
        """Keep a request as it is."""
        return verb, url, header_params, body

    async def call_api(
        self, verb: str, url: str, headers: Mapping[str, str], body: Any, **_: Any
    ) -> Answer:
        """Answer a request, or end the process, or lose the answer."""
        await self._travel()
        struck = self._writes.strike(verb, url.partition("?")[0])
        if struck is Mode.BEFORE:
            self._crash()
        answer = self._server.ask(verb, url, body, headers)
        if struck is Mode.AFTER:
            self._crash()
        await self._travel()
        if struck is Mode.LOST:
            raise aiohttp.ServerDisconnectedError
        return answer

    async def close(self) -> None:
        """Do nothing: there is no connection."""

    async def _travel(self) -> None:
        await asyncio.sleep(NETWORK_SECONDS)
        if self.dead:
            raise Crashed

    def _crash(self) -> None:
        self.died.set()
        raise Crashed


class Process:
    """A life of the operator: it leads, lists, watches, reconciles; until it crashes."""

    def __init__(self, server: ApiServer, writes: Writes, pods: Pods, late: float) -> None:
        """`late`: how many seconds after the fact watches tell of it, at most."""
        self._server = server
        self._late = late
        self._told_until: dict[str, float] = {}
        self._transport = Transport(server, writes)
        self._leading_since: float | None = None
        # Its own way to the pods and kopf are all that is not the real thing.
        setattr(assembly_module, "DirectPods", lambda: pods)  # noqa: B010 (not its type)
        setattr(operator_module, "watch", self._watch)  # noqa: B010
        self._assembly = assembly_module.assemble(
            _SETTINGS, self._connection(), make_plan, _provider, clock.now
        )

    @property
    def led_for(self) -> float:
        """Return for how many seconds this life has led and heard of everything."""
        started = self._leading_since
        return 0.0 if started is None or self._transport.dead else clock.elapsed() - started

    async def live(self) -> None:
        """Run until the process crashes.

        Raises:
            LockstepError: it ended in another way, which it must not.
        """
        life = asyncio.create_task(self._assembly.operator.run(asyncio.Event(), lambda: None))
        death = asyncio.create_task(self._transport.died.wait())
        try:
            await asyncio.wait([life, death], return_when=asyncio.FIRST_COMPLETED)
        finally:
            life.cancel()
            death.cancel()
            crashed = (BaseException,) if self._transport.dead else (asyncio.CancelledError,)
            with suppress(*crashed):
                await life
            await self._assembly.close()

    def _connection(self) -> Connection:
        transport: Any = self._transport
        return Connection(
            api=transport,
            configuration=Configuration(),
            certificates=Certificates(),
            in_cluster=True,
            namespace="lockstep-system",
            trust_env=False,
        )

    async def _watch(
        self, connection: Connection, intake: Intake, on_started: Callable[[], None]
    ) -> None:
        """Stand in for kopf: events of the store, late, in order within each kind."""
        watched = {f"{kind.plural}.{kind.group}".rstrip("."): kind for kind in WATCHED}
        loop = asyncio.get_running_loop()

        def noticed(key: str, event: Event) -> None:
            kind = watched.get(key)
            if kind is None or not _selected(event, kind.selector) or self._transport.dead:
                return
            named = {"apiVersion": kind.api_version, "kind": kind.name, **event.obj}
            loop.call_at(self._told_at(key), self._take, intake, event.type, named)

        self._server.cluster.store.listeners.append(noticed)
        for kind in watched.values():
            items = self._server.cluster.store.items(f"{kind.plural}.{kind.group}".rstrip("."))
            for item in items:
                if _has(item, kind.selector):
                    named = {"apiVersion": kind.api_version, "kind": kind.name, **item}
                    self._take(intake, None, named)
        on_started()
        self._leading_since = clock.elapsed()
        try:
            await asyncio.Event().wait()
        finally:
            self._server.cluster.store.listeners.remove(noticed)

    def _told_at(self, key: str) -> float:
        """Return when, by the loop's clock, an event of now is told."""
        now = asyncio.get_running_loop().time()
        late = random.uniform(min(LEAST_LATE, self._late), self._late)  # noqa: S311 (a sample)
        self._told_until[key] = max(now + late, self._told_until.get(key, 0.0))
        return self._told_until[key]

    def _take(self, intake: Intake, event_type: str | None, manifest: Any) -> None:
        if not self._transport.dead:
            intake.take(event_type, manifest)


def _provider(cluster: Cluster, pods: PodReader) -> TrafficProvider:
    router = RouterSettings(image=_SETTINGS.router_image, replicas=_SETTINGS.router_replicas)
    return EnvoyTraffic(cluster, pods, router, lambda: clock.now().timestamp())


_SETTINGS = parse_settings(["--namespace", "lockstep-system"], {})


def _selected(event: Event, selector: str | None) -> bool:
    return _has(event.obj, selector)


def _has(manifest: Any, selector: str | None) -> bool:
    if selector is None:
        return True
    label, _, value = selector.partition("=")
    return bool((manifest["metadata"].get("labels") or {}).get(label) == value)
