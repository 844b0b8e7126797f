"""metadata.managedFields: who owns which field, conflicts, and what an apply removes.

Follows structured-merge-diff's Updater and apiserver's fieldmanager; see fields.py for field sets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from lockstep_sandbox.apiserver.clock import now
from lockstep_sandbox.apiserver.errors import ApiError, bad_request
from lockstep_sandbox.apiserver.fields import (
    Comparison,
    Fields,
    fields_of,
    from_v1,
    merge,
    remove,
    show,
    to_v1,
    with_parents,
)
from lockstep_sandbox.apiserver.schema import Schema

Json = Any
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
MAX_UPDATERS = 10

# Never owned by anybody.
_META = "name namespace creationTimestamp selfLink uid generation managedFields resourceVersion"
_STRIPPED: Fields = frozenset(
    [("f:apiVersion",), ("f:kind",), ("f:metadata",)]
    + [("f:metadata", f"f:{name}") for name in _META.split()]
    + [("f:metadata", "f:deletionTimestamp"), ("f:metadata", "f:deletionGracePeriodSeconds")]
)


@dataclass(frozen=True)
class Manager:
    """One writer: an entry of managedFields without its fields and time."""

    name: str
    operation: str  # Apply or Update
    api_version: str
    subresource: str = ""

    def __str__(self) -> str:
        shown = f'"{self.name}"'
        if self.subresource:
            shown += f' with subresource "{self.subresource}"'
        return shown if self.operation == "Apply" else f"{shown} using {self.api_version}"


@dataclass(frozen=True)
class Claim:
    """The fields of one manager, and when it last changed them."""

    fields: Fields
    time: str | None


Claims = dict[Manager, Claim]


class ApplyConflictError(Exception):
    """Other managers own fields that an apply wants to change; carries {manager: fields}."""

    def __init__(self, found: dict[Manager, Fields]) -> None:
        super().__init__("apply conflict")
        self.found = found

    def answer(self) -> ApiError:
        """Return the 409 that a client sees."""
        causes = [
            {"reason": "FieldManagerConflict", "message": f"conflict with {m}", "field": show(p)}
            for m in sorted(self.found, key=str)
            for p in sorted(self.found[m])
        ]
        plural = "s" if len(causes) > 1 else ""
        message = f"Apply failed with {len(causes)} conflict{plural}: {self._told(len(causes))}"
        return ApiError(409, "Conflict", message, {"causes": causes})

    def _told(self, count: int) -> str:
        if count == 1:
            ((manager, fields),) = self.found.items()
            return f"conflict with {manager}: {show(next(iter(fields)))}"
        return "\n".join(
            f"conflicts with {manager}:\n" + "\n".join(f"- {show(p)}" for p in sorted(fields))
            for manager, fields in sorted(self.found.items(), key=lambda f: str(f[0]))
        )


def read_claims(obj: Json) -> Claims | None:
    """Return an object's claims; None when it has none or they cannot be read."""
    found: Claims = {}
    try:
        for entry in obj.get("metadata", {}).get("managedFields") or ():
            if not entry.get("operation"):
                return None
            manager = Manager(
                entry.get("manager", ""),
                entry["operation"],
                entry.get("apiVersion", ""),
                entry.get("subresource", ""),
            )
            fields = from_v1(entry.get("fieldsV1") or {})
            found[manager] = Claim(fields, entry.get("time"))
    except ValueError:
        return None
    return found or None


def write_claims(obj: Json, claims: Claims) -> None:
    """Set an object's managedFields."""
    kept = [(m, c) for m, c in claims.items() if c.fields]
    obj["metadata"].pop("managedFields", None)
    if kept:
        kept.sort(key=lambda e: (e[0].operation, e[1].time or "", e[0].name, e[0].subresource))
        obj["metadata"]["managedFields"] = [_entry(m, c) for m, c in kept]


def _entry(manager: Manager, claim: Claim) -> Json:
    entry = {
        "manager": manager.name,
        "operation": manager.operation,
        "apiVersion": manager.api_version,
        "time": claim.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": to_v1(claim.fields),
        "subresource": manager.subresource,
    }
    return {k: v for k, v in entry.items() if v is not None and v != ""}


def update(
    live: Json, new: Json, schema: Schema, manager: Manager, ignored: Iterable[str] = ()
) -> None:
    """Record a create, replace or patch in the new object's managedFields.

    `live` is an empty object on create; `ignored`: top-level fields that this write does not
    persist.
    """
    asked = new["metadata"].get("managedFields")
    if asked and all(not any(entry.values()) for entry in asked):  # `[{}]` resets
        new["metadata"].pop("managedFields")
        return
    claims = read_claims(new) or read_claims(live)
    if "metadata" in live and claims is None:  # never tracked
        new["metadata"].pop("managedFields", None)
        return
    found = Comparison(live, new, schema)
    taken = _strip(found.added | found.modified, ignored)
    claims = _without(claims or {}, taken | found.removed)
    if taken:
        own = claims[manager].fields if manager in claims else frozenset()
        claims[manager] = Claim(own | taken, now())
    write_claims(new, _capped(claims))


