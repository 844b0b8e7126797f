"""gRPC through a real Envoy: the same weights, moved by the same write."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest
from grpc.aio import AioRpcError

from lockstep_operator.core.routing import Match, Sticky, TrafficSettings
from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.envoy.observation import by_revision
from traffic.grpc_backend import GrpcBackend, grpc_client
from traffic.rig import PORT, Rig, until

A, B = "churn-aaaaaaaa", "churn-bbbbbbbb"
GRPC = TrafficSettings(grpc=True)
Pod = Callable[[str], Awaitable[GrpcBackend]]
Ask = Callable[..., Awaitable[str]]


@pytest.fixture
async def pod(rig: Rig) -> AsyncIterator[Pod]:
    """Start pods that serve both."""
    async with AsyncExitStack() as stack:

        async def start(revision: str) -> GrpcBackend:
            backend = GrpcBackend(revision, (await rig.pod(revision)).address)
            await backend.start()
            stack.push_async_callback(backend.stop)
            return backend

        yield start


@pytest.fixture
async def ask(rig: Rig) -> AsyncIterator[Ask]:
    async with grpc_client(f"{rig.router.address}:{PORT}") as client:
        yield client


async def count(ask: Ask, requests: int, **options: Any) -> Counter[str]:
    answers: Counter[str] = Counter()

    async def client() -> None:
        for _ in range(requests // 8):
            answers[await ask(**options)] += 1

    await asyncio.gather(*(client() for _ in range(8)))
    return answers


async def refusal(ask: Ask, **options: Any) -> AioRpcError:
    with pytest.raises(AioRpcError) as caught:
        await ask(**options)
    return caught.value


async def moved(rig: Rig) -> None:
    async def there() -> bool:
        return (await rig.stats("churn")).route_version == rig.version("churn")

    await until(there)


async def test_one_port_serves_both_by_the_same_weights(rig: Rig, pod: Pod, ask: Ask) -> None:
    one, other = await pod(A), await pod(B)
    rig.route("churn", settings=GRPC, a=7_500, b=2_500)
    await rig.start()
    answers = await count(ask, 800)
    assert answers.total() == 800
    assert 120 < answers[B] < 290  # 7 standard deviations around 200
    assert {*await rig.count(100)} == {A, B}
    seen = one.seen + other.seen
    assert {metadata["x-lockstep-assignment"] for metadata in seen} == {"split"}
    assert len({metadata["x-lockstep-request-id"] for metadata in seen}) == 800


async def test_a_rollback_moves_both_in_one_write(rig: Rig, pod: Pod, ask: Ask) -> None:
    for name in (A, B):
        await pod(name)
    rig.route("churn", settings=GRPC, a=0, b=10_000)
    await rig.start()
    assert {await ask(), (await rig.get()).body} == {B}
    before = rig.config.data()
    rig.route("churn", settings=GRPC, a=10_000, b=0)
    after = rig.config.data()
    assert [key for key in before if before[key] != after[key]] == ["route-churn.yaml"]
    load = asyncio.ensure_future(count(ask, 400))
    rig.swap()
    await moved(rig)
    assert {await ask(), (await rig.get()).body} == {A}
    assert (await load).total() == 400  # nothing was lost


async def test_a_match_and_a_sticky_user(rig: Rig, pod: Pod, ask: Ask) -> None:
    pods = {name: await pod(name) for name in (A, B)}
    settings = TrafficSettings(
        grpc=True, matches=(Match(header="x-canary"),), sticky=Sticky(header="x-user")
    )
    rig.route("churn", settings=settings, candidate=B, stable=A, a=5_000, b=5_000)
    await rig.start()
    assert await count(ask, 80, metadata=(("x-canary", "1"),)) == {B: 80}
    assert pods[B].seen[-1]["x-lockstep-assignment"] == "match"
    for user in range(8):
        assert len(await count(ask, 16, metadata=(("x-user", str(user)),))) == 1


async def test_statuses_count_as_their_like_in_http(rig: Rig, pod: Pod, ask: Ask) -> None:
    backend = await pod(A)
    rig.route("churn", settings=TrafficSettings(grpc=True, consecutive_errors=0), a=10_000)
    await rig.start()
    harmless = ("INVALID_ARGUMENT", "NOT_FOUND", "RESOURCE_EXHAUSTED", "UNIMPLEMENTED")
    errors = ("UNKNOWN", "DEADLINE_EXCEEDED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS")
    for name in (*harmless, *errors):
        backend.code = grpc.StatusCode[name]
        assert (await refusal(ask)).code() is backend.code
    await rig.get()
    assert (await rig.counts(A))[A, "split"] == (10, 5)
    await backend.stop()
    assert (await refusal(ask)).code() is grpc.StatusCode.UNAVAILABLE
    assert (await rig.counts(A))[A, "split"] == (11, 6)


async def test_a_timeout_is_an_error(rig: Rig, pod: Pod, ask: Ask) -> None:
    backend = await pod(A)
    backend.delay = 5.0
    rig.route("churn", settings=TrafficSettings(grpc=True, timeout=0.2), a=10_000)
    await rig.start()
    assert "timeout" in str((await refusal(ask)).details())
    assert (await rig.counts(A))[A, "split"] == (1, 1)


async def test_without_a_revision_that_is_ready(rig: Rig, pod: Pod, ask: Ask) -> None:
    rig.route("churn", settings=GRPC, a=0)
    await rig.start()
    error = await refusal(ask)
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "no revision of churn is ready to serve" in str(error.details())


async def test_a_revision_without_grpc_is_healthy_and_says_so(rig: Rig, ask: Ask) -> None:
    await rig.pod(A)
    rig.route("churn", settings=GRPC, a=10_000)
    await rig.start()

    async def healthy() -> bool:
        stats = await rig.stats("churn", A, names.grpc_cluster(A))
        return by_revision(stats.healthy) == {A: 1}

    await until(healthy)
    assert (await refusal(ask)).code() is grpc.StatusCode.UNAVAILABLE
    assert (await rig.get()).status == 200


async def test_health_of_a_revision_is_that_of_both_clusters(rig: Rig, pod: Pod) -> None:
    await pod(A)
    rig.route("churn", settings=GRPC, a=10_000)
    await rig.start()
    rig.pods[A].ready = 503

    async def gone() -> bool:
        stats = await rig.stats("churn", A, names.grpc_cluster(A))
        return set(stats.healthy.values()) == {0}

    await until(gone)


async def test_it_can_come_while_the_router_serves(rig: Rig, pod: Pod, ask: Ask) -> None:
    """The listener changes with it: no request of HTTP is lost."""
    await pod(A)
    rig.route("churn", a=10_000)
    await rig.start()
    load = asyncio.ensure_future(rig.count(2_000))
    await asyncio.sleep(0.05)
    rig.route("churn", settings=GRPC, a=10_000)
    rig.swap()
    await moved(rig)
    assert await load == {A: 2_000}

    async def answered() -> bool:
        try:
            return await ask() == A
        except AioRpcError:
            return False

    await until(answered)
