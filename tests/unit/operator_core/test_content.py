"""Content is equal when nothing that matters differs, however it is written."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep_operator.core.content import content_of, mint_name, normalise
from lockstep_operator.core.manifests.revision import build_revision
from lockstep_operator.core.quantities import canonical
from lockstep_operator.core.times import format_time, parse_duration, parse_time
from lockstep_operator.core.weights import FULL, from_percent, pods_needed, to_percent
from operator_core.world import DEFAULTS, deployment

MODEL = {"uri": "http://m", "format": "sklearn"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"model": MODEL | {"trust": "none"}}),
        ({}, {"model": MODEL | {"allowMutable": False}}),
        ({}, {"runtime": {}}),
        ({}, {"runtime": {"env": [], "resources": {"limits": {}}, "podTemplate": {}}}),
        (
            {"runtime": {"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}},
            {"runtime": {"resources": {"limits": {"memory": "1073741824", "cpu": "1000m"}}}},
        ),
        (
            {"runtime": {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}},
            {"runtime": {"env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]}},
        ),
        ({"replicas": 3}, {"replicas": 5, "rollout": {"steps": []}, "paused": True}),
    ],
)
def test_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert content_of({"model": MODEL} | one) == content_of({"model": MODEL} | other)


@pytest.mark.parametrize(
    "change",
    [
        {"model": MODEL | {"uri": "http://n"}},
        {"model": MODEL | {"sha256": "a" * 64}},
        {"model": MODEL | {"trust": "pickle"}},
        {"model": MODEL | {"allowMutable": True}},
        {"model": MODEL | {"credentialsSecret": "bucket"}},
        {"model": MODEL | {"fieldOfALaterBuild": "x"}},
        {"runtime": {"image": "other"}},
        {"runtime": {"env": [{"name": "A", "value": ""}]}},
        {"runtime": {"podTemplate": {"spec": {"hostNetwork": False}}}},
    ],
)
def test_different(change: dict[str, Any]) -> None:
    assert content_of({"model": MODEL}) != content_of({"model": MODEL} | change)


def test_stored_content_is_found_again() -> None:
    md = deployment(runtime={"env": [{"name": "A", "value": "1"}], "podTemplate": {"a": [1]}})
    content = content_of(md["spec"])
    stored = build_revision(md, "churn-1", content, DEFAULTS)["spec"]["content"]
    assert normalise(stored) == content == normalise(content)


def test_a_taken_name_is_not_minted_again() -> None:
    content = content_of({"model": MODEL})
    first = mint_name(content, set(), "churn")
    assert mint_name(content, {first}, "churn") != first


@pytest.mark.parametrize(
    ("quantity", "plain"),
    [("1", "1"), (1, "1"), ("1000m", "1"), ("1Gi", "1073741824"), ("1e3", "1000"), ("0.5", "0.5")],
)
def test_quantities(quantity: int | str, plain: str) -> None:
    assert canonical(quantity) == plain


@pytest.mark.parametrize("text", ["", "x", "1x", "1 Gi", "Gi"])
def test_not_quantities(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        canonical(text)


@given(st.integers(0, FULL))
def test_weights_are_exact(weight: int) -> None:
    assert from_percent(to_percent(weight)) == weight


@pytest.mark.parametrize(
    ("weight", "replicas", "pods"), [(0, 9, 0), (1, 1, 1), (5_000, 3, 2), (FULL, 3, 3)]
)
def test_pods_needed(weight: int, replicas: int, pods: int) -> None:
    assert pods_needed(weight, replicas) == pods


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("1h30m", 5400), ("0s", 0)])
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "5", "1m1h", "1d", "-1s"])
def test_not_durations(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@given(st.datetimes(timezones=st.just(parse_time("2026-01-01T00:00:00Z").tzinfo)))
def test_times_survive(moment: Any) -> None:
    assert parse_time(format_time(moment)) == moment
