"""DELETE and deletecollection: preconditions, finalizers, propagation, grace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from lockstep_sandbox.apiserver.builtin.rules import RULES, Rules
from lockstep_sandbox.apiserver.call import Answer, Call
from lockstep_sandbox.apiserver.clock import SECONDS
from lockstep_sandbox.apiserver.cluster import Cluster
from lockstep_sandbox.apiserver.errors import FieldError, bad_request, conflict, invalid
from lockstep_sandbox.apiserver.reads import selected
from lockstep_sandbox.apiserver.resources import Resource
from lockstep_sandbox.apiserver.structural import clone
from lockstep_sandbox.apiserver.writes import existing

Json = Any
FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
_POLICIES = {"Foreground": FOREGROUND, "Orphan": ORPHAN, "Background": ""}


def delete(cluster: Cluster, call: Call) -> Answer:
    """DELETE one object."""
    options = call.delete_options()
    _check_policy(options)
    obj = existing(cluster, call)
    _check_preconditions(call, obj, options.get("preconditions") or {})
    left = remove(cluster, call.resource, obj, options, dry_run=call.dry_run)
    if left is not None or call.resource.kind == "Pod":
        return Answer(left or obj)
    return Answer(success(call.resource, obj))


def success(resource: Resource, obj: Json) -> Json:
    """Return the Status that says an object is gone."""
    meta = obj["metadata"]
    details = {"name": meta["name"], "kind": resource.name, "uid": meta["uid"]}
    if resource.group:
        details["group"] = resource.group
    head = {"kind": "Status", "apiVersion": "v1", "metadata": {}}
    return {**head, "status": "Success", "details": details}


def delete_collection(cluster: Cluster, call: Call) -> Answer:
    """DELETE all objects that the selectors choose."""
    options = call.delete_options()
    _check_policy(options)
    found = selected(cluster, call)
    for obj in found:
        remove(cluster, call.resource, obj, options, dry_run=call.dry_run)
    meta = {"resourceVersion": str(cluster.store.version)}
    kind, version = call.resource.list_kind, call.resource.api_version
    return Answer({"kind": kind, "apiVersion": version, "metadata": meta, "items": found})


def _check_policy(options: Json) -> None:
    policy = options.get("propagationPolicy")
    if policy and policy not in _POLICIES:
        why = 'supported values: "Foreground", "Background", "Orphan", "nil"'
        problem = FieldError("propagationPolicy", "Unsupported value", why, policy)
        raise invalid("DeleteOptions", "meta.k8s.io", "", [problem])
    if policy and options.get("orphanDependents") is not None:
        raise bad_request("orphanDependents and deletionPropagation cannot be both set")


def _check_preconditions(call: Call, obj: Json, wanted: Json) -> None:
    meta = obj["metadata"]
    names = {"uid": "UID", "resourceVersion": "ResourceVersion"}
    for name, shown in names.items():
        if wanted.get(name) and wanted[name] != meta[name]:
            why = (
                f"the {shown} in the precondition ({wanted[name]}) does not match the {shown} in "
                f"record ({meta[name]}). The object might have been deleted and then recreated"
            )
            error = conflict(call.resource.name, call.resource.group, call.name, why)
            error.details["kind"] = call.resource.kind
            raise error


def remove(
    cluster: Cluster, resource: Resource, obj: Json, options: Json, *, dry_run: bool = False
) -> Json | None:
    """Delete an object or begin to; return it while something holds it, None when it is gone."""
    rules = Rules() if resource.custom else RULES.get(resource.key, Rules())
    new = clone(obj)
    meta = new["metadata"]
    finalizers = _finalizers(meta, options)
    grace = _grace(resource, new, options)
    if not finalizers and grace == 0 and rules.may_go(new):
        if not dry_run:
            rules.release(cluster, new)
            cluster.store.remove(resource.key, new)
        return None
    if not _mark(meta, finalizers, grace):
        return obj
    if resource.key == "namespaces":
        new["status"] = {**(new.get("status") or {}), "phase": "Terminating"}
    return new if dry_run else cluster.store.put(resource.key, new)


def _finalizers(meta: Json, options: Json) -> list[str]:
    """Return an object's finalizers with the one that the propagation policy adds."""
    policy = options.get("propagationPolicy")
    if options.get("orphanDependents"):
        policy = "Orphan"
    found = list(meta.get("finalizers") or ())
    if policy:
        found = [f for f in found if f not in (FOREGROUND, ORPHAN)]
    return [*found, _POLICIES[policy]] if policy and _POLICIES[policy] else found


def _grace(resource: Resource, obj: Json, options: Json) -> int:
    """Return the seconds that an object has left; only a scheduled pod has any."""
    if resource.kind != "Pod" or resource.group:
        return 0
    if not obj["spec"].get("nodeName") or obj["status"].get("phase") in ("Succeeded", "Failed"):
        return 0
    asked = options.get("gracePeriodSeconds")
    default = obj["spec"].get("terminationGracePeriodSeconds", 30)
    grace = int(default if asked is None else asked)
    previous = obj["metadata"].get("deletionGracePeriodSeconds")
    return grace if previous is None else min(grace, previous)


def _mark(meta: Json, finalizers: list[str], grace: int) -> bool:
    """Write the deletion into metadata; return False when that changes nothing."""
    shortened = meta.get("deletionGracePeriodSeconds", grace) != grace
    if meta.get("deletionTimestamp") and not shortened:
        if finalizers == (meta.get("finalizers") or []):
            return False
    else:
        at = datetime.now(UTC) + timedelta(seconds=grace)
        meta["deletionTimestamp"] = at.strftime(SECONDS)
        meta["deletionGracePeriodSeconds"] = grace
        if "generation" in meta:
            meta["generation"] += 1
    if finalizers:
        meta["finalizers"] = finalizers
    else:
        meta.pop("finalizers", None)
    return True
