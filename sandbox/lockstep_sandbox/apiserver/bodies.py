"""Check decoded bodies: the right kind, namespace and types; unknown fields by fieldValidation."""

from __future__ import annotations

from typing import Any

from lockstep_sandbox.apiserver.builtin.events import to_core
from lockstep_sandbox.apiserver.call import Call
from lockstep_sandbox.apiserver.errors import FieldError, bad_request, invalid
from lockstep_sandbox.apiserver.structural import prune
from lockstep_sandbox.apiserver.typed import check_typed

Json = Any


def admit_body(call: Call, obj: Json, *, patched: bool = False) -> Json:
    """Return a decoded body ready to be stored: of the URL's kind, without unknown fields.

    `patched`: it is an object that a patch was applied to. Raises ApiError.
    """
    if not isinstance(obj, dict) or not isinstance(obj.get("metadata") or {}, dict):
        raise bad_request("the object provided is unrecognized")
    resource = call.resource
    kind = obj.get("kind") or resource.kind
    version = obj.get("apiVersion") or resource.api_version
    head = {"kind": kind, "apiVersion": version, "metadata": dict(obj.get("metadata") or {})}
    obj = {**obj, **head}
    if version != resource.api_version:
        raise bad_request(
            f"the API version in the data ({version}) does not match the expected API version "
            f"({resource.api_version})"
        )
    if kind != resource.kind and not resource.custom:
        short = resource.version
        raise bad_request(
            f'{kind} in version "{short}" cannot be handled as a {resource.kind}: converting '
            f"({short}.{kind}) to ({resource.group.split('.')[0] or 'core'}.{resource.kind}): "
            "unknown conversion"
        )
    _check_namespace(call, obj)
    check_typed(call, obj)
    _unknown(call, obj, patched=patched)
    return to_core(obj) if resource.group == "events.k8s.io" else obj


def _check_namespace(call: Call, obj: Json) -> None:
    given = obj["metadata"].get("namespace")
    if given and given != call.namespace and call.resource.namespaced:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if call.namespace and call.resource.namespaced:
        obj["metadata"]["namespace"] = call.namespace
    else:
        obj["metadata"].pop("namespace", None)


def _unknown(call: Call, obj: Json, *, patched: bool) -> None:
    unknown = prune(obj, call.resource.schema)
    if not unknown or call.field_validation == "Ignore":
        return
    told = [f'unknown field "{path}"' for path in unknown]
    if call.field_validation == "Warn":
        call.warnings += told
    elif patched:
        why = "strict decoding error: " + ", ".join(told)
        problem = FieldError("patch", "Invalid value", why, call.body.decode())
        raise invalid("", "", "", [problem])
    else:
        kind = call.resource.kind
        raise bad_request(
            f'{kind} in version "{call.resource.version}" cannot be handled as a {kind}: '
            "strict decoding error: " + ", ".join(told)
        )
