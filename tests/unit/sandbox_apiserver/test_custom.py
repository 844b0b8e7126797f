from dataclasses import replace

import pytest

from lockstep_sandbox.apiserver.cel import refusal
from lockstep_sandbox.apiserver.custom import validate_custom
from lockstep_sandbox.apiserver.errors import ApiError
from lockstep_sandbox.apiserver.resources import of_crd_versions


def resource(spec_schema):
    root = {"type": "object", "properties": {"spec": {"type": "object", **spec_schema}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": root}}
    names = {"plural": "widgets", "kind": "Widget"}
    crd = {"spec": {"group": "x.io", "scope": "Namespaced", "names": names, "versions": [version]}}
    return next(of_crd_versions(crd))


def problems(spec_schema, new, old=None):
    def obj(spec):
        return {"kind": "Widget", "metadata": {"name": "w"}, "spec": spec}

    before = None if old is None else obj(old)
    return [str(p) for p in validate_custom(resource(spec_schema), obj(new), before)]


SIZE = {"properties": {"size": {"type": "integer", "minimum": 1}}}


def test_errors_are_worded_as_a_real_server_does():
    assert problems(SIZE, {"size": 0}) == [
        "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"
    ]
    assert problems(SIZE, {"size": "x"}) == [
        'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"'
    ]
    assert problems({"required": ["size"], **SIZE}, {}) == ["spec.size: Required value"]
    enum = {"properties": {"mode": {"type": "string", "enum": ["A", "B"]}}}
    assert problems(enum, {"mode": "C"}) == [
        'spec.mode: Unsupported value: "C": supported values: "A", "B"'
    ]


def test_what_did_not_change_is_not_judged_again():
    schema = {"properties": {**SIZE["properties"], "note": {"type": "string"}}}
    assert problems(schema, {"size": 0, "note": "new"}, {"size": 0, "note": "old"}) == []
    assert problems(schema, {"size": -1}, {"size": 0})


def rule(text, **more):
    return {"x-kubernetes-validations": [{"rule": text, **more}]}


def test_rules_with_messages_paths_and_reasons():
    schema = {
        "properties": {"a": {"type": "integer"}},
        **rule("self.a < 5", messageExpression="'a is ' + string(self.a)", fieldPath=".a"),
    }
    assert problems(schema, {"a": 7}) == ["spec.a: Invalid value: a is 7"]
    schema |= rule("self.a < 5", message="no", reason="FieldValueForbidden")
    assert problems(schema, {"a": 7}) == ["spec: Forbidden: no"]
    assert problems(schema, {"a": 1}) == []


def test_transition_rules_need_an_old_value():
    frozen = {"properties": {"a": {"type": "string", **rule("self == oldSelf", message="fixed")}}}
    assert problems(frozen, {"a": "x"}) == []
    assert problems(frozen, {"a": "x"}, {}) == []
    assert problems(frozen, {"a": "y"}, {"a": "x"}) == ['spec.a: Invalid value: "y": fixed']
    assert problems(frozen, {}, {"a": "x"}) == []


def test_an_optional_old_self():
    grown = rule("oldSelf.hasValue() ? self >= oldSelf.value() : self == 1", optionalOldSelf=True)
    schema = {"properties": {"a": {"type": "integer", **grown}}}
    assert problems(schema, {"a": 1}) == []
    assert problems(schema, {"a": 2})
    assert problems(schema, {"a": 2}, {"a": 1}) == []


def test_numbers_are_doubles_and_list_maps_are_compared_by_key():
    steps = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["n"],
        "items": {
            "type": "object",
            "properties": {
                "n": {"type": "string"},
                "w": {"type": "number", **rule("self >= oldSelf"), "default": 0},
            },
        },
    }
    schema = {"properties": {"s": {**steps, **rule("self.map(s, s.w).isSorted()")}}}
    old = {"s": [{"n": "a", "w": 1}, {"n": "b", "w": 2.5}]}
    assert problems(schema, {"s": [{"n": "a", "w": 2}, {"n": "b", "w": 2.5}]}, old) == []
    assert problems(schema, {"s": [{"n": "b", "w": 2}, {"n": "a", "w": 3}]}, old) == [
        "spec.s[0].w: Invalid value: 2: failed rule: self >= oldSelf"
    ]


def test_a_rule_that_fails_to_run_is_an_error():
    schema = {"properties": {"a": {"type": "integer"}}, **rule("self.b == 1")}
    assert problems(schema, {"a": 1}) == [
        'spec: Invalid value: "object": no such key: b evaluating rule: self.b == 1'
    ]


def test_rules_are_checked_when_they_are_defined():
    assert refusal("self.size() > 1 && self.all(x, x.matches('^f(o+)$'))") == ""
    assert "compilation failed" in refusal("self +")
    with pytest.raises(ApiError, match="CEL function base64"):
        refusal("base64(self)")


def test_other_kinds_of_the_version_are_refused():
    found = resource(SIZE)
    other = {"kind": "Gadget", "metadata": {"name": "w"}, "spec": {}}
    assert [str(p) for p in validate_custom(replace(found), other, None)] == [
        'kind: Invalid value: "Gadget": must be Widget'
    ]
