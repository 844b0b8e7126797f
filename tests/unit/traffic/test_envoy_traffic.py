"""What a real Envoy does with our routes and listeners."""

import asyncio
import json

import pytest
from yarl import URL

from lockstep_operator.traffic.envoy import names
from traffic.rig import OTHER_PORT, PORT, SETTINGS, Rig, until

REQUESTS = 8_000


@pytest.mark.parametrize("weight", [1_000, 100])
async def test_the_split_is_exact(rig: Rig, weight: int) -> None:
    await rig.pod("churn-aaaaaaaa", "a")
    await rig.pod("churn-bbbbbbbb", "b")
    rig.route("churn", a=10_000 - weight, b=weight)
    await rig.start()

    counts = await rig.count(REQUESTS)

    expected = REQUESTS * weight / 10_000
    assert set(counts) == {"a", "b"}
    assert abs(counts["b"] - expected) < 5 * (expected * (1 - weight / 10_000)) ** 0.5


async def test_a_swap_takes_effect_in_a_second_and_fails_no_request(rig: Rig) -> None:
    await rig.pod("churn-aaaaaaaa", "a")
    await rig.pod("churn-bbbbbbbb", "b")
    rig.route("churn", a=10_000, b=0)
    await rig.start()
    load = asyncio.create_task(rig.count(6_000))

    for turn in range(20):
        wanted = "ba"[turn % 2]
        rig.route("churn", a=10_000 * (wanted == "a"), b=10_000 * (wanted == "b"))
        rig.swap()

        async def serves(name: str = wanted) -> bool:
            return (await rig.get()).body == name

        assert await until(serves) < 1.0

    assert set(await load) == {"a", "b"}


async def test_a_changed_template_of_clusters_and_listeners_fails_no_request(rig: Rig) -> None:
    """An operator upgrade may change both; Envoy then warms new ones beside the old."""
    await rig.pod("churn-aaaaaaaa", "a")
    rig.route("churn", a=10_000)
    await rig.start()
    load = asyncio.create_task(rig.count(6_000))

    for turn in range(4):

        def change(data: dict[str, str], turn: int = turn) -> None:
            for key, before, after in (
                (names.CLUSTERS_FILE, 'connect_timeout":"1s', f'connect_timeout":"1.{turn}s'),
                (names.LISTENERS_FILE, 'idle_timeout":"60s', f'idle_timeout":"6{turn}s'),
            ):
                assert before in data[key]
                data[key] = data[key].replace(before, after)

        rig.swap(change)
        await asyncio.sleep(0.3)

    assert set(await load) == {"a"}


async def test_the_router_marks_requests_and_obeys_no_client(rig: Rig) -> None:
    pod = await rig.pod("churn-aaaaaaaa", "a")
    pod.delay = 0.05
    rig.route("churn", a=10_000)
    await rig.start()

    answer = await rig.get(
        headers=[
            ("x-lockstep-assignment", "match"),
            ("x-lockstep-assignment", "mirror"),
            ("x-envoy-upstream-rq-timeout-ms", "1"),
            ("x-request-id", "the-clients-own"),
        ]
    )

    assert answer.status == 200
    assert pod.last.getall("x-lockstep-assignment") == ["split"]  # type: ignore[attr-defined]
    assert pod.last["x-request-id"] == answer.headers["x-request-id"] == "the-clients-own"
    assert answer.headers["x-lockstep-revision"] == "a"
    assert answer.headers["server"].startswith("Python")
    await rig.get()
    assert len(pod.last["x-request-id"]) == 36


async def test_no_backend_is_a_503_with_a_sentence(rig: Rig) -> None:
    rig.route("churn", a=0)
    await rig.start()

    answer = await rig.get()

    assert answer.status == 503
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.body) == {"error": "no revision of churn is ready to serve"}


async def test_envoys_own_errors_are_json(rig: Rig) -> None:
    rig.route("churn", a=10_000)
    await rig.start()

    answer = await rig.get()

    assert answer.status == 503
    assert json.loads(answer.body) == {"error": "no healthy upstream"}


@pytest.mark.parametrize("bad", ["safe_regex: {regex: '(('}", "prefix: ["])
async def test_a_bad_route_blocks_nobody_else(rig: Rig, bad: str) -> None:
    await rig.pod("churn-aaaaaaaa", "a")
    await rig.pod("other-cccccccc", "c")
    rig.route("churn", a=10_000)
    rig.route("other", OTHER_PORT, c=10_000)
    await rig.start()
    rig.route("churn", a=0)
    rig.route("other", OTHER_PORT, c=0)

    def change(data: dict[str, str]) -> None:
        file = names.route_file("churn")
        data[file] = data[file].replace("prefix: /", bad)

    rig.swap(change)

    async def other_is_closed() -> bool:
        return (await rig.get(OTHER_PORT)).status == 503

    assert await until(other_is_closed) < 1.0
    assert (await rig.get(PORT)).body == "a"
    assert (await rig.stats("churn")).refusals[names.route_file("churn")] == 1
    assert (await rig.stats("other")).refusals[names.route_file("other")] == 0


