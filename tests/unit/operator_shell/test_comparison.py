import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep_operator.shell.comparison import (
    covers,
    fingerprint,
    merge_patch,
    projection,
    same_news,
)
from operator_shell.api import merged

scalars = st.booleans() | st.integers(0, 3) | st.sampled_from(["a", "b"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner),
)
manifests = st.dictionaries(st.sampled_from("pqrs"), values)


@given(manifests, manifests)
def test_a_merge_patch_makes_live_what_is_wanted(live, wanted):
    assert merged(live, merge_patch(live, wanted)) == wanted


@given(manifests)
def test_nothing_to_patch_when_equal(manifest):
    assert merge_patch(manifest, manifest) == {}


@pytest.mark.parametrize(
    ("live", "wanted"),
    [
        ({"a": 1, "defaulted": True}, {"a": 1}),
        ({"c": [{"name": "x", "pull": "Always"}]}, {"c": [{"name": "x"}]}),
        ({}, {"env": [], "resources": {}, "nothing": None}),
        ({"emptyDir": {}}, {"emptyDir": {}}),
        ({}, {"readOnly": False}),
        ({"weight": 10}, {"weight": 10.0}),
    ],
)
def test_what_the_server_adds_or_drops_is_no_difference(live, wanted):
    assert covers(live, wanted)


@pytest.mark.parametrize(
    ("live", "wanted"),
    [
        ({"a": 2}, {"a": 1}),
        ({}, {"a": 1}),
        ({"c": [{"name": "x"}, {"name": "injected"}]}, {"c": [{"name": "x"}]}),
        ({"c": [{"name": "y"}]}, {"c": [{"name": "x"}]}),
        ({"a": 1}, {"a": {}}),
        ({"a": None}, {"a": 0}),
        ({"a": True}, {"a": False}),
    ],
)
def test_what_is_wanted_and_not_live_is_a_difference(live, wanted):
    assert not covers(live, wanted)


def test_projection_sees_changes_of_wanted_fields_only():
    wanted = {"cpu": "0.5", "ports": [{"port": 80}]}
    live = {"cpu": "500m", "ports": [{"port": 80, "protocol": "TCP"}], "status": 1}
    assert projection(live, wanted) == {"cpu": "500m", "ports": [{"port": 80}]}
    assert projection(live | {"status": 2}, wanted) == projection(live, wanted)
    assert projection(live | {"cpu": "1"}, wanted) != projection(live, wanted)


def test_fingerprints_do_not_depend_on_order():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


def test_times_of_notice_are_no_news():
    before = {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "1"}]}
    later = {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2"}]}
    other = {"conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": "1"}]}
    assert same_news(before, later)
    assert not same_news(before, other)
    assert not same_news({"holdUntil": "1"}, {"holdUntil": "2"})
    assert not same_news({}, {"a": None})
