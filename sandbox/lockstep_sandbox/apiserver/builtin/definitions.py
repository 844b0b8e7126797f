"""CustomResourceDefinitions: names, structural schemas, conditions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lockstep_sandbox.apiserver.cel import refusal
from lockstep_sandbox.apiserver.clock import now
from lockstep_sandbox.apiserver.cluster import Cluster
from lockstep_sandbox.apiserver.errors import FieldError, not_in_the_sandbox

Json = Any


def prepare(cluster: Cluster, new: Json, old: Json | None) -> None:
    """Default the names and write the status, which a real server's controllers would."""
    names = new["spec"]["names"]
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", f"{names['kind']}List")
    before = (old or {}).get("status") or {}
    stored = [v["name"] for v in new["spec"]["versions"] if v.get("storage")]
    known = before.get("storedVersions") or []
    new["status"] = {
        "acceptedNames": dict(names),
        "conditions": before.get("conditions") or _established(),
        "storedVersions": [*known, *(s for s in stored if s not in known)],
    }


def _established() -> list[Json]:
    found = [
        ("NamesAccepted", "NoConflicts", "no conflicts found"),
        ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ]
    return [
        {"type": t, "status": "True", "lastTransitionTime": now(), "reason": r, "message": m}
        for t, r, m in found
    ]


def validate(cluster: Cluster, new: Json, old: Json | None) -> Iterator[FieldError]:
    """Yield what is wrong with a definition."""
    spec = new["spec"]
    if (name := new["metadata"].get("name")) != f"{spec['names']['plural']}.{spec['group']}":
        why = 'must be spec.names.plural+"."+spec.group'
        yield FieldError("metadata.name", "Invalid value", why, name)
    if spec.get("scope") not in ("Namespaced", "Cluster"):
        why = 'supported values: "Cluster", "Namespaced"'
        yield FieldError("spec.scope", "Unsupported value", why, spec.get("scope"))
    if sum(1 for v in spec["versions"] if v.get("storage")) != 1:
        why = "must have exactly one version marked as storage version"
        yield FieldError("spec.versions", "Invalid value", why, spec["versions"])
    several = len(spec["versions"]) > 1
    for i, version in enumerate(spec["versions"]):
        root = (version.get("schema") or {}).get("openAPIV3Schema")
        where = f"spec.versions[{i}].schema" if several else "spec.validation"
        if root is None:
            yield FieldError(f"spec.versions[{i}].schema.openAPIV3Schema", "Required value")
        else:
            yield from _structural(root, f"{where}.openAPIV3Schema")
            _refuse_costly(root)


def _refuse_costly(schema: Json) -> None:
    """Answer 501 for what a real server may find too costly: loops in loops without bounds."""
    inner = [*(schema.get("properties") or {}).values()]
    inner += [v for n in ("items", "additionalProperties") if isinstance(v := schema.get(n), dict)]
    for rule in schema.get("x-kubernetes-validations") or ():
        loops = len(re.findall(r"\.(all|exists|exists_one|map|filter)\(", rule["rule"]))
        if loops > 1 and _unbounded(schema):
            raise not_in_the_sandbox(f"the cost of {rule['rule']!r}; bound every list and map")
    for found in inner:
        _refuse_costly(found)


def _unbounded(schema: Json) -> bool:
    inner = list((schema.get("properties") or {}).values())
    for name, bound in (("items", "maxItems"), ("additionalProperties", "maxProperties")):
        if isinstance(found := schema.get(name), dict):
            if bound not in schema:
                return True
            inner.append(found)
    return any(map(_unbounded, inner))


def _structural(schema: Json, path: str) -> Iterator[FieldError]:
    free = schema.get("x-kubernetes-preserve-unknown-fields") or schema.get(
        "x-kubernetes-int-or-string"
    )
    if not schema.get("type") and not free:
        what = "object fields" if "properties[" in path else "array items"
        what = what if path.endswith("]") or path.endswith("items") else "the root"
        why = f"must not be empty for specified {what}"
        yield FieldError(f"{path}.type", "Required value", why)
    for i, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
        if why := refusal(rule["rule"]):
            where = f"{path}.x-kubernetes-validations[{i}].rule"
            yield FieldError(where, "Invalid value", why, rule["rule"])
    for name, inner in (schema.get("properties") or {}).items():
        yield from _structural(inner, f"{path}.properties[{name}]")
    for name in ("items", "additionalProperties"):
        if isinstance(inner := schema.get(name), dict):
            yield from _structural(inner, f"{path}.{name}")
