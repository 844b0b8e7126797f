"""Encode answers the way a client asked: JSON, metadata only, or a table."""

from __future__ import annotations

import json
from typing import Any

from lockstep_sandbox.apiserver.builtin.events import of_core
from lockstep_sandbox.apiserver.call import Call
from lockstep_sandbox.apiserver.errors import ApiError
from lockstep_sandbox.apiserver.resources import Resource
from lockstep_sandbox.apiserver.tables import table

Json = Any
PARTIAL = "meta.k8s.io/v1"


def wanted_form(accept: str) -> str:
    """Return Table, PartialObjectMetadata(List) or "" for plain JSON; raises ApiError 406."""
    for choice in (accept or "*/*").split(","):
        media, *parameters = (part.strip() for part in choice.split(";"))
        options = dict(p.split("=", 1) for p in parameters if "=" in p)
        if media in ("application/json", "application/*", "*/*", "application/yaml"):
            form = options.get("as", "")
            if form in ("", "Table") or form.startswith("PartialObjectMetadata"):
                return form
    kinds = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    message = f"only the following media types are accepted: {kinds}"
    raise ApiError(406, "NotAcceptable", message, {})


def shown(obj: Json, resource: Resource) -> Json:
    """Return an object in the version and words of the resource it was asked for."""
    if "items" in obj:
        return {**obj, "items": [_item(item, resource) for item in obj["items"]]}
    if obj.get("kind") == resource.kind or resource.custom:
        return _versioned(obj, resource)
    return obj


def _versioned(obj: Json, resource: Resource) -> Json:
    if obj.get("kind") != resource.kind:
        return obj
    if resource.group == "events.k8s.io":
        obj = of_core(obj)
    if obj.get("apiVersion") != resource.api_version:
        obj = {**obj, "apiVersion": resource.api_version}
    return obj


def _item(obj: Json, resource: Resource) -> Json:
    obj = _versioned(obj, resource)
    if resource.custom:
        return obj
    return {k: v for k, v in obj.items() if k not in ("kind", "apiVersion")}


def encode(body: Json, call: Call) -> Json:
    """Return a successful answer's body in the form that the client prefers."""
    form = wanted_form(call.headers.get("Accept", ""))
    if body.get("kind") in ("Status", "Scale") or not form or call.sub not in ("", "status"):
        return shown(body, call.resource)
    if form == "Table":
        include = call.query.get("includeObject", "Metadata")
        return table(body, call.resource, include)
    return partial(body)


def partial(body: Json) -> Json:
    """Return the metadata of an object, or of a list's items."""
    if "items" in body:
        kind = {"kind": "PartialObjectMetadataList", "apiVersion": PARTIAL}
        return {**kind, "metadata": body["metadata"], "items": [partial(i) for i in body["items"]]}
    return {"kind": "PartialObjectMetadata", "apiVersion": PARTIAL, "metadata": body["metadata"]}


def warnings(told: list[str]) -> list[str]:
    """Return Warning header values."""
    return ["299 - " + json.dumps(text, ensure_ascii=False) for text in told]
