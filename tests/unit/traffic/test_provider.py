"""The provider's decisions, against a cluster and routers in memory."""

import asyncio
from dataclasses import replace

import pytest

from lockstep_operator.core.errors import Conflict, LockstepError, NameConflict
from lockstep_operator.core.routing import LiveRoute
from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.interface import TrafficProvider
from traffic.fakes import FakeCluster, model_deployment, router_pod
from traffic.test_rendering import SETTINGS, route
from traffic.world import CHURN, FRAUD, World


@pytest.fixture
def world() -> World:
    return World()


def test_it_is_a_traffic_provider(world: World) -> None:
    provider: TrafficProvider = world.traffic
    assert provider


async def test_the_first_route_makes_the_router_and_the_second_pass_nothing(world: World) -> None:
    assert await world.observe() == LiveRoute()
    assert await world.reconcile(route("churn", a=10_000)) == [
        "apply ConfigMap lockstep-router",
        "apply Deployment lockstep-router",
        "apply PodDisruptionBudget lockstep-router",
        "apply Service churn",
    ]
    assert await world.reconcile(route("churn", a=10_000)) == []
    live = await world.observe()
    assert (live.port, live.complete, live.applied) == (20_000, True, False)


async def test_a_weight_is_one_write_and_a_nudge_for_each_pod(world: World) -> None:
    await world.reconcile(route("churn", a=10_000, b=0))
    world.cluster.put(router_pod("r1"))
    world.cluster.put(router_pod("r2", ready=False))
    world.cluster.put(router_pod("r3", ending=True))
    assert await world.reconcile(route("churn", a=9_000, b=1_000)) == [
        "apply ConfigMap lockstep-router",
        "annotate Pod r1",
        "annotate Pod r2",
    ]
    world.envoys.catch_up("r1")
    assert await world.reconcile(route("churn", a=9_000, b=1_000)) == []


async def test_a_kubelet_with_an_old_cache_is_nudged_again(world: World) -> None:
    world.cluster.put(router_pod("r1"))
    world.cluster.put(router_pod("r2", ready=False))
    wanted = route("churn", a=10_000)
    await world.reconcile(wanted)
    assert await world.reconcile(wanted) == []
    world.now += 0.3
    assert await world.reconcile(wanted) == ["annotate Pod r1"]
    world.now += 0.3
    assert await world.reconcile(wanted) == []
    world.now += 0.3
    assert await world.reconcile(wanted) == ["annotate Pod r1"]
    world.envoys.catch_up("r1")
    world.now += 60
    assert await world.reconcile(wanted) == []


async def test_applied_means_every_ready_pod(world: World) -> None:
    world.cluster.put(router_pod("r1"))
    world.cluster.put(router_pod("r2"))
    world.cluster.put(router_pod("starting", ready=False))
    world.cluster.put(router_pod("going", ending=True))
    await world.reconcile(route("churn", a=10_000, b=0))

    world.envoys.catch_up("r1")
    assert not (await world.observe()).applied
    world.envoys.catch_up("r2")
    live = await world.observe()
    assert live.applied
    assert live.ready_pods == 2
    assert not any("starting" in asked or "going" in asked for asked in world.envoys.asked)

    await world.reconcile(route("churn", a=9_000, b=1_000))
    assert not (await world.observe()).applied
    world.envoys.catch_up("r1", "r2")
    assert (await world.observe()).applied


async def test_a_pod_that_cannot_be_read_has_nothing_applied(world: World) -> None:
    world.cluster.put(router_pod("r1"))
    world.cluster.put(router_pod("r2"))
    world.envoys.healthy = {"churn-aaaaaaaa": 2}
    await world.reconcile(route("churn", a=10_000))
    world.envoys.catch_up("r1", "r2")
    world.envoys.unreachable = {"r2"}
    live = await world.observe()
    assert not live.applied
    assert live.rejected is None
    assert live.healthy == {"churn-aaaaaaaa": 2}


