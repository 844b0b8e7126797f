"""The scale subresource of Deployments, ReplicaSets and of CRDs that declare it."""

from __future__ import annotations

from typing import Any

from lockstep_sandbox.apiserver.builtin.cells import labels_text
from lockstep_sandbox.apiserver.call import Answer, Call
from lockstep_sandbox.apiserver.cluster import Cluster
from lockstep_sandbox.apiserver.errors import FieldError, bad_request, invalid
from lockstep_sandbox.apiserver.jsonpath import first
from lockstep_sandbox.apiserver.patching import patch_type, patched
from lockstep_sandbox.apiserver.resources import Resource
from lockstep_sandbox.apiserver.schema import types
from lockstep_sandbox.apiserver.structural import clone
from lockstep_sandbox.apiserver.writes import existing, update_object

Json = Any
_PATHS = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
_META = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def serve(cluster: Cluster, call: Call) -> Answer:
    """GET, PUT or PATCH the scale of an object."""
    obj = existing(cluster, call)
    scale = of(obj, call.resource)
    if call.verb == "get":
        return Answer(scale)
    if call.verb == "update":
        asked = call.document()
    else:
        asked = patched(call, patch_type(call), scale, types().type("Scale"))
    replicas = (asked.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int):
        raise bad_request("spec.replicas must be an integer")
    if replicas < 0:
        why = "must be greater than or equal to 0"
        problem = FieldError("spec.replicas", "Invalid value", why, replicas)
        raise invalid("Scale", "autoscaling", call.name, [problem])
    new = clone(obj)
    _put(new, (call.resource.scale or _PATHS)["specReplicasPath"], replicas)
    if version := (asked.get("metadata") or {}).get("resourceVersion"):
        new["metadata"]["resourceVersion"] = version
    return Answer(of(update_object(cluster, call, obj, new), call.resource))


def of(obj: Json, resource: Resource) -> Json:
    """Return the Scale of an object."""
    paths = resource.scale or _PATHS
    meta = {k: obj["metadata"][k] for k in _META if k in obj["metadata"]}
    replicas = first(obj, paths["specReplicasPath"])
    status: Json = {"replicas": first(obj, paths["statusReplicasPath"]) or 0}
    if resource.scale:
        selector = first(obj, paths.get("labelSelectorPath") or ".none")
    else:
        selector = labels_text((obj["spec"].get("selector") or {}).get("matchLabels"))
    if selector:
        status["selector"] = selector
    spec = {"replicas": replicas} if replicas else {}
    head = {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": meta}
    return {**head, "spec": spec, "status": status}


def _put(obj: Json, path: str, value: int) -> None:
    *front, last = path.lstrip(".").split(".")
    for name in front:
        obj = obj.setdefault(name, {})
    obj[last] = value
