"""A traffic provider between a cluster and routers in memory."""

from dataclasses import dataclass, field

from lockstep_operator.core.routing import LiveRoute, Route
from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.envoy.provider import EnvoyTraffic
from lockstep_operator.traffic.envoy.settings import RouterSettings
from traffic.fakes import NAMESPACE, FakeCluster, FakeEnvoys, model_deployment
from traffic.test_rendering import SETTINGS

CHURN, FRAUD = model_deployment("churn"), model_deployment("fraud")


@dataclass
class World:
    cluster: FakeCluster = field(default_factory=FakeCluster)
    now: float = 1_000.0
    settings: RouterSettings = SETTINGS

    def __post_init__(self) -> None:
        self.envoys = FakeEnvoys(self.cluster)
        self.traffic = EnvoyTraffic(self.cluster, self.envoys, self.settings, lambda: self.now)
        self.owners = [CHURN]

    async def observe(self, deployment: str = "churn", ask: bool = True) -> LiveRoute:
        return await self.traffic.observe(NAMESPACE, deployment, ask)

    def data(self) -> dict[str, str]:
        """Return the ConfigMap's data, to be changed by the test."""
        data: dict[str, str] = self.cluster.objects["ConfigMap", names.ROUTER]["data"]
        return data

    async def reconcile(self, wanted: Route) -> list[str]:
        """Read back and write, as the operator does; return the writes."""
        await self.traffic.reconcile(wanted, await self.observe(wanted.deployment), self.owners)
        return self.cluster.written()