async def test_what_is_configured_can_be_read_without_asking_a_pod(world: World) -> None:
    world.cluster.put(router_pod("r1"))
    world.envoys.healthy = {"churn-aaaaaaaa": 2}
    await world.reconcile(route("churn", a=10_000, b=0))
    world.envoys.catch_up("r1")
    asked = len(world.envoys.asked)
    seen = await world.observe()
    assert seen.applied
    assert len(world.envoys.asked) == asked + 1

    live = await world.observe(ask=False)

    assert len(world.envoys.asked) == asked + 1
    assert live == replace(seen, applied=False, healthy={})
    await world.traffic.reconcile(route("churn", a=0, b=10_000), live, world.owners)
    assert (await world.observe()).weights["churn-bbbbbbbb"] == 10_000


async def test_a_pod_that_does_not_answer_in_time_counts_as_unreadable(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.cluster.put(router_pod("r1"))
    await world.reconcile(route("churn", a=10_000))

    async def never(*_: object) -> bytes:
        await asyncio.Event().wait()
        return b""

    monkeypatch.setattr(world.envoys, "get", never)
    monkeypatch.setattr("lockstep_operator.traffic.envoy.router_pods.READ_SECONDS", 0.01)
    assert not (await world.observe()).applied


async def test_another_models_changes_do_not_make_this_one_unapplied(world: World) -> None:
    world.owners = [CHURN, FRAUD]
    world.cluster.put(router_pod("r1"))
    await world.reconcile(route("churn", a=10_000))
    world.envoys.catch_up("r1")
    await world.reconcile(route("fraud", c=10_000))
    assert (await world.observe("churn")).applied
    assert not (await world.observe("fraud")).applied


async def test_refusals_of_the_past_are_forgiven(world: World) -> None:
    world.cluster.put(router_pod("r1"))
    wanted = route("churn", a=10_000, b=0)
    await world.reconcile(wanted)
    world.envoys.catch_up("r1")
    world.envoys.refusing = {"http.churn.rds.churn": 1}
    assert (await world.observe()).rejected is None

    await world.reconcile(route("churn", a=9_000, b=1_000))
    assert (await world.observe()).rejected is None
    world.envoys.refusing = {"http.churn.rds.churn": 2, "cluster_manager.cds": 5}
    sentence = "router pod r1 refuses route-churn.yaml; its log says why"
    assert (await world.observe()).rejected == sentence
    world.envoys.catch_up("r1")
    assert (await world.observe()).rejected is None


async def test_models_share_the_router_and_keep_their_files(world: World) -> None:
    world.owners = [FRAUD, CHURN]
    await world.reconcile(route("churn", a=10_000))
    before = world.cluster.objects["ConfigMap", names.ROUTER]["data"]
    await world.reconcile(route("fraud", c=10_000))
    after = world.cluster.objects["ConfigMap", names.ROUTER]
    assert after["data"]["route-churn.yaml"] == before["route-churn.yaml"]
    assert (await world.observe("fraud")).port == 20_001
    references = after["metadata"]["ownerReferences"]
    assert [one["name"] for one in references] == ["churn", "fraud"]
    assert not any("controller" in one for one in references)


async def test_routes_of_models_that_are_gone_are_dropped(world: World) -> None:
    world.owners = [CHURN, FRAUD]
    await world.reconcile(route("churn", a=10_000))
    await world.reconcile(route("fraud", c=10_000))
    world.owners = [CHURN]
    await world.reconcile(route("churn", a=10_000))
    data = world.cluster.objects["ConfigMap", names.ROUTER]["data"]
    assert "fraud" not in "".join([*data, *data.values()])


async def test_what_was_planned_from_something_older_is_a_conflict(world: World) -> None:
    await world.reconcile(route("churn", a=10_000, b=0))
    old = await world.observe()
    await world.reconcile(route("churn", a=9_000, b=1_000))
    with pytest.raises(Conflict, match="the route of shop/churn changed since it was read"):
        await world.traffic.reconcile(route("churn", a=5_000, b=5_000), old, world.owners)
    assert (await world.observe()).weights["churn-bbbbbbbb"] == 1_000


async def test_a_former_leader_with_an_old_store_is_a_conflict(world: World) -> None:
    await world.reconcile(route("churn", a=10_000, b=0))
    former = World(cluster=FakeCluster())
    former.cluster.objects = dict(world.cluster.objects)
    old = await former.observe()
    await world.reconcile(route("churn", a=0, b=10_000))

    async def send(manifest: dict[str, object], version: str | None = None) -> object:
        return await world.cluster.apply(manifest, version)

    former.cluster.apply = send  # type: ignore[method-assign, assignment]
    with pytest.raises(Conflict):
        await former.traffic.reconcile(route("churn", a=9_000, b=1_000), old, world.owners)
    assert (await world.observe()).weights["churn-bbbbbbbb"] == 10_000


async def test_models_that_change_at_once_do_not_disturb_each_other(world: World) -> None:
    world.owners = [model_deployment(f"m{number}") for number in range(8)]
    plans = [(route(f"m{n}", a=10_000), await world.observe(f"m{n}")) for n in range(8)]
    slow = world.cluster.apply

    async def apply(manifest: dict[str, object], version: str | None = None) -> object:
        await asyncio.sleep(0)
        return await slow(manifest, version)

    world.cluster.apply = apply  # type: ignore[method-assign, assignment]
    await asyncio.gather(*(world.traffic.reconcile(*plan, world.owners) for plan in plans))
    ports = {(await world.observe(f"m{number}")).port for number in range(8)}
    assert ports == set(range(20_000, 20_008))


@pytest.mark.parametrize("kind", ["Service", "Deployment", "PodDisruptionBudget"])
async def test_a_taken_name_stops_only_its_own_object(world: World, kind: str) -> None:
    name = "churn" if kind == "Service" else names.ROUTER
    world.cluster.strangers = {(kind, name)}
    with pytest.raises(NameConflict) as error:
        await world.reconcile(route("churn", a=10_000))
    assert (error.value.kind, error.value.name) == (kind, name)
    assert len(world.cluster.written()) == 3
    assert (await world.observe()).weights == {"churn-aaaaaaaa": 10_000}
    assert not (await world.observe()).complete


async def test_a_taken_configmap_stops_everything(world: World) -> None:
    world.cluster.strangers = {("ConfigMap", names.ROUTER)}
    with pytest.raises(NameConflict):
        await world.reconcile(route("churn", a=10_000))
    assert world.cluster.written() == []


async def test_an_owner_that_is_not_there_is_an_error(world: World) -> None:
    with pytest.raises(LockstepError, match="'fraud' is not among the router's owners"):
        await world.reconcile(route("fraud", c=10_000))


async def test_lost_objects_are_not_complete_and_come_back_with_the_same_port(
    world: World,
) -> None:
    world.owners = [CHURN, FRAUD]
    await world.reconcile(route("churn", a=10_000))
    await world.reconcile(route("fraud", c=10_000))
    for key in [("ConfigMap", names.ROUTER), ("Deployment", names.ROUTER)]:
        del world.cluster.objects[key]
    again = World(world.cluster)
    again.owners = world.owners
    assert await again.observe("fraud") == LiveRoute()
    await again.reconcile(route("fraud", c=10_000))
    live = await world.observe("fraud")
    assert (live.port, live.complete) == (20_001, True)


async def test_another_build_writes_its_own_text_without_touching_weights(world: World) -> None:
    await world.reconcile(route("churn", a=9_000, b=1_000))
    newer = World(world.cluster, settings=replace(SETTINGS, max_connections=5))
    live = await newer.observe()
    assert not live.complete
    assert live.weights == {"churn-aaaaaaaa": 9_000, "churn-bbbbbbbb": 1_000}
    assert await newer.reconcile(route("churn", a=9_000, b=1_000)) == [
        "apply ConfigMap lockstep-router",
        "apply Deployment lockstep-router",
    ]
    assert (await newer.observe()).complete
