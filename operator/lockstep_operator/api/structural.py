"""Turn a pydantic model's JSON schema into a structural schema that a CRD accepts.

Kubernetes wants no $ref, no `title`, no null types, and bounds on everything that CEL can see:
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
"""

from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]

_DROPPED = ("title", "$defs", "const")
_UNBOUNDED_FREE_FORM = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING = "x-kubernetes-int-or-string"
# What the operator writes is stored as written: a default of a later build must not appear in it.
_WITHOUT_DEFAULTS = (("status",), ("spec", "content"))


class Unbounded(TypeError):
    """A field has no bound, so a real API server could refuse the CRD's CEL cost."""


def structural_schema(model: type[BaseModel]) -> Schema:
    """Return the schema of a whole API object.

    Raises:
        Unbounded: a string, list or map somewhere has no upper bound.
    """
    raw = model.model_json_schema(by_alias=True)
    schema = _convert(raw, raw.get("$defs", {}), "")
    for written_by_us in _WITHOUT_DEFAULTS:
        _drop_defaults(schema, written_by_us)
    header = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
    }
    schema["properties"] = header | schema["properties"]
    return schema


def _convert(schema: Schema, defs: dict[str, Schema], path: str) -> Schema:
    schema = _resolve(schema, defs)
    if schema.get(_INT_OR_STRING):
        return {key: value for key, value in schema.items() if key not in _DROPPED}
    out = {key: value for key, value in schema.items() if key not in _DROPPED}
    if schema.get("const") is not None:
        out["enum"] = [schema["const"]]
    if schema.get(_UNBOUNDED_FREE_FORM):
        out.pop("additionalProperties", None)
        return out
    if "properties" in schema:
        out["properties"] = {
            name: _convert(field, defs, f"{path}.{name}")
            for name, field in schema["properties"].items()
        }
    if isinstance(schema.get("additionalProperties"), dict):
        out["additionalProperties"] = _convert(schema["additionalProperties"], defs, f"{path}.*")
    elif schema.get("additionalProperties") is True:
        del out["additionalProperties"]  # the API server prunes what the schema does not name
    if "items" in schema:
        out["items"] = _convert(schema["items"], defs, f"{path}[]")
    _require_bounds(out, path)
    return out


def _resolve(schema: Schema, defs: dict[str, Schema]) -> Schema:
    """Inline a $ref or an optional type; what stands beside it wins over what it points to."""
    if schema.get(_INT_OR_STRING):
        return schema
    schema = dict(schema)
    if "anyOf" in schema:
        options = [option for option in schema.pop("anyOf") if option.get("type") != "null"]
        if len(options) != 1:
            raise TypeError(f"a CRD field has one type, not {options}")
        schema = _resolve(options[0], defs) | _without_null_default(schema)
    if "$ref" in schema:
        target = defs[schema.pop("$ref").rsplit("/", 1)[1]]
        schema = _resolve(target, defs) | schema
        if isinstance(schema.get("default"), dict):
            schema["default"] = {}  # the nested fields bring their own defaults
    return _without_null_default(schema)


def _without_null_default(schema: Schema) -> Schema:
    """Drop a default that says no more than absence does, and write whole numbers as such."""
    out = dict(schema)
    if out.get("default", ...) in (None, "", []):
        del out["default"]
    elif "default" in out:
        out["default"] = _whole_numbers(out["default"])
    return out


def _whole_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _drop_defaults(schema: Schema, path: tuple[str, ...]) -> None:
    """Remove every default below a property path, where the schema has that path."""
    for name in path:
        if name not in schema.get("properties", {}):
            return
        schema = schema["properties"][name]
    pending = [schema]
    while pending:
        current = pending.pop()
        current.pop("default", None)
        pending += [*current.get("properties", {}).values()]
        pending += [current[key] for key in ("items", "additionalProperties") if key in current]


def _require_bounds(schema: Schema, path: str) -> None:
    kind = schema.get("type")
    bounded = {
        "string": "maxLength" in schema or "enum" in schema,
        "array": "maxItems" in schema,
        "integer": "maximum" in schema and "minimum" in schema,
        "number": "maximum" in schema and "minimum" in schema,
        "object": "properties" in schema or "maxProperties" in schema,
    }
    if not bounded.get(str(kind), True):
        raise Unbounded(f"{path}: a {kind} without bounds")
