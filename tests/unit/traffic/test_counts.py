"""Requests and errors by revision, from the router pods' statistics."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from lockstep_operator.core.errors import LockstepError
from lockstep_operator.core.routing import RouterCount
from lockstep_operator.traffic.envoy.counts import counts_path, parse_counts
from traffic.fakes import NAMESPACE, router_pod
from traffic.test_rendering import route
from traffic.world import World

A, B = "churn-aaaaaaaa", "churn-bbbbbbbb"


def body(**values: int) -> bytes:
    rows = [{"name": f"cluster.{name}", "value": value} for name, value in values.items()]
    return json.dumps({"stats": [*rows, {"histograms": {}}]}).encode()


def test_a_cluster_that_is_known_is_counted_from_the_start() -> None:
    answer = body(
        **{
            f"{A}.membership_total": 2,
            f"{A}.upstream_rq_completed": 100,
            f"{A}.upstream_rq_5xx": 3,
            f"{B}.membership_total": 0,
            f"mirror_{B}.membership_total": 1,
            f"mirror_{B}.upstream_rq_completed": 50,
            f"mirror_{B}.upstream_rq_5xx": 20,
            f"mirror_{B}.upstream_rq_pending_overflow": 15,
        }
    )
    assert parse_counts(answer, "uid-1", [B, A]) == (
        RouterCount("uid-1", A, "split", 100, 3),
        RouterCount("uid-1", B, "split", 0, 0),
        RouterCount("uid-1", B, "mirror", 50, 20, unsent=15),
    )


def test_the_request_asks_for_what_is_read_and_nothing_else() -> None:
    [pattern] = parse_qs(urlsplit(counts_path([A])).query)["filter"]
    assert re.search(pattern, f"cluster.{A}.upstream_rq_completed")
    assert re.search(pattern, f"cluster.mirror_{A}.upstream_rq_5xx")
    for name in (
        f"cluster.{A}.external.upstream_rq_completed",
        f"cluster.{A}.retry.upstream_rq_5xx",
        f"cluster.{A}.upstream_rq_completed_x",
        f"cluster.match_{A}.upstream_rq_5xx",
        f"cluster.{A}-2.upstream_rq_5xx",
    ):
        assert not re.search(pattern, name)


@pytest.fixture
async def world() -> World:
    world = World()
    for pod in (router_pod("r1"), router_pod("r2"), router_pod("starting", ready=False)):
        world.cluster.put(pod)
    await world.reconcile(route("churn", a=10_000, b=0))
    world.envoys.catch_up("r1", "r2")
    world.envoys.counts = {f"cluster.{A}.upstream_rq_completed": 7}
    return world


async def test_one_request_for_each_router_pod(world: World) -> None:
    world.envoys.asked.clear()
    counts = await world.traffic.counts(NAMESPACE, "churn", [A, B])
    assert [(one.pod, one.revision, one.requests) for one in counts] == [
        ("uid-r1", A, 7),
        ("uid-r1", B, 0),
        ("uid-r2", A, 7),
        ("uid-r2", B, 0),
    ]
    assert [asked[:3] for asked in world.envoys.asked] == ["r1/", "r2/"]


async def test_pods_that_cannot_be_read_are_left_out(world: World) -> None:
    world.envoys.unreachable = {"r1"}
    counts = await world.traffic.counts(NAMESPACE, "churn", [A])
    assert {one.pod for one in counts} == {"uid-r2"}


async def test_no_pod_that_can_be_read_is_an_error(world: World) -> None:
    world.envoys.unreachable = {"r1", "r2"}
    with pytest.raises(LockstepError) as error:
        await world.traffic.counts(NAMESPACE, "churn", [A])
    assert str(error.value) == (
        "requests of shop/churn could not be counted: none of 2 ready router pods could be read"
    )
