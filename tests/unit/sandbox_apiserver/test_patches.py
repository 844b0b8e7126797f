import pytest

from lockstep_sandbox.apiserver.errors import ApiError
from lockstep_sandbox.apiserver.patches import json_patch, merge_patch, strategic_patch
from lockstep_sandbox.apiserver.schema import types

POD = types().type("PodSpec")
SERVICE = types().type("ServiceSpec")
META = types().type("ObjectMeta")


def test_merge_patch_removes_nulls_and_replaces_lists():
    patch = {"a": {"b": None, "c": [2]}}
    assert merge_patch({"a": {"b": 1, "c": [1], "d": 3}}, patch) == {"a": {"c": [2], "d": 3}}


def test_json_patch_changes_a_copy_and_says_what_does_not_fit():
    before = {"a": [1]}
    assert json_patch(before, [{"op": "add", "path": "/a/-", "value": 2}]) == {"a": [1, 2]}
    assert before == {"a": [1]}
    with pytest.raises(ApiError) as failed:
        json_patch(before, [{"op": "test", "path": "/a/0", "value": 9}])
    assert failed.value.code == 422
    with pytest.raises(ApiError, match="list of operations"):
        json_patch(before, {"op": "add"})


def containers(*names):
    return {"containers": [{"name": n, "image": n} for n in names]}


def test_strategic_merge_by_key():
    patch = {"containers": [{"name": "b", "image": "new"}, {"name": "c"}]}
    merged = strategic_patch(containers("a", "b"), patch, POD)["containers"]
    assert [c["name"] for c in merged] == ["a", "b", "c"]
    assert merged[1]["image"] == "new"


def test_strategic_delete_replace_and_retain():
    deleted = strategic_patch(
        containers("a", "b"), {"containers": [{"name": "a", "$patch": "delete"}]}, POD
    )
    assert [c["name"] for c in deleted["containers"]] == ["b"]
    replaced = strategic_patch(
        containers("a"), {"containers": [{"$patch": "replace"}, {"name": "z"}]}, POD
    )
    assert replaced == {"containers": [{"name": "z"}]}
    volumes = {"volumes": [{"name": "v", "emptyDir": {}}]}
    kept = {"name": "v", "secret": {}, "$retainKeys": ["name", "secret"]}
    assert strategic_patch(volumes, {"volumes": [kept]}, POD)["volumes"] == [
        {"name": "v", "secret": {}}
    ]


def test_strategic_order_and_primitive_lists():
    order = {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}
    assert strategic_patch(containers("a", "b"), order, POD) == containers("b", "a")
    patch = {"$deleteFromPrimitiveList/finalizers": ["x"], "finalizers": ["y"]}
    assert strategic_patch({"finalizers": ["x"]}, patch, META) == {"finalizers": ["y"]}


def test_strategic_keeps_two_ports_of_one_number():
    ports = {"ports": [{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]}
    merged = strategic_patch(ports, {"ports": [{"port": 53, "name": "dns"}]}, SERVICE)["ports"]
    assert [(p["protocol"], p.get("name")) for p in merged] == [("TCP", "dns"), ("UDP", None)]


def test_strategic_needs_the_merge_key():
    with pytest.raises(ApiError, match="merge key"):
        strategic_patch(containers("a"), {"containers": [{"image": "x"}]}, POD)
    with pytest.raises(ApiError, match="Unknown patch type"):
        strategic_patch({}, {"$patch": "explode"}, POD)
