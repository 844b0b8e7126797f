"""What a real Envoy does when pods come, go, are slow or say goodbye."""

import asyncio
from collections.abc import Awaitable, Callable

from dnslib import RCODE

from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.envoy.connections import MAX_CONNECTION_SECONDS
from traffic.rig import Rig, until

DRAINING = {"x-envoy-immediate-health-check-fail": "true"}


def healthy(rig: Rig, count: int) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        stats = await rig.stats("churn", "churn-aaaaaaaa")
        return stats.healthy.get("churn-aaaaaaaa") == count

    return check


async def test_a_pod_that_says_goodbye_gets_no_more_requests(rig: Rig) -> None:
    leaving = await rig.pod("churn-aaaaaaaa", "leaving")
    await rig.pod("churn-aaaaaaaa", "staying")
    rig.route("churn", a=10_000)
    await rig.start()
    assert set(await rig.count(200)) == {"leaving", "staying"}

    leaving.headers, leaving.ready = DRAINING, 503

    assert await until(healthy(rig, 1)) < 1.5
    assert set(await rig.count(200)) == {"staying"}


async def test_a_starting_pod_gets_nothing_and_the_last_pod_everything(rig: Rig) -> None:
    """Below the panic threshold of 1 % only: never to unready pods beside a healthy one."""
    serving = await rig.pod("churn-aaaaaaaa", "serving")
    for name in ("first", "second", "third"):
        (await rig.pod("churn-aaaaaaaa", name)).ready = 503
    rig.route("churn", a=10_000)
    await rig.start()
    assert (await rig.stats("churn", "churn-aaaaaaaa")).healthy == {"churn-aaaaaaaa": 1}
    assert set(await rig.count(200)) == {"serving"}

    serving.ready = 503
    await until(healthy(rig, 0))

    assert set(await rig.count(200)) == {"serving", "first", "second", "third"}


async def test_a_busy_single_replica_is_not_given_up(rig: Rig) -> None:
    pod = await rig.pod("churn-aaaaaaaa", "a")
    rig.route("churn", a=10_000)
    await rig.start()

    pod.probe_delay = 3.0
    await until(healthy(rig, 0), 6.0)

    assert set(await rig.count(50)) == {"a"}


async def test_a_dead_pod_fails_no_request(rig: Rig) -> None:
    """Connection refused: tried again on another pod until the health check has noticed."""
    dying = await rig.pod("churn-aaaaaaaa", "dying")
    await rig.pod("churn-aaaaaaaa", "staying")
    rig.route("churn", a=10_000)
    await rig.start()

    await dying.stop()
    counts = await rig.count(1_000, clients=4)

    assert set(counts) == {"staying"}


async def test_a_cluster_that_is_still_warming_counts_as_not_healthy(rig: Rig) -> None:
    await rig.pod("churn-aaaaaaaa", "a")
    rig.route("churn", a=10_000)
    await rig.start()
    slow = await rig.pod("churn-bbbbbbbb", "slow")
    slow.probe_delay = 0.7
    await rig.pod("churn-bbbbbbbb", "quick")
    rig.route("churn", a=10_000, b=0)
    rig.swap()

    async def seen() -> bool:
        return bool((await rig.stats("churn", "churn-bbbbbbbb")).healthy.get("churn-bbbbbbbb"))

    assert await until(seen) > 0.5
    rig.route("churn", a=0, b=10_000)
    rig.swap()
    load = await rig.count(500)
    assert set(load) <= {"a", "quick", "slow"}


async def test_dns(rig: Rig) -> None:
    """A failing DNS changes nothing; an address that DNS no longer has is used no more."""
    await rig.pod("churn-aaaaaaaa", "a")
    rig.route("churn", a=10_000)
    await rig.start()
    zone = rig.nameserver.zone

    zone.failure = RCODE.SERVFAIL
    await asyncio.sleep(3.0)
    assert set(await rig.count(20)) == {"a"}

    zone.failure = None
    rig.addresses("churn-aaaaaaaa").clear()
    await until(healthy(rig, 0))
    assert (await rig.get()).status == 503

    await rig.pod("churn-aaaaaaaa", "new")
    await until(healthy(rig, 1))
    assert set(await rig.count(20)) == {"new"}
    assert not any("shop.svc.cluster.local." in question for question in zone.questions)


async def test_busy_connections_are_gone_before_the_router_is(rig: Rig) -> None:
    """Envoy exits at once on SIGTERM; what is open then breaks. So nothing busy may be old."""
    pod = await rig.pod("churn-aaaaaaaa", "a")
    pod.delay = 0.02
    rig.route("churn", a=10_000)
    await rig.start()

    clients = [asyncio.create_task(_keep_asking(rig, pause)) for pause in [0.0] * 10 + [0.4] * 10]
    await asyncio.sleep(MAX_CONNECTION_SECONDS + 1.5)
    rig.router.terminate()

    assert await asyncio.gather(*clients) == ["closed politely"] * 20


async def _keep_asking(rig: Rig, pause: float) -> str:
    """Use one connection until the router ends it; return how."""
    reader, writer = await asyncio.open_connection(rig.router.address, names.FIRST_PORT)
    try:
        while True:
            writer.write(b"GET / HTTP/1.1\r\nhost: churn\r\n\r\n")
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r")[0]))
            if b"connection: close" in head:
                return "closed politely"
            await asyncio.sleep(pause)
    except (ConnectionError, asyncio.IncompleteReadError) as error:
        return f"broken: {error!r}"
    finally:
        writer.close()
