"""What a real Envoy counts: a request once, as the client saw its end."""

from lockstep_operator.core.routing import Mirror, TrafficSettings
from lockstep_operator.traffic.envoy import names
from traffic.rig import Rig, until

A, B = "churn-aaaaaaaa", "churn-bbbbbbbb"


async def split(rig: Rig, revision: str = A) -> tuple[int, int]:
    return (await rig.counts(revision))[revision, "split"]


async def test_answers_of_the_model_server(rig: Rig) -> None:
    pod = await rig.pod(A)
    rig.route("churn", a=10_000)
    await rig.start()
    assert await rig.counts(A, B) == {(A, "split"): (0, 0)}
    for status in (200, 404, 500, 503, 504):
        pod.status = status
        assert (await rig.get()).status == status
    assert await split(rig) == (5, 3)


async def test_a_timeout_is_an_error(rig: Rig) -> None:
    pod = await rig.pod(A)
    pod.delay = 5.0
    rig.route("churn", a=10_000, settings=TrafficSettings(timeout=0.2))
    await rig.start()
    assert (await rig.get()).status == 504
    assert await split(rig) == (1, 1)


async def test_no_pod_is_an_error(rig: Rig) -> None:
    rig.route("churn", a=10_000)
    await rig.start()
    assert (await rig.get()).status == 503
    assert await split(rig) == (1, 1)


async def test_only_refusing_pods_are_one_error_whatever_was_tried(rig: Rig) -> None:
    pods = [await rig.pod(A, name) for name in ("one", "two")]
    rig.route("churn", a=10_000)
    await rig.start()
    for pod in pods:
        await pod.stop()
    assert (await rig.get()).status == 503
    assert await split(rig) == (1, 1)


async def test_what_another_pod_answered_is_no_error(rig: Rig) -> None:
    dying = await rig.pod(A, "dying")
    await rig.pod(A, "staying")
    rig.route("churn", a=10_000)
    await rig.start()
    await dying.stop()
    assert set(await rig.count(50, clients=2)) == {"staying"}
    assert await split(rig) == (50, 0)


async def test_what_the_circuit_breaker_shed_is_an_error(rig: Rig) -> None:
    pod = await rig.pod(A)
    pod.delay = 0.3
    rig.route("churn", a=10_000, settings=TrafficSettings(max_requests=2))
    await rig.start()
    counts = await rig.count(8, clients=8)
    assert counts.pop(A) == 2
    assert sum(counts.values()) == 6
    assert await split(rig) == (8, 6)


async def test_copies_that_were_not_sent_are_not_counted(rig: Rig) -> None:
    await rig.pod(A)
    slow = await rig.pod(B)
    slow.delay = 1.0
    settings = TrafficSettings(max_requests=2)
    rig.route("churn", a=10_000, b=0, settings=settings, mirror=Mirror(B, 10_000))
    await rig.start()
    assert await rig.count(20, clients=1) == {A: 20}

    async def counted() -> bool:
        return (await rig.counts(B))[B, "mirror"] == (2, 0)

    await until(counted)
    assert slow.served == 2


async def test_counts_outlive_a_change_of_limits(rig: Rig) -> None:
    """Envoy replaces the cluster; its numbers go on."""
    await rig.pod(A)
    rig.route("churn", a=10_000)
    await rig.start()
    await rig.count(10)
    rig.route("churn", a=10_000, settings=TrafficSettings(max_requests=77))
    rig.swap()
    await until(lambda: _taken_over(rig))
    await rig.count(10)
    assert await split(rig) == (20, 0)


async def _taken_over(rig: Rig) -> bool:
    path = "/stats?filter=^cluster_manager.(cluster_modified|warming_clusters)$"
    async with rig.session.get(rig.url(names.STATS_PORT, path)) as answer:
        text = await answer.text()
    return "cluster_modified: 1" in text and "warming_clusters: 0" in text
