"""What a real Envoy does with mirror and matches, and what the model server sees of it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from lockstep_operator.core.routing import Match, Mirror, Sticky, TrafficSettings
from traffic.backend import Backend
from traffic.rig import PORT, SETTINGS, Rig, until
from traffic.test_rendering import FULL

STABLE, CANDIDATE = "churn-aaaaaaaa", "churn-bbbbbbbb"
SPOOFED = [
    ("x-lockstep-assignment", "mirror"),
    ("x-lockstep-assignment", "split"),
    ("x-lockstep-request-id", "mine"),
    ("x-request-id", "mine"),
]


async def test_a_copy_is_marked_and_has_the_originals_id(rig: Rig) -> None:
    stable, candidate = await rig.pod(STABLE), await rig.pod(CANDIDATE)
    rig.route("churn", a=10_000, b=0, mirror=Mirror(CANDIDATE, 10_000))
    await rig.start()

    answers = [await rig.get(headers=SPOOFED) for _ in range(3)]

    await until(lambda: _served(candidate, 3))
    assert {answer.body for answer in answers} == {STABLE}
    assert stable.assignments() == {"split": 3}
    assert candidate.assignments() == {"mirror": 3}
    ids = [headers["x-lockstep-request-id"] for headers in stable.seen]
    assert ids == [headers["x-lockstep-request-id"] for headers in candidate.seen]
    assert len(set(ids)) == 3
    assert "mine" not in ids
    for seen in (*stable.seen, *candidate.seen):
        assert seen["x-request-id"] == "mine"
        assert seen.getall("x-lockstep-assignment") in (["split"], ["mirror"])
    assert [answer.headers["x-request-id"] for answer in answers] == ["mine"] * 3
    assert stable.last["host"] == candidate.last["host"]


@pytest.mark.parametrize("name", ["churn-aaaaaaaa", "churn-cccccccc"])
async def test_copies_are_of_requests_that_stable_answers(rig: Rig, name: str) -> None:
    """Whatever the candidate's name: Envoy draws one number for both, see `actions._place`."""
    stable, candidate = await rig.pod(CANDIDATE, "stable"), await rig.pod(name, "candidate")
    shares = {"b": 9_000, name[-1]: 1_000}
    rig.route("churn", **shares, mirror=Mirror(name, 1_000), stable=CANDIDATE)  # type: ignore[arg-type]
    await rig.start()

    await rig.count(3_000)

    copies = _ids(candidate, "mirror")
    assert 220 < len(copies) < 380
    assert copies <= _ids(stable, "split")
    assert 220 < candidate.assignments()["split"] < 380


async def test_a_share_is_a_share_of_all_requests(rig: Rig) -> None:
    candidate = await rig.pod(CANDIDATE)
    await rig.pod(STABLE)
    rig.route("churn", a=10_000, b=0, mirror=Mirror(CANDIDATE, 100))
    await rig.start()

    await rig.count(8_000)

    assert 40 <= candidate.assignments()["mirror"] <= 130


MATCHES = (
    Match(header="X-Canary", value="always"),
    Match(cookie="beta"),
    Match(cookie="beta2", value="a;b"),
    Match(header="x-canary", value="never", to="stable"),
    Match(header="host", value="old.example", to="stable"),
    Match(header="x-empty", value=""),
)


async def test_matches_go_to_their_side_and_others_by_weight(rig: Rig) -> None:
    stable, candidate = await rig.pod(STABLE), await rig.pod(CANDIDATE)
    settings = TrafficSettings(matches=MATCHES)
    rig.route("churn", a=0, b=10_000, settings=settings, candidate=CANDIDATE, stable=STABLE)
    await rig.start()

    async def body(*headers: tuple[str, str]) -> tuple[str, str]:
        answer = await rig.get(headers=[*headers, ("x-lockstep-assignment", "mirror")])
        pod = stable if answer.body == STABLE else candidate
        return answer.body, pod.last["x-lockstep-assignment"]

    assert await body() == (CANDIDATE, "split")
    assert await body(("x-canary", "never")) == (STABLE, "match")
    assert await body(("x-canary", "nevermore")) == (CANDIDATE, "split")
    assert await body(("host", "old.example")) == (STABLE, "match")

    rig.route("churn", a=10_000, b=0, settings=settings, candidate=CANDIDATE, stable=STABLE)
    rig.swap()
    await until(lambda: _answers(rig, STABLE))

    assert await body(("x-canary", "always")) == (CANDIDATE, "match")
    assert await body(("cookie", "a=1; beta=; c=2")) == (CANDIDATE, "match")
    assert await body(("cookie", "a=1; beta=x")) == (CANDIDATE, "match")
    assert await body(("cookie", "alphabeta=x")) == (STABLE, "split")
    assert await body(("x-empty", "")) == (CANDIDATE, "match")
    assert await body(("x-empty", "full")) == (STABLE, "split")
    assert await body(("x-canary", "never"), ("cookie", "beta=1")) == (CANDIDATE, "match")


async def test_without_a_candidate_matches_go_where_all_go(rig: Rig) -> None:
    pod = await rig.pod(STABLE)
    settings = TrafficSettings(matches=MATCHES)
    rig.route("churn", a=10_000, settings=settings)
    await rig.start()
    assert (await rig.get(headers=[("x-canary", "always")])).body == STABLE
    assert pod.assignments() == {"split": 1}


