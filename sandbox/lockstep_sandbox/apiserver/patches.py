"""The patch formats: JSON patch, merge patch, strategic merge patch."""

from __future__ import annotations

from collections import deque
from typing import Any

import jsonpatch
import jsonpointer

from lockstep_sandbox.apiserver.errors import ApiError, bad_request
from lockstep_sandbox.apiserver.schema import ANY, Schema, child
from lockstep_sandbox.apiserver.structural import clone

Json = Any
TYPES = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    "application/apply-patch+yaml": "apply",
}
_DIRECTIVES = ("$patch", "$retainKeys")
_ORDER, _DELETE = "$setElementOrder/", "$deleteFromPrimitiveList/"


def json_patch(obj: Json, operations: Json) -> Json:
    """Apply RFC 6902 operations; raises ApiError 422 when one does not fit."""
    if not isinstance(operations, list):
        raise bad_request("error decoding patch: a JSON patch is a list of operations")
    try:
        return jsonpatch.JsonPatch(operations).apply(clone(obj))
    except (
        jsonpatch.JsonPatchConflict,
        jsonpatch.JsonPatchTestFailed,
        jsonpointer.JsonPointerException,
    ) as error:
        message = f"the server rejected our request due to an error in our request: {error}"
        raise ApiError(422, "Invalid", message, {}) from error
    except jsonpatch.JsonPatchException as error:
        raise bad_request(f"error decoding patch: {error}") from error


def merge_patch(value: Json, patch: Json) -> Json:
    """Apply an RFC 7386 merge patch."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(value) if isinstance(value, dict) else {}
    for name, change in patch.items():
        if change is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), change)
    return merged


def strategic_patch(value: Json, patch: Json, schema: Schema) -> Json:
    """Apply a strategic merge patch to a map; raises ApiError 400 for a bad directive."""
    match patch.get("$patch"):
        case "replace":
            return {k: v for k, v in patch.items() if k not in _DIRECTIVES}
        case "delete":
            return {}
        case None | "merge":
            pass
        case other:
            raise bad_request(f"Unknown patch type found: {other}")
    merged = dict(value) if isinstance(value, dict) else {}
    if (kept := patch.get("$retainKeys")) is not None:
        merged = {k: v for k, v in merged.items() if k in kept}
    for name, change in patch.items():
        if name not in _DIRECTIVES:
            _patch_field(merged, name, change, schema, patch)
    return merged


def _patch_field(
    merged: dict[str, Json], name: str, change: Json, schema: Schema, patch: dict[str, Json]
) -> None:
    if name.startswith(_ORDER):
        if (field := name.removeprefix(_ORDER)) not in patch and field in merged:
            found = child(schema, field) or ANY
            live = merged[field]
            merged[field] = _ordered(live, change, _merge_key(found), live)
    elif name.startswith(_DELETE):
        field = name.removeprefix(_DELETE)
        merged[field] = [v for v in merged.get(field) or [] if v not in change]
    elif change is None:
        merged.pop(name, None)
    else:
        found = child(schema, name) or ANY
        merged[name] = _patch_value(merged.get(name), change, found, patch.get(_ORDER + name))


def _patch_value(value: Json, change: Json, schema: Schema, order: Json) -> Json:
    if isinstance(change, dict):
        return strategic_patch(value, change, schema)
    key = _merge_key(schema)
    if not isinstance(change, list) or key is None:
        return change
    current = value if isinstance(value, list) else []
    if key == "":
        merged = [*current, *(v for v in change if v not in current)]
    else:
        merged = _patch_keyed(current, change, key, schema["items"])
    return _ordered(merged, change if order is None else order, key, current)


def _merge_key(schema: Schema) -> str | None:
    """Return the key that merges a list's items: "" for a set, None for a list that is replaced."""
    match schema.get("x-kubernetes-list-type"):
        case "map":
            return str(schema["x-kubernetes-list-map-keys"][0])
        case "set":
            return ""
    return None


def _patch_keyed(current: list[Json], change: list[Json], key: str, items: Schema) -> list[Json]:
    if any(entry.get("$patch") == "replace" for entry in change):
        return [entry for entry in change if "$patch" not in entry]
    merged = list(current)  # the key may occur twice: a port in TCP and UDP
    for entry in change:
        if key not in entry:
            raise bad_request(f"map: {entry} does not contain declared merge key: {key}")
        found = next((i for i, v in enumerate(merged) if v.get(key) == entry[key]), None)
        if entry.get("$patch") == "delete":
            merged = [v for v in merged if v.get(key) != entry[key]]
        elif found is None:
            merged.append(strategic_patch({}, entry, items))
        else:
            merged[found] = strategic_patch(merged[found], entry, items)
    return merged


def _ordered(
    values: list[Json], order: list[Json], key: str | None, live: list[Json]
) -> list[Json]:
    """Put patched items in the order asked for; the others stay before those they preceded."""

    def identity(value: Json) -> Json:
        return value.get(key) if key and isinstance(value, dict) else value

    wanted = {identity(entry): i for i, entry in reversed(list(enumerate(order)))}
    places = {identity(item): i for i, item in enumerate(live)}
    asked = sorted((v for v in values if identity(v) in wanted), key=lambda v: wanted[identity(v)])
    rest = deque(v for v in values if identity(v) not in wanted)
    merged = []
    for item in asked:
        place = places.get(identity(item), -1)
        while rest and places.get(identity(rest[0]), -1) < place:
            merged.append(rest.popleft())
        merged.append(item)
    return [*merged, *rest]
