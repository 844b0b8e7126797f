"""Create, replace, patch and apply: from the request's body to the stored object."""

from __future__ import annotations

from typing import Any

from lockstep_sandbox.apiserver import managed, metadata
from lockstep_sandbox.apiserver.bodies import admit_body
from lockstep_sandbox.apiserver.builtin.rules import RULES, Rules
from lockstep_sandbox.apiserver.call import Answer, Call
from lockstep_sandbox.apiserver.cluster import Cluster
from lockstep_sandbox.apiserver.custom import validate_custom
from lockstep_sandbox.apiserver.errors import (
    ApiError,
    FieldError,
    already_exists,
    bad_request,
    conflict,
    forbidden,
    invalid,
    not_found,
)
from lockstep_sandbox.apiserver.quantity import canonicalise
from lockstep_sandbox.apiserver.resources import Resource
from lockstep_sandbox.apiserver.structural import apply_defaults, clone, drop_empty

Json = Any


def create(cluster: Cluster, call: Call) -> Answer:
    """POST a new object."""
    obj = admit_body(call, call.document())
    return Answer(create_object(cluster, call, obj), 201)


def create_object(cluster: Cluster, call: Call, obj: Json) -> Json:
    """Store a new object that was decoded; it may already carry managedFields of an apply."""
    resource = call.resource
    _check_place(cluster, call, obj)
    _tidy(resource, obj)
    metadata.stamp(obj, call.namespace)
    if _has_generation(resource):
        obj["metadata"]["generation"] = 1
    else:
        obj["metadata"].pop("generation", None)
    name = obj["metadata"].get("name", "")
    if cluster.store.get(resource.key, call.namespace, name):
        raise already_exists(resource.name, resource.group, name)
    rules = _rules(resource)
    if "status" in resource.sub and not rules.status_at_birth:
        obj.pop("status", None)
    _default(resource, obj)
    rules.prepare(cluster, obj, None)
    if call.manager().operation == "Update":
        managed.update(resource.zero or {}, obj, resource.schema, call.manager())
    try:
        _validate(cluster, call, obj, None)
    except ApiError:
        rules.release(cluster, obj)
        raise
    if call.dry_run:
        rules.release(cluster, obj)
        return obj
    return cluster.store.put(resource.key, obj)


def replace(cluster: Cluster, call: Call) -> Answer:
    """PUT an object."""
    new = admit_body(call, call.document())
    if call.name != (given := new["metadata"].get("name", "")):
        raise bad_request(
            f"the name of the object ({given}) does not match the name on the URL ({call.name})"
        )
    old = existing(cluster, call)
    if call.resource.custom and not new["metadata"].get("resourceVersion"):
        problem = FieldError(
            "metadata.resourceVersion", "Invalid value", "must be specified for an update", 0
        )
        raise invalid(call.resource.name, call.resource.group, call.name, [problem])
    return Answer(update_object(cluster, call, old, new))


def existing(cluster: Cluster, call: Call) -> Json:
    """Return the object of the URL; raises ApiError 404."""
    found = cluster.store.get(call.resource.key, call.namespace, call.name)
    if found is None:
        raise not_found(call.resource.name, call.resource.group, call.name)
    return found


def _check_place(cluster: Cluster, call: Call, obj: Json) -> None:
    if not call.resource.namespaced or not call.namespace:
        return
    space = cluster.get("namespaces", "", call.namespace)
    if space is None:
        raise not_found("namespaces", "", call.namespace)
    if space["metadata"].get("deletionTimestamp"):
        name = obj["metadata"].get("name", "")
        why = (
            f"unable to create new content in namespace {call.namespace} because it is being "
            "terminated"
        )
        error = forbidden(call.resource.name, call.resource.group, name, why)
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {call.namespace} is being terminated",
            "field": "metadata.namespace",
        }
        error.details["causes"] = [cause]
        raise error


def update_object(
    cluster: Cluster, call: Call, old: Json, new: Json, *, applied: bool = False
) -> Json:
    """Store a changed object; `applied`: its managedFields are already right.

    Returns the stored object; the old one when nothing changed.
    """
    resource, ignored = call.resource, _ignored(call)
    _check_version(call, old, new)
    for name in ignored:
        _reset(new, old, name)
    _keep_server_fields(new, old)
    _tidy(resource, new)
    _default(resource, new)
    rules = _rules(resource)
    rules.prepare(cluster, new, old)
    if not applied:
        managed.update(old, new, resource.schema, call.manager(), ignored)
    if _has_generation(resource) and call.sub != "status":
        new["metadata"]["generation"] = old["metadata"].get("generation", 0) + _changed(new, old)
    _validate(cluster, call, new, old)
    if _same(new, old):
        return old
    if call.dry_run:
        return new
    if _is_over(new["metadata"]) and rules.may_go(new):
        rules.release(cluster, new)
        cluster.store.remove(resource.key, old)  # the event carries the state before
        return new
    return cluster.store.put(resource.key, new)


