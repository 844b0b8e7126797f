"""Schemas: one form for built-in kinds (from builtin/types.yaml) and custom resources.

A schema is an OpenAPI v3 dict whose references are resolved to shared dicts; a built-in type keeps
its name under `TYPE`, so that openapi.py can print a `$ref` again.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

Schema = dict[str, Any]
TYPE = "x-type"
ANY: Schema = {"x-kubernetes-preserve-unknown-fields": True}
QUANTITY: Schema = {"x-kubernetes-int-or-string": True}
_BUILTIN = Path(__file__).parent / "builtin"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster, where it is there

_SCALARS: dict[str, Schema] = {
    "string": {"type": "string"},
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "number": {"type": "number"},
    "time": {"type": "string", "format": "date-time"},
    "microtime": {"type": "string", "format": "date-time"},
    "bytes": {"type": "string", "format": "byte"},
    "quantity": QUANTITY,
    "intstr": {"x-kubernetes-int-or-string": True},
    "any": ANY,
}
_FIELD = re.compile(r"(?P<name>\w+)(?P<required>!?)(?::(?P<type>[^=]+))?(?:=(?P<default>.*))?")


class TypeTable:
    """The built-in types, parsed when first asked for."""

    def __init__(self, source: dict[str, str]) -> None:
        self._source = source
        self.pointers = frozenset(source["$pointers"].split())
        self._types: dict[str, Schema] = {}

    def type(self, name: str) -> Schema:
        """Return the schema of a type of the table."""
        if name not in self._types:
            schema = self._types[name] = {"type": "object", TYPE: name}
            self._fill(schema, self._source[name].split())
        return self._types[name]

    def kind(self, name: str) -> Schema:
        """Return the schema of a whole object: the type with apiVersion, kind and metadata."""
        schema = self.type(name)
        string = {"type": "string"}
        head = {"apiVersion": string, "kind": string, "metadata": self.type("ObjectMeta")}
        schema["properties"] = {**head, **schema["properties"]}
        return schema

    def _fill(self, schema: Schema, fields: list[str]) -> None:
        if fields[:1] == ["@atomic"]:
            schema["x-kubernetes-map-type"] = "atomic"
            fields = fields[1:]
        properties = schema["properties"] = {}
        for field in fields:
            match = _FIELD.fullmatch(field)
            if match is None:
                raise ValueError(f"types.yaml: {schema[TYPE]}: cannot read {field!r}")
            found = self._parse(match["type"] or "string")
            if (default := match["default"]) is not None:
                found = {**found, "default": _default(default, found)}
            properties[match["name"]] = found
            if match["required"]:
                schema.setdefault("required", []).append(match["name"])

    def _parse(self, text: str) -> Schema:
        body, _, how = text.partition("/")
        if body[0] == "[":
            return {"type": "array", "items": self._parse(body[1:-1]), **_list_type(how)}
        if body[0] == "{":
            kind = {"x-kubernetes-map-type": how} if how else {}
            return {"type": "object", "additionalProperties": self._parse(body[1:-1]), **kind}
        return _SCALARS[body] if body in _SCALARS else self.type(body)


def _list_type(how: str) -> Schema:
    if how in ("", "set"):
        return {"x-kubernetes-list-type": how or "atomic"}
    keys = how.split(",")
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys}


def _default(text: str, schema: Schema) -> Any:
    plain = schema.get("type") == "string" and text != '""'
    return text if plain else json.loads(text)


def data(name: str) -> Any:
    """Return a data file of the package `builtin`."""
    return yaml.load((_BUILTIN / name).read_text("utf-8"), Loader=_LOADER)  # noqa: S506  safe


@cache
def types() -> TypeTable:
    """Return the table of the built-in types."""
    return TypeTable(data("types.yaml"))


def of_crd(root: Schema) -> Schema:
    """Complete a CRD's schema with what every object has: apiVersion, kind and metadata."""
    string = {"type": "string"}
    head = {"apiVersion": string, "kind": string, "metadata": types().type("ObjectMeta")}
    return {**root, "properties": {**root.get("properties", {}), **head}}


def child(schema: Schema, name: str) -> Schema | None:
    """Return the schema of a map's or struct's field; None when it is not declared."""
    if name in (properties := schema.get("properties", {})):
        found: Schema = properties[name]
        return found
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        return extra
    if extra is True or preserves(schema):
        return ANY
    return None


def preserves(schema: Schema) -> bool:
    """Tell whether undeclared fields are kept."""
    return bool(schema.get("x-kubernetes-preserve-unknown-fields"))


def is_atomic(schema: Schema, value: Any) -> bool:
    """Tell whether server-side apply treats a value as one leaf."""
    if isinstance(value, dict):
        return bool(schema.get("x-kubernetes-map-type") == "atomic")
    if isinstance(value, list):
        return bool(schema.get("x-kubernetes-list-type", "atomic") == "atomic")
    return True
