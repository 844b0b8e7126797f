from hypothesis import given
from hypothesis import strategies as st

from lockstep_sandbox.apiserver.fields import (
    Comparison,
    fields_of,
    from_v1,
    merge,
    remove,
    show,
    to_v1,
    with_parents,
)
from lockstep_sandbox.apiserver.schema import types

POD = types().type("PodSpec")
CONTAINERS = POD["properties"]["containers"]
PARTS = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'v:"y"'])


@given(st.frozensets(st.lists(PARTS, min_size=1, max_size=4).map(tuple), max_size=8))
def test_fields_v1_keeps_every_path(fields):
    assert from_v1(to_v1(fields)) == fields


def test_a_configuration_claims_list_items_by_key():
    config = {"containers": [{"name": "a", "image": "x", "ports": [{"containerPort": 80}]}]}
    shown = {show(path) for path in fields_of(config, POD)}
    assert '.containers[name="a"]' in shown
    assert '.containers[name="a"].image' in shown
    assert '.containers[name="a"].ports[containerPort=80,protocol="TCP"].containerPort' in shown


def test_atomic_maps_are_one_leaf():
    assert {show(p) for p in fields_of({"nodeSelector": {"a": "b"}}, POD)} == {".nodeSelector"}


def names(items):
    return "".join(item["name"] for item in items)


def ordered(live, config):
    return names(merge(*([{"name": n} for n in text] for text in (live, config)), CONTAINERS))


def test_merging_lists_keeps_the_applied_order_and_the_places_of_others():
    assert ordered("ab", "c") == "abc"
    assert ordered("abc", "ca") == "bca"
    assert ordered("abcd", "dxb") == "acdxb"
    assert ordered("", "ba") == "ba"


@given(st.permutations("abcd"), st.lists(st.sampled_from("cdef"), unique=True))
def test_merging_lists_loses_and_doubles_nothing(live, config):
    merged = ordered("".join(live), "".join(config))
    assert sorted(merged) == sorted({*live, *config})
    assert [n for n in merged if n in config] == config


def test_a_comparison_tells_added_modified_and_removed():
    old = {"replicas": 1, "paused": True}
    new = {"replicas": 2, "selector": {"matchLabels": {"a": "b"}}}
    found = Comparison(old, new, types().type("DeploymentSpec"))
    assert found.modified == {("f:replicas",)}
    assert found.removed == {("f:paused",)}
    assert found.added == {("f:selector",)}


def test_removing_a_list_item_leaves_the_others():
    spec = {"containers": [{"name": "a", "image": "x"}, {"name": "b"}]}
    gone = frozenset([("f:containers", 'k:{"name":"a"}')])
    assert remove(spec, gone, POD) == {"containers": [{"name": "b"}]}


def test_parents_are_declared_fields_only():
    path = ("f:securityContext", "f:seccompProfile", "f:type")
    assert with_parents(frozenset([path]), POD) == {path[:1], path[:2], path}
    data = ("f:data", "f:key")
    assert with_parents(frozenset([data]), types().kind("ConfigMap")) == {("f:data",), data}
