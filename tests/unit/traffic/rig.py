"""A router, its nameserver and some model pods on a loopback network of their own."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import ClientSession
from yarl import URL

from lockstep_operator.core.routing import Backend as Share
from lockstep_operator.core.routing import Mirror, Route, RouterCount, TrafficSettings
from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.envoy.config import EMPTY, RouterConfig
from lockstep_operator.traffic.envoy.counts import counts_path, parse_counts
from lockstep_operator.traffic.envoy.readback import route_version
from lockstep_operator.traffic.envoy.settings import RouterSettings
from lockstep_operator.traffic.envoy.stats import RouterStats, parse_stats, stats_path
from lockstep_sandbox.network import claim
from traffic.backend import Backend
from traffic.nameserver import Nameserver
from traffic.router_process import RouterProcess

NAMESPACE = "shop"
SETTINGS = RouterSettings(image="envoy")
PORT, OTHER_PORT = names.FIRST_PORT, names.FIRST_PORT + 1


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    headers: Mapping[str, str]


@dataclass
class Rig:
    """`config`: what the router was last given; `pods`: the backends by name."""

    network: str
    nameserver: Nameserver
    router: RouterProcess
    session: ClientSession
    config: RouterConfig = EMPTY
    pods: dict[str, Backend] = field(default_factory=dict)

    async def pod(self, revision: str, name: str | None = None) -> Backend:
        """Start a model pod and put it into DNS."""
        backend = Backend(name or revision, f"{self.network}.1.{len(self.pods) + 1}")
        await backend.start()
        self.pods[backend.name] = backend
        self.addresses(revision).append(backend.address)
        return backend

    def addresses(self, revision: str) -> list[str]:
        """Return the DNS records of a revision, to be changed by the test."""
        name = f"{revision}.{NAMESPACE}.svc.cluster.local"
        return self.nameserver.zone.records.setdefault(name, [])

    def route(
        self,
        deployment: str,
        port: int = PORT,
        *,
        settings: TrafficSettings = TrafficSettings(),  # noqa: B008  # frozen
        mirror: Mirror | None = None,
        candidate: str | None = None,
        stable: str | None = None,
        **weights: int,
    ) -> None:
        """Change a route in `config`; weights by the revision's hash (a=… is `<md>-aaaaaaaa`)."""
        shares = tuple(Share(f"{deployment}-{key * 8}", weight) for key, weight in weights.items())
        route = Route(NAMESPACE, deployment, shares, settings, mirror, candidate, stable)
        self.config = self.config.with_route(route, port, SETTINGS)

    def version(self, deployment: str) -> str | None:
        """Return the version of a route in `config`."""
        return route_version(self.config, deployment)

    def swap(self, change: Callable[[dict[str, str]], None] | None = None) -> None:
        """Give the router `config`, after a test's own change of the files."""
        data = self.config.data()
        if change is not None:
            change(data)
        self.router.configure(data)

    async def start(self) -> None:
        """Start the router with `config` and wait until it is Ready."""
        self.swap()
        await self.router.start()
        await self.router.ready()

    def url(self, port: int = PORT, path: str = "/") -> str:
        return f"http://{self.router.address}:{port}{path}"

    async def get(self, port: int = PORT, headers: list[tuple[str, str]] | None = None) -> Answer:
        async with self.session.get(self.url(port), headers=headers) as answer:
            return Answer(answer.status, await answer.text(), answer.headers)

    async def stats(self, deployment: str, *revisions: str) -> RouterStats:
        """Ask as the operator does."""
        url = self.url(names.STATS_PORT, stats_path(deployment, revisions))
        async with self.session.get(url) as answer:
            return parse_stats(await answer.read(), deployment)

    async def counts(self, *revisions: str) -> dict[tuple[str, str], tuple[int, int]]:
        """Return (requests, errors) by revision and assignment, asked for as the operator does."""
        url = URL(self.url(names.STATS_PORT, counts_path(revisions)), encoded=True)
        async with self.session.get(url) as answer:
            every: tuple[RouterCount, ...] = parse_counts(await answer.read(), "uid", revisions)
        return {
            (one.revision, one.assignment): (one.requests - one.unsent, one.errors - one.unsent)
            for one in every
        }

    async def count(self, requests: int, clients: int = 16) -> dict[str, int]:
        """Send requests; return how often each body came, with `!` before those not 200."""
        counts: dict[str, int] = {}
        left = iter(range(requests))

        async def client() -> None:
            for _ in left:
                answer = await self.get()
                key = answer.body if answer.status == 200 else f"!{answer.body}"
                counts[key] = counts.get(key, 0) + 1

        await asyncio.gather(*(client() for _ in range(clients)))
        return counts


async def until(check: Callable[[], Awaitable[bool]], seconds: float = 5.0) -> float:
    """Wait for a condition; return the seconds that it took."""
    begun = time.monotonic()
    async with asyncio.timeout(seconds):
        while not await check():  # noqa: ASYNC110  # about another process
            await asyncio.sleep(0.005)
    return time.monotonic() - begun


@asynccontextmanager
async def rigged(folder: Path) -> AsyncIterator[Rig]:
    """Make a rig; end what it started."""
    claimed, marker = claim()  # loopback addresses are this machine's, and sandboxes run on it
    network = f"127.{claimed.number}"
    nameserver = Nameserver(f"{network}.0.53")
    await nameserver.start()
    router = RouterProcess(folder, f"{network}.0.2", nameserver)
    with marker:
        async with ClientSession() as session:
            rig = Rig(network, nameserver, router, session)
            try:
                yield rig
            finally:
                await router.stop()
                for pod in rig.pods.values():
                    await pod.stop()
                nameserver.stop()
