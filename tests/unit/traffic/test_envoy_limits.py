"""Ejection, circuit breakers, timeouts and streams with a real Envoy."""

import asyncio

import pytest
from aiohttp import ClientPayloadError

from lockstep_operator.core.routing import TrafficSettings
from lockstep_operator.traffic.envoy.connections import MAX_CONNECTION_SECONDS
from traffic.rig import Rig, until

A = "churn-aaaaaaaa"


async def healthy(rig: Rig) -> int | None:
    return (await rig.stats("churn", A)).healthy.get(A)


async def test_a_pod_that_fails_in_a_row_is_left_out_for_a_while(rig: Rig) -> None:
    """Though it passes the health checks, which would bring it back within a second."""
    bad, _ = await rig.pod(A, "bad"), await rig.pod(A, "good")
    bad.status = 500
    settings = TrafficSettings(consecutive_errors=3, ejection_time=5.0)
    rig.route("churn", a=10_000, settings=settings)
    await rig.start()

    # Envoy ejects beside the requests: some more may go to the pod before all its threads know.
    assert (await rig.count(20, clients=1))["!bad"] >= 3
    await until(lambda: _is_healthy(rig, 1))
    assert await rig.count(40, clients=1) == {"good": 40}

    bad.status = 200
    assert await until(lambda: _is_healthy(rig, 2), seconds=10.0) > 1.5


@pytest.mark.parametrize(
    ("settings", "pods"),
    [
        (TrafficSettings(consecutive_errors=0), 2),
        (TrafficSettings(consecutive_errors=3, max_ejected_percent=0), 2),
        (TrafficSettings(consecutive_errors=3), 1),
    ],
)
async def test_no_more_pods_are_ejected_than_allowed(
    rig: Rig, settings: TrafficSettings, pods: int
) -> None:
    """Nor the only pod: its own errors are better than none of its answers."""
    for number in range(pods):
        (await rig.pod(A, f"bad{number}")).status = 500
    rig.route("churn", a=10_000, settings=settings)
    await rig.start()
    counts = await rig.count(60, clients=1)
    assert set(counts) == {f"!bad{number}" for number in range(pods)}
    assert await healthy(rig) == pods


async def test_what_no_connection_is_left_for_waits_or_is_shed(rig: Rig) -> None:
    (await rig.pod(A, "a")).delay = 0.2
    settings = TrafficSettings(max_connections=1, max_pending_requests=1)
    rig.route("churn", a=10_000, settings=settings)
    await rig.start()
    counts = await rig.count(6, clients=6)
    assert 1 <= counts.pop("a") <= 4
    [error] = counts
    assert error.startswith("!")


async def test_chunks_arrive_as_they_are_sent(rig: Rig) -> None:
    """Also of an answer that takes longer than a connection may be old."""
    pod = await rig.pod(A)
    pod.chunks, pod.pause = 16, (MAX_CONNECTION_SECONDS + 1.5) / 16
    rig.route("churn", a=10_000)
    await rig.start()
    clock = asyncio.get_running_loop().time

    arrived: list[tuple[bytes, float]] = []
    async with rig.session.get(rig.url()) as answer:
        begun = clock()
        async for chunk in answer.content.iter_any():
            arrived.append((chunk, clock() - begun))

    assert [chunk for chunk, _ in arrived] == [f"{number}\n".encode() for number in range(16)]
    for number, (_, at) in enumerate(arrived):
        assert abs(at - number * pod.pause) < 0.35


async def test_a_silent_stream_is_ended_after_the_idle_timeout(rig: Rig) -> None:
    pod = await rig.pod(A)
    pod.chunks, pod.pause = 3, 1.5
    rig.route("churn", a=10_000, settings=TrafficSettings(timeout=20.0, idle_timeout=0.5))
    await rig.start()
    with pytest.raises(ClientPayloadError):
        await rig.get()

    pod.pause = 0.2
    assert (await rig.get()).body == "0\n1\n2\n"


async def _is_healthy(rig: Rig, count: int) -> bool:
    return await healthy(rig) == count
