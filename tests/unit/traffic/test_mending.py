"""A ConfigMap that somebody deleted or damaged must not make the router forget a model."""

import pytest

from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.envoy.configmap import read_config
from traffic.fakes import router_pod
from traffic.test_rendering import route
from traffic.world import CHURN, FRAUD, World

MODELS = (route("churn", a=9_000, b=1_000), route("fraud", c=10_000))
DAMAGE = ["", "[", "resources: 3", '{"version_info": "1", "resources": []}x']


@pytest.fixture
async def world() -> World:
    world = World()
    world.owners = [CHURN, FRAUD]
    world.cluster.put(router_pod("r1"))
    for model in MODELS:
        await world.reconcile(model)
    world.envoys.catch_up("r1")
    return world


def restarted(world: World) -> World:
    """Return a world with an operator that has seen nothing yet."""
    again = World(world.cluster)
    again.owners, again.envoys._data = world.owners, world.envoys._data
    return again


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("file", [names.CLUSTERS_FILE, names.LISTENERS_FILE])
@pytest.mark.parametrize("text", DAMAGE)
async def test_a_damaged_file_is_written_anew_with_every_model(
    world: World, restart: bool, file: str, text: str
) -> None:
    whole = dict(world.data())
    world.data()[file] = text
    world = restarted(world) if restart else world

    live = await world.observe("fraud")
    assert live.weights == {"fraud-cccccccc": 10_000}
    assert (live.applied, live.complete) == (True, False)
    await world.reconcile(MODELS[1])

    assert world.data() == whole
    assert (await world.observe("churn")).complete


@pytest.mark.parametrize("restart", [False, True])
async def test_other_entries_are_kept_as_they_are(world: World, restart: bool) -> None:
    whole = dict(world.data())
    damaged = whole["cds.yaml"].replace('"name":"fraud', '"name":fraud')
    world.data()["cds.yaml"] = damaged.replace('"timeout":"1s"', '"timeout":"9s"')
    world = restarted(world) if restart else world
    await world.reconcile(MODELS[1])
    clusters = read_config({"data": world.data()}).clusters
    assert clusters["churn-aaaaaaaa"]["health_checks"][0]["timeout"] in ("9s", "1s")
    assert set(clusters) == {"churn-aaaaaaaa", "churn-bbbbbbbb", "fraud-cccccccc"}


async def test_a_damaged_route_beside_it_keeps_nobody_from_mending(world: World) -> None:
    world.data().update({"cds.yaml": "[", "route-churn.yaml": "["})
    world = restarted(world)
    await world.reconcile(MODELS[1])
    assert set(read_config({"data": world.data()}).clusters) == {"fraud-cccccccc"}
    assert (await world.observe("fraud")).complete


async def test_a_model_can_go_while_a_file_is_damaged(world: World) -> None:
    world.data()["cds.yaml"] = "["
    await world.traffic.finalize("shop", "churn", [FRAUD])
    assert set(read_config({"data": world.data()}).clusters) == {"fraud-cccccccc"}
    assert (await world.observe("fraud")).complete


@pytest.mark.parametrize("how", ["deleted", "emptied"])
async def test_a_lost_configmap_comes_back_with_every_model(world: World, how: str) -> None:
    whole = dict(world.data())
    if how == "deleted":
        del world.cluster.objects["ConfigMap", names.ROUTER]
    else:
        world.data().clear()
    live = await world.observe("churn")
    assert live.weights == {"churn-aaaaaaaa": 9_000, "churn-bbbbbbbb": 1_000}
    assert (live.applied, live.complete) == (True, False)

    await world.reconcile(MODELS[0])

    assert world.data() == whole


async def test_a_router_that_was_removed_is_not_remembered(world: World) -> None:
    await world.traffic.finalize("shop", "churn", [FRAUD])
    await world.traffic.finalize("shop", "fraud", [])
    assert (await world.observe("fraud")).port is None
