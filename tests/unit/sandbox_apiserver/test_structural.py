from lockstep_sandbox.apiserver.schema import types
from lockstep_sandbox.apiserver.structural import apply_defaults, clone, drop_empty, prune

SCHEMA = {
    "type": "object",
    "properties": {
        "size": {"type": "integer", "default": 3},
        "note": {"type": "string", "nullable": True, "default": "x"},
        "inner": {"type": "object", "properties": {"deep": {"type": "boolean", "default": True}}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "items": {"type": "array", "items": {"type": "object", "properties": {"a": {}}}},
    },
}


def test_pruning_names_what_it_takes():
    value = {"size": 1, "bogus": 1, "free": {"any": 1}, "items": [{"a": 1, "b": 2}]}
    assert prune(value, SCHEMA) == ["bogus", "items[0].b"]
    assert value == {"size": 1, "free": {"any": 1}, "items": [{"a": 1}]}


def test_defaults_go_only_where_a_parent_is():
    value = {"note": None, "size": None}
    apply_defaults(value, SCHEMA)
    assert value == {"note": None, "size": 3}
    value = {"inner": {}}
    apply_defaults(value, SCHEMA)
    assert value == {"inner": {"deep": True}, "size": 3, "note": "x"}


def test_a_null_that_may_not_be_is_dropped():
    value = {"inner": None, "free": None}
    apply_defaults(value, SCHEMA)
    assert "inner" not in value
    assert "free" not in value


def test_what_go_does_not_write_is_dropped():
    spec = {"replicas": 0, "minReadySeconds": 0, "paused": False, "template": {"metadata": {}}}
    spec["template"]["spec"] = {"containers": [{"name": "a", "args": [], "resources": {}}]}
    drop_empty(spec, types().type("DeploymentSpec"))
    container = {"name": "a", "resources": {}}
    assert spec == {
        "replicas": 0,
        "template": {"metadata": {}, "spec": {"containers": [container]}},
    }


def test_a_clone_shares_nothing():
    value = {"a": [{"b": 1}]}
    copy = clone(value)
    copy["a"][0]["b"] = 2
    assert value == {"a": [{"b": 1}]}
