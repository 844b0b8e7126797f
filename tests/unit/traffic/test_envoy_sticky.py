"""Sticky users with a real Envoy: they stay while the candidate's weight only grows."""

from collections.abc import Awaitable, Callable, Iterable

import pytest

from lockstep_operator.core.routing import Sticky, TrafficSettings
from traffic.rig import Rig, until

STABLE, CANDIDATE = "churn-aaaaaaaa", "churn-bbbbbbbb"
STEPS = (100, 1_000, 2_500, 5_000, 10_000)
USERS = [f"user-{number}" for number in range(400)]

Ask = Callable[[str], Awaitable[str]]


async def sides(users: Iterable[str], ask: Ask) -> dict[str, str]:
    return {user: await ask(user) for user in users}


async def grow(rig: Rig, settings: TrafficSettings, weight: int) -> None:
    rig.route("churn", a=10_000 - weight, b=weight, settings=settings)
    rig.swap()
    version = rig.version("churn")

    async def taken() -> bool:
        return (await rig.stats("churn")).route_version == version

    await until(taken)


def by_header(rig: Rig) -> Ask:
    async def ask(user: str) -> str:
        return (await rig.get(headers=[("x-user", user)])).body

    return ask


def by_cookie(rig: Rig) -> Ask:
    async def ask(user: str) -> str:
        answer = await rig.get(headers=[("cookie", f"theme=dark; user={user}")])
        assert "set-cookie" not in answer.headers
        return answer.body

    return ask


@pytest.mark.parametrize(
    ("sticky", "asking"),
    [(Sticky(header="x-user"), by_header), (Sticky(cookie="user"), by_cookie)],
)
async def test_users_stay_while_the_weight_grows(
    rig: Rig, sticky: Sticky, asking: Callable[[Rig], Ask]
) -> None:
    await rig.pod(STABLE)
    await rig.pod(CANDIDATE)
    settings = TrafficSettings(sticky=sticky)
    rig.route("churn", a=10_000, b=0, settings=settings)
    await rig.start()
    ask, won = asking(rig), set[str]()

    for weight in STEPS:
        await grow(rig, settings, weight)
        first = await sides(USERS, ask)
        assert first == await sides(USERS, ask)
        on_candidate = {user for user, side in first.items() if side == CANDIDATE}
        assert won <= on_candidate
        expected = len(USERS) * weight / 10_000
        assert abs(len(on_candidate) - expected) <= 5 * max(expected, 4) ** 0.5
        won = on_candidate
    assert won == set(USERS)


async def test_a_new_user_gets_a_cookie_that_keeps_him_where_he_was(rig: Rig) -> None:
    await rig.pod(STABLE)
    await rig.pod(CANDIDATE)
    sticky = Sticky(cookie="side%", ttl_seconds=3600.0)
    rig.route("churn", a=7_000, b=3_000, settings=TrafficSettings(sticky=sticky))
    await rig.start()

    first: dict[str, str] = {}
    for _ in range(200):
        answer = await rig.get()
        cookie, *attributes = answer.headers["set-cookie"].split("; ")
        assert attributes == ["Max-Age=3600", "Path=/", "HttpOnly"]
        first[cookie] = answer.body

    assert len(first) == 200
    assert 25 < list(first.values()).count(CANDIDATE) < 95
    for cookie, side in first.items():
        assert (await rig.get(headers=[("cookie", cookie)])).body == side


async def test_who_has_not_the_header_goes_by_chance(rig: Rig) -> None:
    await rig.pod(STABLE)
    await rig.pod(CANDIDATE)
    settings = TrafficSettings(sticky=Sticky(header="x-user"))
    rig.route("churn", a=5_000, b=5_000, settings=settings)
    await rig.start()
    counts = await rig.count(200)
    assert min(counts[STABLE], counts[CANDIDATE]) > 50