async def test_a_bad_route_at_the_start_blocks_nobody_else(rig: Rig) -> None:
    await rig.pod("other-cccccccc", "c")
    rig.route("churn", a=10_000)
    rig.route("other", OTHER_PORT, c=10_000)
    rig.swap(lambda data: data.update({names.route_file("churn"): "resources: ["}))
    await rig.router.start()
    await rig.router.ready()

    assert (await rig.get(OTHER_PORT)).body == "c"
    assert (await rig.stats("churn")).route_version == ""


async def test_models_come_and_go(rig: Rig) -> None:
    """A new route file is found although its own link comes after the swap of `..data`."""
    await rig.pod("churn-aaaaaaaa", "a")
    await rig.pod("other-cccccccc", "c")
    rig.route("churn", a=10_000)
    await rig.start()
    assert (await rig.stats("other")).route_version is None

    rig.route("other", OTHER_PORT, c=10_000)
    rig.swap()

    async def other_is_there() -> bool:
        stats = await rig.stats("other", "other-cccccccc")
        return bool(stats.route_version and stats.healthy["other-cccccccc"])

    assert await until(other_is_there) < 1.0
    assert (await rig.get(OTHER_PORT)).body == "c"

    rig.config = rig.config.only({"churn"})
    rig.swap()

    async def cluster_is_gone() -> bool:
        return not (await rig.stats("other", "other-cccccccc")).healthy

    assert await until(cluster_is_gone) < 1.0
    assert (await rig.get(PORT)).body == "a"


async def test_ready_only_with_listeners(rig: Rig) -> None:
    rig.route("churn", a=10_000)
    listeners = names.LISTENERS_FILE
    rig.swap(lambda data: data.update({listeners: "resources: ["}))
    await rig.router.start()

    async def stats_answer() -> bool:
        try:
            return (await rig.stats("churn")).refusals[listeners] == 1
        except OSError:
            return False

    await until(stats_answer)
    assert await rig.router.probe() == 0
    rig.swap()
    await rig.router.ready(1.0)


async def test_other_pods_see_statistics_only(rig: Rig) -> None:
    rig.route("churn", a=0)
    await rig.start()

    answers = {}
    for method, path in (*ALLOWED, *REFUSED):
        url = URL(rig.url(names.STATS_PORT, path), encoded=True)
        async with rig.session.request(method, url) as answer:
            answers[method, path] = answer.status

    assert answers == dict.fromkeys(ALLOWED, 200) | dict.fromkeys(REFUSED, 404)


ALLOWED = [
    ("GET", "/stats?filter=server.live"),
    ("GET", "/stats/prometheus?filter=server.live"),
]
REFUSED = [
    ("POST", "/stats"),
    ("POST", "/quitquitquit"),
    ("GET", "/quitquitquit"),
    ("POST", "/healthcheck/fail"),
    ("GET", "/config_dump"),
    ("GET", "/stats/recentlookups"),
    ("GET", "/stats/../config_dump"),
    ("GET", "/stats%2f..%2fconfig_dump"),
    ("GET", "//stats"),
]


async def test_latencies_come_in_fine_buckets(rig: Rig) -> None:
    await rig.pod("churn-aaaaaaaa", "a")
    rig.route("churn", a=10_000)
    await rig.start()
    await rig.get()
    path = "/stats/prometheus?filter=downstream_rq_time&usedonly"

    async def counted() -> bool:
        async with rig.session.get(rig.url(names.STATS_PORT, path)) as answer:
            text = await answer.text()
        return all(f'le="{bound}"' in text for bound in (1, 2, 3, 4, 15, 30, 40))

    assert await until(counted) < 2.0


async def test_what_a_router_takes_of_the_nodes_inotify_instances(rig: Rig) -> None:
    """One per ModelDeployment and two; Envoy aborts without: hence `max_models`."""
    for number in range(5):
        rig.route(f"m{number}", PORT + number, a=10_000)
    await rig.start()

    assert rig.router.inotify_instances() == 5 + 2
    default_limit, pods_on_a_node = 128, 3
    assert pods_on_a_node * (SETTINGS.max_models + 2) <= default_limit
