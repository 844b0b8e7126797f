"""What the provider does for gRPC: a port of the Service, clusters with a health of their own."""

from dataclasses import replace

import pytest

from lockstep_operator.core.routing import Route, TrafficSettings
from traffic.fakes import router_pod
from traffic.test_rendering import route
from traffic.world import World


@pytest.fixture
def world() -> World:
    return World()


def both(**weights: int) -> Route:
    return replace(route("churn", **weights), settings=TrafficSettings(grpc=True))


async def test_grpc_gets_a_port_of_the_service_and_its_own_health(world: World) -> None:
    world.cluster.put(router_pod("r1"))
    await world.reconcile(route("churn", a=10_000))
    assert "apply Service churn" in await world.reconcile(both(a=10_000))
    service = world.cluster.objects["Service", "churn"]
    assert [(one["name"], one["targetPort"]) for one in service["spec"]["ports"]] == [
        ("http", 20_000),
        ("grpc", 20_000),
    ]
    world.envoys.healthy = {"churn-aaaaaaaa": 2, "grpc_churn-aaaaaaaa": 1}
    world.envoys.catch_up("r1")
    live = await world.observe()
    assert live.healthy == {"churn-aaaaaaaa": 1}
    assert live.complete
    del service["spec"]["ports"][1]
    assert not (await world.observe()).complete


async def test_clusters_of_grpc_stay_until_every_pod_runs_without_their_route(world: World) -> None:
    world.cluster.put(router_pod("r1"))
    await world.reconcile(both(a=10_000))
    world.envoys.catch_up("r1")
    await world.reconcile(both(a=0, b=10_000))
    await world.reconcile(both(b=10_000))
    assert "grpc_churn-aaaaaaaa" in world.data()["cds.yaml"]
    world.envoys.catch_up("r1")
    await world.reconcile(both(b=10_000))
    assert "grpc_churn-aaaaaaaa" not in world.data()["cds.yaml"]