def _is_over(meta: Json) -> bool:
    """Tell whether a deleted object has nothing left that holds it."""
    return meta.get("deletionGracePeriodSeconds") == 0 and not meta.get("finalizers")


def _check_version(call: Call, old: Json, new: Json) -> None:
    resource, meta = call.resource, new["metadata"]
    uid, known = meta.get("uid") or old["metadata"]["uid"], old["metadata"]["uid"]
    if uid != known and call.verb == "update":
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {known}"
        raise conflict(resource.name, resource.group, call.name, why)
    if uid != known:
        problem = FieldError("metadata.uid", "Invalid value", "field is immutable", uid)
        raise invalid(resource.kind, resource.group, call.name, [problem])
    version = meta.get("resourceVersion")
    if version and version != old["metadata"]["resourceVersion"]:
        raise conflict(resource.name, resource.group, call.name)


def _ignored(call: Call) -> tuple[str, ...]:
    """Return the top-level fields that a write to this (sub)resource does not persist."""
    if call.sub == "status":
        rest = (*call.resource.schema.get("properties", {}), "spec", "metadata")
        return tuple(n for n in dict.fromkeys(rest) if n not in ("apiVersion", "kind", "status"))
    return ("status",) if "status" in call.resource.sub else ()


def _reset(new: Json, old: Json, name: str) -> None:
    if name == "metadata":
        own = (
            ("managedFields", "annotations") if new["kind"] == "Deployment" else ("managedFields",)
        )
        kept = {k: v for k, v in new["metadata"].items() if k in own}
        new["metadata"] = {**old["metadata"], **kept}
    elif name in old:
        new[name] = clone(old[name])
    else:
        new.pop(name, None)


def _keep_server_fields(new: Json, old: Json) -> None:
    meta, before = new["metadata"], old["metadata"]
    kept = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "selfLink")
    for name in (*kept, "deletionGracePeriodSeconds", "resourceVersion"):
        if name in before:
            meta[name] = before[name]
        else:
            meta.pop(name, None)


def _tidy(resource: Resource, obj: Json) -> None:
    if resource.custom:
        drop_empty(obj["metadata"], resource.schema["properties"]["metadata"])
    else:
        drop_empty(obj, resource.schema)
        canonicalise(obj, resource.schema)


def _default(resource: Resource, obj: Json) -> None:
    if obj["kind"] == resource.kind:
        apply_defaults(obj, resource.schema)


def _has_generation(resource: Resource) -> bool:
    return resource.custom or resource.kind in _GENERATIONS


_GENERATIONS = {
    "Deployment",
    "ReplicaSet",
    "PodDisruptionBudget",
    "CustomResourceDefinition",
    "Pod",
    "HorizontalPodAutoscaler",
    "EndpointSlice",
}


def _changed(new: Json, old: Json) -> bool:
    """Tell whether the desired state differs: anything but metadata and status."""

    def desired(obj: Json) -> Json:
        noted = obj["metadata"].get("annotations") if obj["kind"] == "Deployment" else None
        return noted, {k: v for k, v in obj.items() if k not in _UNDESIRED}

    return bool(desired(new) != desired(old))


_UNDESIRED = ("metadata", "status", "apiVersion")


def _same(new: Json, old: Json) -> bool:
    def plain(obj: Json) -> Json:
        fields = obj["metadata"].get("managedFields") or []
        timeless = [{**f, "time": None} for f in fields]
        return {**obj, "metadata": {**obj["metadata"], "managedFields": timeless}}

    return bool(plain(new) == plain(old))


def _rules(resource: Resource) -> Rules:
    return RULES.get(resource.key, Rules()) if not resource.custom else Rules()


def _validate(cluster: Cluster, call: Call, new: Json, old: Json | None) -> None:
    resource = call.resource
    problems = list(metadata.problems_of(resource, new, old))
    if resource.custom:
        problems += validate_custom(resource, new, old)
    else:
        problems += _rules(resource).validate(cluster, new, old)
    if problems:
        name = new["metadata"].get("name", "")
        raise invalid(new["kind"], resource.group, name, problems)