async def test_all_settings_at_once_are_taken(rig: Rig) -> None:
    for revision in (STABLE, CANDIDATE):
        await rig.pod(revision)
    rig.config = rig.config.with_route(FULL, PORT, SETTINGS)
    await rig.start()
    assert (await rig.stats("churn")).route_version == rig.version("churn")
    answer = await rig.get()
    assert answer.headers["set-cookie"].startswith("side=")
    clusters = await rig.stats("churn", *rig.config.clusters)
    assert clusters.healthy == dict.fromkeys(rig.config.clusters, 1)
    assert set(clusters.refusals.values()) == {0}


async def test_odd_names_and_values_are_taken(rig: Rig) -> None:
    """All that the schema lets pass: what Envoy refused here would stop a rollback."""
    name = "!#$%&'*+.^_`|~x"
    values = ["", " ", "%REQ(x)%", 'a"b', "a\nb", "\x00", "ü", "x" * 256]
    rig.route(
        "churn",
        a=10_000,
        settings=TrafficSettings(
            matches=(
                *(Match(header=name, value=value) for value in values),
                *(Match(cookie=name, value=value) for value in values),
            ),
            sticky=Sticky(cookie=name, ttl_seconds=0.0),
            ejection_time=0.0,
            max_ejected_percent=100,
            max_connections=1_000_000,
        ),
        candidate=STABLE,
    )
    await rig.pod(STABLE)
    await rig.start()
    stats = await rig.stats("churn", *rig.config.clusters)
    assert stats.route_version == rig.version("churn")
    assert stats.healthy == dict.fromkeys(rig.config.clusters, 1)
    cookie = (await rig.get()).headers["set-cookie"]
    assert cookie.startswith(f"{name}=")
    assert cookie.endswith("; Path=/; HttpOnly")


async def test_each_kind_of_request_is_counted_apart(rig: Rig) -> None:
    candidate = await rig.pod(CANDIDATE)
    await rig.pod(STABLE)
    candidate.status = 500
    rig.route(
        "churn",
        a=10_000,
        b=0,
        mirror=Mirror(CANDIDATE, 10_000),
        candidate=CANDIDATE,
        settings=TrafficSettings(matches=MATCHES),
    )
    await rig.start()

    await rig.count(20)
    for _ in range(3):
        assert (await rig.get(headers=[("x-canary", "always")])).status == 500
    await until(lambda: _served(candidate, 23))

    async def all_counted() -> bool:
        return (await rig.counts(STABLE, CANDIDATE)) == {
            (STABLE, "split"): (20, 0),
            (CANDIDATE, "split"): (0, 0),
            (CANDIDATE, "mirror"): (20, 20),
        }

    await until(all_counted)


@pytest.mark.parametrize("trouble", ["slow", "refusing", "gone", "no pod", "no cluster"])
async def test_a_mirror_in_trouble_hurts_nobody(rig: Rig, trouble: str) -> None:
    await rig.pod(STABLE)
    candidate = await rig.pod(CANDIDATE)
    rig.route("churn", a=10_000, b=0, mirror=Mirror(CANDIDATE, 10_000))
    if trouble == "no pod":
        rig.addresses(CANDIDATE).clear()
    await rig.start()
    if trouble == "slow":
        candidate.delay = 30.0
    if trouble == "refusing":
        await candidate.stop()
    if trouble == "gone":
        rig.addresses(CANDIDATE).clear()
        await candidate.stop()
    if trouble == "no cluster":
        rig.swap(lambda data: data.update({"cds.yaml": _without_mirror(data["cds.yaml"])}))

    begun = asyncio.get_running_loop().time()
    large = await rig.session.post(rig.url(), data=b"x" * 999_999)
    counts = await rig.count(1_500)

    assert asyncio.get_running_loop().time() - begun < 10.0
    assert counts == {STABLE: 1_500}
    assert large.status == 200
    assert (await rig.counts(STABLE))[STABLE, "split"] == (1_501, 0)


async def test_bodies_below_a_megabyte_are_mirrored_whole_and_others_not(rig: Rig) -> None:
    stable, candidate = await rig.pod(STABLE), await rig.pod(CANDIDATE)
    rig.route("churn", a=10_000, b=0, mirror=Mirror(CANDIDATE, 10_000))
    await rig.start()

    async def chunked() -> AsyncIterator[bytes]:
        yield b"abc"

    bodies = [b"x" * 1_000_000, b"x" * 20_000_000, chunked(), b"", b"x" * 999_999]
    for body in bodies:
        async with rig.session.post(rig.url(), data=body) as answer:
            assert answer.status == 200

    assert stable.received == 999_999
    await until(lambda: _received(candidate, 999_999))
    assert candidate.served == 2


def _ids(pod: Backend, assignment: str) -> set[str]:
    own = [one for one in pod.seen if one["x-lockstep-assignment"] == assignment]
    return {one["x-lockstep-request-id"] for one in own}


async def _received(pod: Backend, size: int) -> bool:
    return pod.received == size


def _without_mirror(clusters: str) -> str:
    lines = [line for line in clusters.splitlines() if '"name":"mirror_' not in line]
    return "\n".join(lines).replace(",\n]", "\n]")


async def _served(pod: Backend, count: int) -> bool:
    return pod.served >= count


async def _answers(rig: Rig, body: str) -> bool:
    return (await rig.get()).body == body
