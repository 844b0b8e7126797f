"""PATCH in all its forms."""

from __future__ import annotations

from typing import Any

from lockstep_sandbox.apiserver import managed
from lockstep_sandbox.apiserver.bodies import admit_body
from lockstep_sandbox.apiserver.call import Answer, Call, unsupported
from lockstep_sandbox.apiserver.cluster import Cluster
from lockstep_sandbox.apiserver.errors import (
    ApiError,
    FieldError,
    bad_request,
    conflict,
    invalid,
    not_found,
)
from lockstep_sandbox.apiserver.patches import TYPES, json_patch, merge_patch, strategic_patch
from lockstep_sandbox.apiserver.present import shown
from lockstep_sandbox.apiserver.schema import Schema
from lockstep_sandbox.apiserver.structural import clone
from lockstep_sandbox.apiserver.typed import check_applied
from lockstep_sandbox.apiserver.writes import create_object, existing, update_object

Json = Any


def patch(cluster: Cluster, call: Call) -> Answer:
    """PATCH an object or its status."""
    how = patch_type(call)
    if how == "apply":
        return apply(cluster, call)
    old = existing(cluster, call)
    live = shown(old, call.resource)
    new = admit_body(call, patched(call, how, live, call.resource.schema), patched=True)
    if new["metadata"].get("name") != call.name:
        raise bad_request(
            f"the name of the object ({new['metadata'].get('name', '')}) does not match the name "
            f"on the URL ({call.name})"
        )
    return Answer(update_object(cluster, call, old, new))


def patch_type(call: Call) -> str:
    """Return json, merge, strategic or apply; raises ApiError 415 or 422."""
    how = TYPES.get(call.content_type, "")
    allowed = [t for t in TYPES if not (call.resource.custom and "strategic" in t)]
    if not how:
        raise ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
    if call.content_type not in allowed:
        raise unsupported(", ".join(allowed))
    problem = None
    if how == "apply" and not call.query.get("fieldManager"):
        why = "is required for apply patch"
        problem = FieldError("fieldManager", "Required value", why)
    if how != "apply" and call.flag("force"):
        problem = FieldError("force", "Forbidden", "may not be specified for non-apply patch")
    if problem:
        raise invalid("PatchOptions", "meta.k8s.io", "", [problem])
    return how


def patched(call: Call, how: str, old: Json, schema: Schema) -> Json:
    """Return a copy of an object with the body's patch applied."""
    body = call.document()
    if how == "json":
        return json_patch(old, body)
    if not isinstance(body, dict):
        raise bad_request("error decoding patch: a patch is an object")
    if how == "merge":
        return clone(merge_patch(old, body))
    return clone(strategic_patch(old, body, schema))


def apply(cluster: Cluster, call: Call) -> Answer:
    """Server-side apply; makes the object when it is absent."""
    config = call.document()
    resource = call.resource
    if not isinstance(config, dict) or not isinstance(config.get("metadata", {}), dict):
        raise bad_request("error decoding YAML: an applied configuration is an object")
    config = {**config, "metadata": {"name": call.name, **(config.get("metadata") or {})}}
    managed.check_apply(config, call.name)
    check_applied(call, config)
    old = cluster.store.get(resource.key, call.namespace, call.name)
    if old is None and call.sub:
        raise not_found(resource.name, resource.group, call.name)
    if old is None and (uid := config["metadata"].get("uid")):
        why = (
            f"uid mismatch: the provided object specified uid {uid}, and no existing object was "
            "found"
        )
        raise conflict(resource.name, resource.group, call.name, why)
    ignored = () if not call.sub else _all_but_status(resource.schema)
    if not call.sub and "status" in resource.sub:
        ignored = ("status",)
    empty = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": {}}
    live, force = shown(old, resource) if old else empty, call.flag("force")
    merged = managed.apply(
        managed.Application(live, config, resource.schema, call.manager(), force, ignored)
    )
    merged = admit_body(call, clone(merged), patched=True)
    if old is None:
        return Answer(create_object(cluster, call, merged), 201)
    return Answer(update_object(cluster, call, old, merged, applied=True))


def _all_but_status(schema: Schema) -> tuple[str, ...]:
    names = ("metadata", "spec", *schema.get("properties", {}))
    return tuple(n for n in dict.fromkeys(names) if n not in ("apiVersion", "kind", "status"))
