"""GET and LIST."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from lockstep_sandbox.apiserver.call import Answer, Call
from lockstep_sandbox.apiserver.cluster import Cluster
from lockstep_sandbox.apiserver.errors import (
    ApiError,
    FieldError,
    bad_request,
    invalid,
    not_found,
)
from lockstep_sandbox.apiserver.selectors import Test, parse_fields, parse_labels

Json = Any


def get(cluster: Cluster, call: Call) -> Answer:
    """GET one object."""
    found = cluster.store.get(call.resource.key, call.namespace, call.name)
    if found is None:
        raise not_found(call.resource.name, call.resource.group, call.name)
    return Answer(found)


def selection(call: Call) -> Test:
    """Return a test for the request's selectors and name; raises ApiError 400."""
    tests = [
        parse_labels(call.query.get("labelSelector", "")),
        parse_fields(call.query.get("fieldSelector", ""), call.resource),
    ]
    if call.name:
        tests.append(lambda obj: bool(obj["metadata"]["name"] == call.name))
    chosen = [t for t in tests if t is not None]
    return lambda obj: all(t(obj) for t in chosen)


def selected(cluster: Cluster, call: Call) -> list[Json]:
    """Return the objects that the request selects."""
    wanted = selection(call)
    return [o for o in cluster.store.items(call.resource.key, call.namespace) if wanted(o)]


def list_(cluster: Cluster, call: Call) -> Answer:
    """LIST: selectors, `limit` and `continue`."""
    version, start = _place(cluster, call)
    objects = cluster.store.snapshot(call.resource.key, call.namespace, version)
    if objects is None:
        message = "The provided continue parameter is too old to display a consistent list result."
        raise ApiError(410, "Expired", message)
    wanted = selection(call)
    found = [o for o in objects if wanted(o)]
    meta: Json = {"resourceVersion": str(version)}
    limit = call.number("limit") or 0
    page = found[start : start + limit] if limit else found[start:]
    if left := len(found) - start - len(page):
        cluster.store.keep(call.resource.key, call.namespace, objects)
        meta["continue"] = _token(version, start + len(page))
        if not call.query.get("labelSelector") and not call.query.get("fieldSelector"):
            meta["remainingItemCount"] = left
    kind, api = call.resource.list_kind, call.resource.api_version
    return Answer({"kind": kind, "apiVersion": api, "metadata": meta, "items": page})


def _place(cluster: Cluster, call: Call) -> tuple[int, int]:
    """Return the version to show and the first item; checks the version parameters."""
    asked, match = call.query.get("resourceVersion", ""), call.query.get("resourceVersionMatch")
    if match and not asked:
        why = "resourceVersionMatch is forbidden unless resourceVersion is provided"
        problem = FieldError("resourceVersionMatch", "Forbidden", why)
        raise invalid("ListOptions", "meta.k8s.io", "", [problem])
    if token := call.query.get("continue"):
        return _parse_token(token)
    current = cluster.store.version
    version = read_version(asked)
    if version > current:
        raise too_large(version, current)
    if match == "Exact" and version != current:
        if cluster.store.snapshot(call.resource.key, call.namespace, version) is None:
            message = f"The provided resource version {version} is no longer available."
            raise ApiError(410, "Expired", message)
        return version, 0
    return current, 0


def read_version(text: str) -> int:
    """Return a resourceVersion parameter; 0 when absent. Raises ApiError."""
    if text and not text.isdigit():  # 500 is what a real server says
        raise ApiError(500, "", f'strconv.ParseUint: parsing "{text}": invalid syntax')
    return int(text or 0)


def too_large(asked: int, current: int) -> ApiError:
    """504: the version asked for has not happened yet."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    details = {"causes": [cause], "retryAfterSeconds": 1}
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    return ApiError(504, "Timeout", message, details, {"Retry-After": "1"})


def _token(version: int, start: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([version, start]).encode()).decode()


def _parse_token(token: str) -> tuple[int, int]:
    try:
        version, start = json.loads(base64.urlsafe_b64decode(token))
        return int(version), int(start)
    except (binascii.Error, ValueError, TypeError) as error:
        raise bad_request("continue key is not valid") from error
