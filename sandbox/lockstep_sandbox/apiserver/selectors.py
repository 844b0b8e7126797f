"""Label and field selectors of list, watch and deletecollection."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from lockstep_sandbox.apiserver.errors import bad_request
from lockstep_sandbox.apiserver.resources import Resource

Json = Any
Test = Callable[[Json], bool]

_SET = re.compile(r"([^\s!=<>]+)\s+(in|notin)\s*\(([^)]*)\)")
_EQUAL = re.compile(r"([^\s!=]+)\s*(==|!=|=)\s*([^\s,]*)")

# Field selectors of built-in kinds beyond metadata.name and metadata.namespace.
FIELDS = {
    "Pod": (
        "spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName "
        "spec.hostNetwork status.phase status.podIP status.nominatedNodeName"
    ),
    "Node": "spec.unschedulable",
    "Namespace": "status.phase",
    "Secret": "type",
    "Service": "spec.clusterIP spec.type",
    "ReplicaSet": "status.replicas",
    "Event": (
        "involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid "
        "involvedObject.apiVersion involvedObject.resourceVersion involvedObject.fieldPath "
        "reason reportingComponent source type"
    ),
}


def labels_match(selector: Json, labels: dict[str, str] | None) -> bool:
    """Tell whether a LabelSelector object selects labels; an empty one selects everything."""
    labels = labels or {}
    wanted = (selector or {}).get("matchLabels") or {}
    if any(labels.get(k) != v for k, v in wanted.items()):
        return False
    expressions = (selector or {}).get("matchExpressions") or []
    return all(_expression(e, labels) for e in expressions)


def _expression(expression: Json, labels: dict[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def parse_labels(text: str) -> Test | None:
    """Return a test for a `labelSelector` parameter; None for an empty one."""
    tests = [_label_term(term) for term in _terms(text)]
    if not tests:
        return None
    return lambda obj: all(t(obj["metadata"].get("labels") or {}) for t in tests)


def _terms(text: str) -> Iterator[str]:
    for term in re.split(r",(?![^(]*\))", text):
        if term.strip():
            yield term.strip()


def _label_term(term: str) -> Callable[[dict[str, str]], bool]:
    if match := _SET.fullmatch(term):
        key, values = match[1], {v.strip() for v in match[3].split(",")}
        wanted = match[2] == "in"
        return lambda labels: (labels.get(key) in values) == wanted
    if match := _EQUAL.fullmatch(term):
        key, operator, value = match[1], match[2], match[3]
        return lambda labels: (labels.get(key) == value) == (operator != "!=")
    if re.fullmatch(r"!?\s*[-\w./]+", term):
        key, there = term.lstrip("! "), not term.startswith("!")
        return lambda labels: (key in labels) == there
    raise bad_request(f"unable to parse requirement: {term!r} is not a label selector")


def parse_fields(text: str, resource: Resource) -> Test | None:
    """Return a test for a `fieldSelector` parameter.

    Raises ApiError 400 for a field that the resource does not offer.
    """
    tests = [_field_term(term, resource) for term in _terms(text)]
    return (lambda obj: all(t(obj) for t in tests)) if tests else None


def _field_term(term: str, resource: Resource) -> Test:
    match = _EQUAL.fullmatch(term)
    if not match:
        raise bad_request(f"invalid field selector {term!r}")
    path, operator, value = match[1], match[2], match[3]
    if not _selectable(path, resource):
        raise bad_request(f"field label not supported: {path}")
    return lambda obj: (_text(obj, path) == value) == (operator != "!=")


def _selectable(path: str, resource: Resource) -> bool:
    known = () if resource.custom else FIELDS.get(resource.kind, "").split()
    extra = tuple(p.lstrip(".") for p in resource.selectable)
    return path in ("metadata.name", "metadata.namespace", *known, *extra)


def _text(obj: Json, path: str) -> str:
    found = obj
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    if isinstance(found, dict):
        found = found.get("component")  # an Event's source
    if isinstance(found, bool):
        return str(found).lower()
    return "" if found is None else str(found)
