"""OpenAPI v3: the index and one document per group version.

Enough for `kubectl explain`, `apply` and `diff`: schemas, and patch operations that name
`fieldValidation` and `fieldManager`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from lockstep_sandbox.apiserver.discovery import groups
from lockstep_sandbox.apiserver.resources import Registry, Resource
from lockstep_sandbox.apiserver.schema import QUANTITY, TYPE, Schema

Json = Any
_REF = "#/components/schemas/"
_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": True}}
    for name, kind in (
        ("dryRun", "string"),
        ("fieldManager", "string"),
        ("fieldValidation", "string"),
        ("force", "boolean"),
    )
]
_GVK = "x-kubernetes-group-version-kind"


def index(registry: Registry) -> Json:
    """Return the list of documents."""
    paths = {}
    for group, versions in groups(registry).items():
        for version in versions:
            path = f"apis/{group}/{version}" if group else f"api/{version}"
            body = json.dumps(document(registry, group, version), sort_keys=True)
            mark = hashlib.sha512(body.encode()).hexdigest().upper()
            paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={mark}"}
    return {"paths": paths}


def document(registry: Registry, group: str, version: str) -> Json:
    """Return the OpenAPI document of a group version."""
    schemas: dict[str, Json] = {}
    paths: dict[str, Json] = {}
    for resource in registry.within(group, version):
        name = _name(resource)
        schemas[name] = _component(resource.schema, schemas)
        schemas[name][_GVK] = [_gvk(resource)]
        paths |= _paths(resource, name)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.36.0"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _gvk(resource: Resource) -> Json:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _name(resource: Resource) -> str:
    group = ".".join(reversed(resource.group.split("."))) or "io.k8s.api.core"
    return f"{group}.{resource.version}.{resource.kind}"


def _component(schema: Schema, schemas: dict[str, Json]) -> Json:
    """Return a schema for printing; named types inside go to `schemas` and become references."""
    if schema is QUANTITY:
        return {"type": "string"}
    found = {k: v for k, v in schema.items() if k not in (TYPE, "default", *_INNER)}
    for name, inner in schema.get("properties", {}).items():
        found.setdefault("properties", {})[name] = _reference(inner, schemas)
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            found[name] = _reference(schema[name], schemas)
    if schema.get("x-kubernetes-int-or-string") and "type" not in schema:
        found |= {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]}
    if schema.get("x-kubernetes-list-type") == "map":
        found["x-kubernetes-patch-merge-key"] = schema["x-kubernetes-list-map-keys"][0]
        found["x-kubernetes-patch-strategy"] = "merge"
    return found


_INNER = ("properties", "items", "additionalProperties")


def _reference(schema: Schema, schemas: dict[str, Json]) -> Json:
    if TYPE not in schema:
        extra = {"default": schema["default"]} if "default" in schema else {}
        return {**_component(schema, schemas), **extra}
    name = f"io.k8s.{schema[TYPE]}"
    if name not in schemas:
        schemas[name] = {}  # types may hold themselves
        schemas[name] = _component(schema, schemas)
    return {"allOf": [{"$ref": _REF + name}], "description": schema.get("description", "")}


def _paths(resource: Resource, name: str) -> dict[str, Json]:
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else "/api/v1"
    scope = "/namespaces/{namespace}" if resource.namespaced else ""
    body = {"application/json": {"schema": {"$ref": _REF + name}}}
    answer = {"200": {"description": "OK", "content": body}}

    def operation(action: str, **more: Json) -> Json:
        marks = {"x-kubernetes-action": action, _GVK: _gvk(resource)}
        return {"responses": answer, **marks, **more}

    one = {"get": operation("get"), "delete": operation("delete")}
    one |= {
        verb: operation(verb, parameters=_PARAMETERS, requestBody={"content": body})
        for verb in ("put", "patch")
    }
    many = {
        "get": operation("list"),
        "post": operation("post", parameters=_PARAMETERS, requestBody={"content": body}),
    }
    path = f"{root}{scope}/{resource.name}"
    return {path: many, f"{path}/{{name}}": one}
