"""Mirror and matches: first their clusters, then the route to them, and the other way round."""

from dataclasses import replace

import pytest

from lockstep_operator.core.routing import LiveRoute, Match, Mirror, Route, TrafficSettings
from lockstep_operator.traffic.envoy.configmap import read_config
from traffic.fakes import router_pod
from traffic.test_rendering import route
from traffic.world import World

A, B, C = "churn-aaaaaaaa", "churn-bbbbbbbb", "churn-cccccccc"
PLAIN = route("churn", a=10_000, b=0, c=0)
WANTED = replace(
    PLAIN,
    settings=TrafficSettings(matches=(Match(header="x-canary"), Match(cookie="old", to="stable"))),
    mirror=Mirror(B, 500),
    candidate=B,
    stable=A,
)
EXTRA = {f"mirror_{B}", f"match_{B}", f"match_{A}"}


@pytest.fixture
async def world() -> World:
    world = World()
    world.cluster.put(router_pod("r1"))
    world.cluster.put(router_pod("r2"))
    world.envoys.healthy = dict.fromkeys({A, B, C} | EXTRA, 1)
    await world.reconcile(PLAIN)
    world.envoys.catch_up("r1", "r2")
    return world


def clusters(world: World) -> set[str]:
    return set(read_config({"data": world.data()}).clusters)


def in_force(live: LiveRoute) -> tuple[Mirror | None, str | None, str | None]:
    return live.mirror, live.candidate, live.stable


async def settled(world: World, wanted: Route) -> LiveRoute:
    for _ in range(3):
        await world.reconcile(wanted)
        world.envoys.catch_up("r1", "r2")
    return await world.observe()


async def test_the_route_follows_when_every_pod_has_the_clusters(world: World) -> None:
    await world.reconcile(WANTED)
    assert clusters(world) == {A, B, C} | EXTRA
    live = await world.observe()
    assert in_force(live) == (None, None, None)
    assert live.settings == WANTED.settings
    assert (live.applied, live.complete) == (False, False)

    world.envoys.catch_up("r1")
    await world.reconcile(WANTED)
    assert in_force(await world.observe()) == (None, None, None)

    world.envoys.catch_up("r2")
    await world.reconcile(WANTED)
    live = await world.observe()
    assert in_force(live) == (WANTED.mirror, B, A)
    assert set(live.healthy) == set(live.weights) == {A, B, C}
    assert not live.applied
    world.envoys.catch_up("r1", "r2")
    live = await world.observe()
    assert (live.applied, live.complete) == (True, True)


async def test_a_match_waits_for_a_healthy_pod_and_nothing_waits_for_it(world: World) -> None:
    world.envoys.healthy = {A: 1, B: 1, C: 1, f"match_{A}": 1, f"mirror_{B}": 1}
    assert in_force(await settled(world, WANTED)) == (WANTED.mirror, None, A)


async def test_what_is_in_use_stays_when_its_pods_are_ill(world: World) -> None:
    await settled(world, WANTED)
    world.envoys.healthy = {}
    settings = replace(WANTED.settings, timeout=3.0)
    live = await settled(world, replace(WANTED, settings=settings))
    assert in_force(live) == (WANTED.mirror, B, A)
    assert live.settings == settings


async def test_the_route_goes_at_once_and_its_clusters_when_no_pod_uses_them(world: World) -> None:
    await settled(world, WANTED)
    live = await world.observe(ask=False)
    stopped = replace(WANTED, mirror=None, candidate=None)
    await world.traffic.reconcile(stopped, live, world.owners)
    assert in_force(await world.observe()) == (None, None, A)
    assert clusters(world) == {A, B, C} | EXTRA

    world.envoys.catch_up("r1")
    await world.reconcile(stopped)
    assert clusters(world) == {A, B, C} | EXTRA
    world.envoys.catch_up("r2")
    await world.reconcile(stopped)
    assert clusters(world) == {A, B, C, f"match_{A}"}
    world.envoys.catch_up("r1", "r2")
    live = await world.observe()
    assert (live.applied, live.complete) == (True, True)


async def test_another_candidate_never_shares_the_way_with_the_one_before(world: World) -> None:
    await settled(world, WANTED)
    world.envoys.healthy = dict.fromkeys({A, B, C, f"mirror_{C}", f"match_{C}", f"match_{A}"}, 1)
    third = replace(WANTED, mirror=Mirror(C, 500), candidate=C)
    await world.reconcile(third)
    assert in_force(await world.observe()) == (None, None, A)
    assert in_force(await settled(world, third)) == (Mirror(C, 500), C, A)
    assert clusters(world) == {A, B, C, f"mirror_{C}", f"match_{C}", f"match_{A}"}


async def test_without_matches_a_side_needs_no_cluster(world: World) -> None:
    sides = replace(PLAIN, candidate=B, stable=A)
    await world.reconcile(sides)
    assert in_force(await world.observe()) == (None, B, A)
    assert clusters(world) == {A, B, C}


async def test_a_new_operator_asks_before_it_sends_anybody(world: World) -> None:
    await world.reconcile(WANTED)
    world.envoys.catch_up("r1", "r2")
    again = World(world.cluster)
    live = await again.observe(ask=False)
    await again.traffic.reconcile(WANTED, live, again.owners)
    assert in_force(await again.observe(ask=False)) == (None, None, None)
