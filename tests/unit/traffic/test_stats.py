"""Reading Envoy's statistics, and judging by them."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep_operator.core.errors import LockstepError
from lockstep_operator.traffic.envoy.nudges import MAX_REPEATS, nudge
from lockstep_operator.traffic.envoy.observation import (
    PodView,
    Refusals,
    Wanted,
    applied,
    fewest_healthy,
    lacking,
)
from lockstep_operator.traffic.envoy.stats import RouterStats, parse_stats, stats_path
from traffic.fakes import router_pod

WANTED = Wanted("churn", "v2", ("churn-aaaaaaaa", "churn-bbbbbbbb"))
BOTH = {"churn-aaaaaaaa": 2, "churn-bbbbbbbb": 1}


def stats(
    version: str | None = "v2", healthy: dict[str, int] = BOTH, **refusals: int
) -> RouterStats:
    files = {"cds": "cds.yaml", "lds": "lds.yaml", "rds": "route-churn.yaml"}
    return RouterStats(version, healthy, {files[key]: count for key, count in refusals.items()})


def view(of: RouterStats | None, name: str = "r1") -> PodView:
    return PodView(name, f"uid-{name}", of)


def body(**values: object) -> bytes:
    rows = [{"name": name, "value": value} for name, value in values.items()]
    return json.dumps({"stats": [*rows, {"histograms": {"computed_quantiles": []}}]}).encode()


def test_an_answer_is_read() -> None:
    answer = body(
        **{
            "http.churn.rds.churn.version_text": "v1",
            "cluster_manager.cds.update_rejected": 1,
            "cluster_manager.cds.update_failure": 2,
            "listener_manager.lds.update_rejected": 0,
            "http.churn.rds.churn.update_rejected": 4,
            "cluster.churn-aaaaaaaa.membership_healthy": 3,
        }
    )
    assert parse_stats(answer, "churn") == RouterStats(
        route_version="v1",
        healthy={"churn-aaaaaaaa": 3},
        refusals={"cds.yaml": 3, "lds.yaml": 0, "route-churn.yaml": 4},
    )


def test_a_pod_that_knows_nothing() -> None:
    assert parse_stats(body(), "churn").route_version is None


@pytest.mark.parametrize("answer", [b"", b"no json", b"[]", b"{}", b'{"stats": [{"name": "x"}]}'])
def test_what_is_not_statistics_is_an_error(answer: bytes) -> None:
    with pytest.raises(LockstepError, match="statistics are not readable"):
        parse_stats(answer, "churn")


def test_the_request_asks_for_what_is_read_and_nothing_else() -> None:
    path = stats_path("churn", ["churn-aaaaaaaa"])
    assert re.fullmatch(r"[!-~]+", path)
    query = parse_qs(urlsplit(path).query)
    assert query["format"] == ["json"]
    [pattern] = query["filter"]
    for name in (
        "http.churn.rds.churn.version_text",
        "cluster_manager.cds.update_failure",
        "listener_manager.lds.update_rejected",
        "cluster.churn-aaaaaaaa.membership_healthy",
    ):
        assert re.search(pattern, name)
    for name in (
        "http.churn-2.rds.churn-2.version_text",
        "cluster.churn-aaaaaaaa-2.membership_healthy",
        "cluster.churn-bbbbbbbb.membership_healthy",
        "cluster.churn-aaaaaaaa.membership_healthy_x",
    ):
        assert not re.search(pattern, name)


@pytest.mark.parametrize(
    ("seen", "files"),
    [
        (stats(), ()),
        (stats(version=None), ("lds.yaml",)),
        (stats(version="v1"), ("route-churn.yaml",)),
        (stats(version=""), ("route-churn.yaml",)),
        (stats(healthy={"churn-aaaaaaaa": 2}), ("cds.yaml",)),
        (stats(version=None, healthy={}), ("lds.yaml", "cds.yaml")),
    ],
)
def test_what_a_pod_lacks(seen: RouterStats, files: tuple[str, ...]) -> None:
    assert lacking(seen, WANTED) == files
    assert applied(view(seen), WANTED) == (files == ())


def test_the_least_lucky_pod_counts() -> None:
    views = [view(stats()), view(stats(healthy={"churn-aaaaaaaa": 1}), "r2"), view(None, "r3")]
    assert fewest_healthy(views, WANTED) == {"churn-aaaaaaaa": 1, "churn-bbbbbbbb": 0}
    assert fewest_healthy([view(None)], WANTED) == {}


def test_a_refusal_is_told_until_the_pod_has_what_is_wanted() -> None:
    refusals = Refusals()
    assert refusals.sentence([view(stats(rds=3))], WANTED) is None
    assert refusals.sentence([view(stats("v1", rds=3))], WANTED) is None
    assert refusals.sentence([view(stats("v1", rds=4)), view(None, "r2")], WANTED) == (
        "router pod r1 refuses route-churn.yaml; its log says why"
    )
    assert refusals.sentence([view(stats(rds=4))], WANTED) is None
    assert refusals.sentence([view(stats("v1", rds=4))], WANTED) is None


def test_a_new_operator_tells_of_old_refusals_only_where_something_is_missing() -> None:
    assert Refusals().sentence([view(stats(cds=1, lds=1, rds=1))], WANTED) is None
    both = [view(stats(healthy={}, cds=1, rds=9)), view(stats(None, lds=1), "r2")]
    assert Refusals().sentence(both, WANTED) == (
        "router pod r1 refuses cds.yaml; its log says why; "
        "router pod r2 refuses lds.yaml; its log says why"
    )


@given(steps=st.lists(st.floats(0.01, 20.0), max_size=200))
def test_nudges_are_few_and_each_changes_the_pod(steps: list[float]) -> None:
    pod, now, seen = router_pod("r1"), 1e9, []
    for step in steps:
        now += step
        annotations = nudge(pod, "hash", applied=False, now=now)
        if annotations:
            assert annotations not in seen
            seen.append(annotations)
            pod["metadata"]["annotations"] = annotations
    assert len(seen) <= MAX_REPEATS + 1


def test_a_pod_that_has_it_is_left_alone() -> None:
    pod = router_pod("r1")
    pod["metadata"]["annotations"] = nudge(pod, "hash", applied=True, now=0.0)
    assert nudge(pod, "hash", applied=True, now=1e9) is None
    assert nudge(pod, "other", applied=True, now=1e9) is not None


def test_an_annotation_that_somebody_broke_counts_as_long_ago() -> None:
    pod = router_pod("r1")
    broken = {"serving.lockstep.dev/router-config-nudged": "gibberish"}
    pod["metadata"]["annotations"] = {"serving.lockstep.dev/router-config": "hash"} | broken
    assert nudge(pod, "hash", applied=False, now=1e9) is not None
