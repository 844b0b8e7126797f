"""Forgetting a deleted model: its entries go, the router goes with the last."""

import pytest

from traffic.fakes import NAMESPACE, model_deployment, router_pod
from traffic.test_rendering import route
from traffic.world import CHURN, FRAUD, World


@pytest.fixture
def world() -> World:
    return World()


async def test_finalize_forgets_one_model_and_keeps_the_others(world: World) -> None:
    world.owners = [CHURN, FRAUD]
    await world.reconcile(route("churn", a=10_000))
    await world.reconcile(route("fraud", c=10_000))
    world.cluster.put(router_pod("r1"))
    await world.traffic.finalize(NAMESPACE, "churn", [FRAUD])
    assert world.cluster.written() == [
        "delete Service churn",
        "apply ConfigMap lockstep-router",
        "annotate Pod r1",
        "apply Deployment lockstep-router",
        "apply PodDisruptionBudget lockstep-router",
    ]
    assert (await world.observe("churn")).port is None
    assert (await world.observe("fraud")).weights == {"fraud-cccccccc": 10_000}
    await world.traffic.finalize(NAMESPACE, "churn", [FRAUD])
    assert world.cluster.written() == []


async def test_the_last_model_takes_the_router_along(world: World) -> None:
    await world.reconcile(route("churn", a=10_000))
    await world.traffic.finalize(NAMESPACE, "churn", [])
    assert world.cluster.objects == {}
    await world.traffic.finalize(NAMESPACE, "churn", [])


async def test_finalize_leaves_a_model_that_was_created_again(world: World) -> None:
    await world.reconcile(route("churn", a=10_000))
    await world.traffic.finalize(NAMESPACE, "churn", [model_deployment("churn", "uid-new")])
    assert world.cluster.written() == []


async def test_finalize_leaves_a_revisions_service_of_the_same_name(world: World) -> None:
    world.cluster.put({"kind": "Service", "metadata": {"name": "churn", "labels": {}}})
    await world.traffic.finalize(NAMESPACE, "churn", [])
    assert ("Service", "churn") in world.cluster.objects
