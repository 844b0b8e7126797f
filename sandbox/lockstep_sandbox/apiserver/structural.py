"""Prune, default and tidy objects by their schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lockstep_sandbox.apiserver.schema import ANY, Schema, child, preserves, types

Json = Any


def clone(value: Json) -> Json:
    """Copy a JSON value deeply (several times faster than copy.deepcopy)."""
    if isinstance(value, dict):
        return {k: clone(v) for k, v in value.items()}
    if isinstance(value, list):
        return [clone(v) for v in value]
    return value


def prune(value: Json, schema: Schema, path: str = "") -> list[str]:
    """Remove undeclared fields in place; return their paths, like `spec.steps[0].wieght`."""
    return list(_prune(value, schema, path))


def _prune(value: Json, schema: Schema, path: str) -> Iterator[str]:
    if schema is ANY:
        return
    if isinstance(value, list) and (items := schema.get("items")):
        for i, item in enumerate(value):
            yield from _prune(item, items, f"{path}[{i}]")
    if not isinstance(value, dict):
        return
    if schema.get("x-kubernetes-embedded-resource"):
        schema = {**schema, "properties": {**_EMBEDDED, **schema.get("properties", {})}}
    for name in sorted(value):
        where = f"{path}.{name}" if path else name
        if (found := child(schema, name)) is not None:
            yield from _prune(value[name], found, where)
        elif schema.get("x-kubernetes-int-or-string") is None:
            del value[name]
            yield where


_EMBEDDED: dict[str, Schema] = {"apiVersion": {}, "kind": {}, "metadata": ANY}


def apply_defaults(value: Json, schema: Schema) -> None:
    """Fill in defaults in place, only inside what exists; nulls that may not be are dropped."""
    if isinstance(value, dict):
        for name, found in schema.get("properties", {}).items():
            if "default" in found and _missing(value, name, found):
                value[name] = clone(found["default"])
        for name, inner in list(value.items()):
            declared = child(schema, name)
            if declared is None or declared is ANY:
                continue
            free = preserves(declared) and "type" not in declared
            if inner is None and not declared.get("nullable") and not free:
                del value[name]
            else:
                apply_defaults(inner, declared)
    elif isinstance(value, list) and (items := schema.get("items")):
        for item in value:
            apply_defaults(item, items)


def _missing(value: dict[str, Json], name: str, schema: Schema) -> bool:
    return name not in value or (value[name] is None and not schema.get("nullable"))


def drop_empty(value: Json, schema: Schema) -> None:
    """Remove what Go's types of built-in kinds do not write out.

    These are nulls, empty lists and maps, and zeros of fields that are no pointers.
    """
    if isinstance(value, list):
        for item in value:
            drop_empty(item, schema.get("items", ANY))
    if not isinstance(value, dict) or preserves(schema):
        return
    for name in list(value):
        found, inner = child(schema, name) or ANY, value[name]
        unset = inner is None or (_collection(found) and not inner)
        if unset or (inner in _ZEROS and _is_plain(name, found, schema)):
            del value[name]
        else:
            drop_empty(inner, found)


def _collection(schema: Schema) -> bool:
    return schema.get("type") == "array" or "additionalProperties" in schema


def _is_plain(name: str, found: Schema, parent: Schema) -> bool:
    """Tell whether a field is a scalar that Go leaves out when it is zero."""
    declared = name in parent.get("properties", {}) and name not in parent.get("required", ())
    return declared and found.get("type") in _SCALARS and name not in types().pointers


_ZEROS = ("", 0, False)
_SCALARS = ("string", "integer", "boolean")