def _without(claims: Claims, fields: Fields) -> Claims:
    return {m: replace(c, fields=c.fields - fields) for m, c in claims.items()}


def _strip(fields: Fields, ignored: Iterable[str]) -> Fields:
    heads = {f"f:{name}" for name in ignored}
    return frozenset(p for p in fields - _STRIPPED if p[0] not in heads)


def _capped(claims: Claims) -> Claims:
    """Merge the oldest updaters of a version into one when there are too many."""
    updaters = [m for m in claims if m.operation == "Update" and claims[m].fields]
    if len(updaters) <= MAX_UPDATERS:
        return claims
    updaters.sort(key=lambda m: claims[m].time or "")
    oldest, old = updaters[0], updaters[1]
    merged = Manager("ancient-changes", "Update", oldest.api_version)
    fields = claims[oldest].fields | claims[old].fields
    rest = {m: c for m, c in claims.items() if m not in (oldest, old)}
    return {**rest, merged: Claim(fields, claims[old].time)}


@dataclass(frozen=True)
class Application:
    """One server-side apply; `ignored`: top-level fields that it does not persist."""

    live: Json
    config: Json
    schema: Schema
    manager: Manager
    force: bool
    ignored: tuple[str, ...] = ()


def apply(asked: Application) -> Json:
    """Return the object that applying a configuration makes of the live one.

    Raises ApiError 409 when other managers own what it changes and `force` is not set.
    """
    try:
        new = _applied(asked)
    except ApplyConflictError as error:
        if asked.manager.name != "kubectl":
            raise error.answer() from error
        new = _migrated(asked, error)
    annotations = asked.live["metadata"].get("annotations") or {}
    if asked.manager.name == "kubectl" and LAST_APPLIED in annotations:
        kept = new["metadata"].get("annotations") or {}
        new["metadata"]["annotations"] = {**kept, LAST_APPLIED: _last_applied(asked.config)}
    return new


def _applied(asked: Application) -> Json:
    live, schema, manager = asked.live, asked.schema, asked.manager
    claims = read_claims(live)
    if claims is None:
        claims = _before_first_apply(live, schema, manager) if "uid" in live["metadata"] else {}
    last = claims.get(manager, Claim(frozenset(), None))
    wanted = _strip(fields_of(asked.config, schema), asked.ignored)
    claims[manager] = Claim(wanted, last.time)
    config = {k: v for k, v in asked.config.items() if k not in asked.ignored}
    new = merge(live, config, schema)
    owned = with_parents(frozenset().union(*(c.fields for c in claims.values())), schema)
    new = remove(new, with_parents(last.fields, schema) - owned - {("f:metadata",)}, schema)
    found = Comparison(live, new, schema)
    others = {m: c.fields & (found.modified | found.added) for m, c in claims.items()}
    conflicts = {m: f for m, f in others.items() if f and m != manager}
    if conflicts and not asked.force:
        raise ApplyConflictError(conflicts)
    for other in claims:
        if other != manager:
            claims[other] = _minus(claims[other], conflicts.get(other, _NOTHING) | found.removed)
    changed = found.added or found.modified or found.removed
    claims[manager] = Claim(wanted, now() if changed else last.time)
    new["metadata"] = dict(new["metadata"])
    write_claims(new, claims)
    return new


_NOTHING: Fields = frozenset()


def _minus(claim: Claim, fields: Fields) -> Claim:
    return replace(claim, fields=claim.fields - fields)


def _before_first_apply(live: Json, schema: Schema, manager: Manager) -> Claims:
    fields = _strip(fields_of(live, schema), ())
    first = Manager("before-first-apply", "Update", manager.api_version)
    return {first: Claim(fields, now())}


def _migrated(asked: Application, error: ApplyConflictError) -> Json:
    """Let `kubectl apply --server-side` take what `kubectl apply` wrote before."""
    text = (asked.live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    allowed = fields_of(json.loads(text), asked.schema) if text else _NOTHING
    left = {m: f - allowed for m, f in error.found.items() if f - allowed}
    if left:
        raise ApplyConflictError(left).answer() from error
    return _applied(replace(asked, force=True))


def _last_applied(config: Json) -> str:
    annotations = dict(config["metadata"].get("annotations") or {})
    annotations.pop(LAST_APPLIED, None)
    meta = {**config["metadata"], "annotations": annotations}
    return json.dumps({**config, "metadata": meta}, separators=(",", ":")) + "\n"


def check_apply(config: Json, name: str) -> None:
    """Refuse what an apply may not hold: managedFields, another name."""
    meta = config.get("metadata") or {}
    if meta.get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    if (given := meta.get("name", name)) != name:
        raise bad_request(
            f"the name of the object ({given}) does not match the name on the URL ({name})"
        )
