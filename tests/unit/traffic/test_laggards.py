"""Router pods that do not take traffic off a quarantined revision."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from lockstep_operator.core.routing import Route
from lockstep_operator.traffic.envoy import names
from traffic.fakes import router_pod
from traffic.test_rendering import route
from traffic.world import World

BEFORE = route("churn", a=9_000, b=1_000)
ROLLBACK = replace(route("churn", a=10_000, b=0), urgent=True)


async def lagging(*pods: str, following: tuple[str, ...] = ()) -> World:
    """Return a world in which a rollback was written and `following` have taken it."""
    world = World()
    for pod in (*pods, *following):
        world.cluster.put(router_pod(pod))
    await world.reconcile(BEFORE)
    world.envoys.catch_up(*pods, *following)
    await world.reconcile(ROLLBACK)
    if following:
        world.envoys.catch_up(*following)
    return world


async def acts(world: World, wanted: Route = ROLLBACK) -> list[str]:
    """Return what was done about pods in one pass, but for nudges."""
    writes = await world.reconcile(wanted)
    return [one for one in writes if not one.startswith("annotate")]


@pytest.mark.parametrize("silent", [False, True])
async def test_a_pod_that_does_not_follow_in_five_seconds_is_deleted(silent: bool) -> None:
    world = await lagging("r1", following=("r2",))
    world.envoys.unreachable = {"r1"} if silent else set()
    assert await acts(world) == []
    world.now += 4.9
    assert await acts(world) == []
    world.now += 0.2
    assert await acts(world) == ["delete Pod r1"]
    assert await acts(world) == []


async def test_the_clock_outlives_the_operator() -> None:
    world = await lagging("r1", following=("r2",))
    world.now += 4.0
    again = World(world.cluster, now=world.now + 1.1)
    again.envoys._data = world.envoys._data
    assert await acts(again) == ["delete Pod r1"]


async def test_a_pod_that_a_new_operator_cannot_read_has_its_time() -> None:
    """It may run the route; nobody has asked it yet."""
    world = await lagging("r1", following=("r2",))
    again = World(world.cluster, now=world.now + 60)
    again.envoys._data, again.envoys.unreachable = world.envoys._data, {"r1"}
    assert await acts(again) == []
    again.now += 5.1
    assert await acts(again) == ["delete Pod r1"]


async def test_a_pod_that_took_it_may_fall_silent() -> None:
    world = await lagging("r1", following=("r2",))
    world.envoys.catch_up("r1")
    await acts(world)
    world.envoys.unreachable = {"r1"}
    for _ in range(5):
        world.now += 10
        assert await acts(world) == []


async def test_only_an_urgent_route_has_pods_replaced() -> None:
    world = await lagging("r1", following=("r2",))
    calm = replace(ROLLBACK, urgent=False)
    for _ in range(5):
        world.now += 10
        assert await acts(world, calm) == []


async def test_a_route_that_becomes_urgent_later_has_its_time_from_then() -> None:
    world = await lagging("r1", following=("r2",))
    world = World(world.cluster)
    world.envoys.catch_up("r1", "r2")
    await acts(world, BEFORE)
    await acts(world, replace(ROLLBACK, urgent=False))
    world.envoys.catch_up("r2")
    world.now += 60
    assert await acts(world) == ["apply ConfigMap lockstep-router"]
    world.envoys.catch_up("r2")
    assert await acts(world) == []
    world.now += 5.1
    assert await acts(world) == ["delete Pod r1"]


async def test_one_at_a_time() -> None:
    world = await lagging("r1", "r2", following=("r3",))
    world.now += 6
    assert await acts(world) == ["delete Pod r1"]
    world.cluster.put(router_pod("r1", ending=True))
    assert await acts(world) == []
    await world.cluster.delete("Pod", "shop", "r1")
    world.cluster.put(_created(router_pod("r4", ready=False), world.now))
    world.cluster.written()
    assert await acts(world) == []
    world.now += 31
    assert await acts(world) == ["delete Pod r2"], "r4 finds no node"


async def test_a_pod_that_refuses_the_route_stays() -> None:
    world = await lagging("r1", following=("r2",))
    world.envoys.refusing = {"http.churn.rds.churn": 1}
    world.now += 60
    assert await acts(world) == []


async def test_a_pod_that_became_ready_just_now_has_its_time() -> None:
    world = await lagging("r1", following=("r2",))
    world.now += 60
    pod = world.cluster.objects["Pod", "r1"]
    pod["status"]["conditions"][0]["lastTransitionTime"] = _moment(world.now - 1)
    assert await acts(world) == []
    world.now += 4.1
    assert await acts(world) == ["delete Pod r1"]


@pytest.mark.parametrize("pods", [("r1",), ("r1", "r2")])
async def test_where_no_pod_follows_new_ones_come_before_the_old_go(pods: tuple[str, ...]) -> None:
    world = await lagging(*pods)
    world.now += 5.1
    assert await acts(world) == ["apply Deployment lockstep-router"]
    deployment = world.cluster.objects["Deployment", names.ROUTER]
    strategy = deployment["spec"]["strategy"]["rollingUpdate"]
    assert strategy == {"maxSurge": 1, "maxUnavailable": 0}
    mark = _marks(deployment)
    assert mark
    world.now += 60
    assert await acts(world) == [], "once for one rollback"

    world.envoys.catch_up(*pods)
    await acts(world, BEFORE)
    assert _marks(world.cluster.objects["Deployment", names.ROUTER]) == mark, "no further restart"


async def test_nobody_is_replaced_by_what_was_not_asked() -> None:
    world = await lagging("r1", following=("r2",))
    world.now += 60
    live = await world.observe(ask=False)
    await world.traffic.reconcile(ROLLBACK, live, world.owners)
    assert not any(one.startswith("delete") for one in world.cluster.written())


def _marks(deployment: dict[str, Any]) -> str | None:
    annotations = deployment["spec"]["template"]["metadata"]["annotations"]
    mark: str | None = annotations.get(names.RESTART_ANNOTATION)
    return mark


def _moment(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _created(pod: dict[str, Any], now: float) -> dict[str, Any]:
    pod["metadata"]["creationTimestamp"] = _moment(now)
    return pod
