"""Types of decoded bodies: what Go's decoder refuses in built-in kinds, and apply in all."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any

from lockstep_sandbox.apiserver.call import Call
from lockstep_sandbox.apiserver.errors import ApiError, bad_request
from lockstep_sandbox.apiserver.schema import Schema, child, preserves

Json = Any

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


def type_name(value: Json) -> str:
    """Return the OpenAPI name of a value's type."""
    if isinstance(value, bool):
        return "boolean"
    names = {str: "string", int: "integer", float: "number", list: "array", dict: "object"}
    return names.get(type(value), "null")


def fits(value: Json, wanted: str) -> bool:
    """Tell whether a value is of an OpenAPI type; 3.0 is an integer too."""
    if isinstance(value, bool):
        return wanted == "boolean"
    if wanted == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[wanted])


def check_typed(call: Call, obj: Json) -> None:
    """Raise ApiError 400 when a built-in object has a field of the wrong type."""
    resource = call.resource
    if resource.custom:
        return
    wrong = next(_mistyped(obj, resource.schema, ""), None)
    if wrong is not None:
        path, value, wanted = wrong
        kind = resource.kind
        raise bad_request(
            f'{kind} in version "{resource.version}" cannot be handled as a {kind}: json: cannot '
            f"unmarshal {_go(value)} into Go struct field {kind}{path} of type {wanted}"
        )


def _go(value: Json) -> str:
    return {"boolean": "bool", "integer": "number"}.get(type_name(value), type_name(value))


_GO_TYPES = {"integer": "int32", "boolean": "bool"}


def _mistyped(value: Json, schema: Schema, path: str) -> Iterator[tuple[str, Json, str]]:
    wanted = schema.get("type")
    if value is None or not wanted:
        if schema.get("x-kubernetes-int-or-string") and isinstance(value, (dict, list, bool)):
            yield path, value, "intstr.IntOrString"
        return
    if not fits(value, wanted) or (wanted == "integer" and isinstance(value, float)):
        yield path, value, _GO_TYPES.get(wanted, str(wanted))
    elif wanted == "object":
        for name, inner in value.items():
            if (found := child(schema, name)) is not None:
                yield from _mistyped(inner, found, f"{path}.{name}")
    elif wanted == "array":
        for item in value:
            yield from _mistyped(item, schema["items"], path)
    elif schema.get("format") == "byte" and not _is_base64(value):
        yield path, value, "[]uint8"


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def check_applied(call: Call, config: Json) -> None:
    """Raise ApiError 500, as a real server does, for a configuration that is off the schema."""
    problems = list(_off_schema(config, call.resource.schema, ""))
    if not problems:
        return
    resource = call.resource
    where = f"{call.namespace}/{call.name}" if call.resource.custom else f"/{call.name}"
    shown = f"({where}; {resource.group}/{resource.version}, Kind={resource.kind})"
    told = (
        problems[0] if len(problems) == 1 else "errors:\n" + "\n".join(f"  {p}" for p in problems)
    )
    raise ApiError(500, "", f"failed to create typed patch object {shown}: {told}")


def _off_schema(value: Json, schema: Schema, path: str) -> Iterator[str]:
    wanted = schema.get("type")
    if value is None or (not wanted and not schema.get("properties")):
        return
    wanted = wanted or "object"
    if not fits(value, wanted):
        expected = {"integer": "numeric", "number": "numeric", "object": "map", "array": "list"}
        shown = f"&value.valueUnstructured{{Value:{json.dumps(value)}}}"
        yield f"{path}: expected {expected.get(wanted, wanted)}, got {shown}"
    elif wanted == "object":
        for name, inner in value.items():
            found = child(schema, name)
            if found is not None:
                yield from _off_schema(inner, found, f"{path}.{name}")
            elif not preserves(schema):
                yield f"{path}.{name}: field not declared in schema"
    elif wanted == "array":
        for i, item in enumerate(value):
            yield from _off_schema(item, schema.get("items", {}), f"{path}[{i}]")
