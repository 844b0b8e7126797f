"""Rules for every object's metadata: names, labels, owners, finalizers."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Iterator
from typing import Any

from lockstep_sandbox.apiserver.clock import now
from lockstep_sandbox.apiserver.errors import FieldError
from lockstep_sandbox.apiserver.resources import Resource

Json = Any

LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"
_ALPHANUMERIC = "must consist of lower case alphanumeric characters"
_NOT_SUBDOMAIN = (
    f"a lowercase RFC 1123 subdomain {_ALPHANUMERIC}, '-' or '.', and must start and end with an "
    f"alphanumeric character (e.g. 'example.com', regex used for validation is '{SUBDOMAIN}')"
)
_NOT_LABEL = (
    f"a lowercase RFC 1123 label {_ALPHANUMERIC} or '-', and must start and end with an "
    "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    f"'{LABEL}')"
)
_RFC1035 = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_NOT_1035 = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', "
    f"regex used for validation is '{_RFC1035}')"
)
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_NOT_QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    f"validation is '{_QUALIFIED}')"
)
_VALUE = rf"({_QUALIFIED})?"
_NOT_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "
    f"'12345', regex used for validation is '{_VALUE}')"
)
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # no words by accident
_ANY_NAME = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")


def stamp(obj: Json, namespace: str) -> None:
    """Give a new object what only the server may set."""
    meta = obj["metadata"]
    for name in ("resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"):
        meta.pop(name, None)
    if not meta.get("name") and meta.get("generateName"):
        ending = "".join(secrets.choice(_LETTERS) for _ in range(5))
        meta["name"] = meta["generateName"][:58] + ending
    meta["uid"] = str(uuid.uuid4())
    meta["creationTimestamp"] = now()
    if namespace:
        meta["namespace"] = namespace


def problems_of(resource: Resource, new: Json, old: Json | None) -> Iterator[FieldError]:
    """Yield what is wrong with an object's metadata."""
    meta = new["metadata"]
    yield from _name(resource, meta.get("name") or "")
    yield from label_problems(meta.get("labels"), "metadata.labels")
    yield from _keys(meta.get("annotations"), "metadata.annotations")
    yield from _owners(meta.get("ownerReferences") or [])
    for finalizer in meta.get("finalizers") or []:
        if not re.fullmatch(rf"({SUBDOMAIN}/)?{_QUALIFIED}", finalizer):
            yield FieldError("metadata.finalizers", "Invalid value", _NOT_QUALIFIED, finalizer)
    if old is not None:
        yield from _immutable(meta, old["metadata"])


def _name(resource: Resource, name: str) -> Iterator[FieldError]:
    if not name:
        why = "name or generateName is required"
        yield FieldError("metadata.name", "Required value", why)
    elif resource.kind in _ANY_NAME:
        if "/" in name or "%" in name or name in (".", ".."):
            yield FieldError("metadata.name", "Invalid value", "may not contain '/' or '%'", name)
    elif resource.key == "services":
        yield from dns_name(name, "metadata.name", _RFC1035, 63, _NOT_1035)
    elif resource.key == "namespaces":
        yield from dns_name(name, "metadata.name", LABEL, 63, _NOT_LABEL)
    else:
        yield from dns_name(name, "metadata.name")


def dns_name(
    name: str, path: str, pattern: str = SUBDOMAIN, limit: int = 253, why: str = _NOT_SUBDOMAIN
) -> Iterator[FieldError]:
    """Yield why a string is no DNS name."""
    if len(name) > limit:
        yield FieldError(path, "Invalid value", f"must be no more than {limit} characters", name)
    if not re.fullmatch(pattern, name):
        yield FieldError(path, "Invalid value", why, name)


def dns_label(name: str, path: str) -> Iterator[FieldError]:
    """Yield why a string is no DNS label, such as a container's or a volume's name."""
    yield from dns_name(name, path, LABEL, 63, _NOT_LABEL)


def label_problems(labels: Json, path: str) -> Iterator[FieldError]:
    """Yield what is wrong with a map of labels."""
    yield from _keys(labels, path)
    for value in (labels or {}).values():
        if len(value) > 63:
            yield FieldError(path, "Invalid value", "must be no more than 63 characters", value)
        elif not re.fullmatch(_VALUE, value):
            yield FieldError(path, "Invalid value", _NOT_VALUE, value)


def _keys(entries: Json, path: str) -> Iterator[FieldError]:
    for key in entries or {}:
        prefix, slash, name = key.rpartition("/")
        if slash and not re.fullmatch(SUBDOMAIN, prefix.lower()):
            yield FieldError(path, "Invalid value", f"prefix part {_NOT_SUBDOMAIN}", key)
        elif len(name) > 63:
            why = "name part must be no more than 63 characters"
            yield FieldError(path, "Invalid value", why, key)
        elif not re.fullmatch(_QUALIFIED, name):
            yield FieldError(path, "Invalid value", _NOT_QUALIFIED, key)


def _owners(owners: list[Json]) -> Iterator[FieldError]:
    path = "metadata.ownerReferences"
    for i, owner in enumerate(owners):
        for name in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(name):
                yield FieldError(f"{path}[{i}].{name}", "Required value", "must not be empty")
    controllers = [o for o in owners if o.get("controller")]
    if len(controllers) > 1:
        first, second = (f"{o.get('apiVersion')}/{o.get('kind')}" for o in controllers[:2])
        why = (
            "Only one reference can have Controller set to true. Found "
            f'"true" in references for {first} and {second}'
        )
        yield FieldError(path, "Invalid value", why, owners)


def _immutable(meta: Json, old: Json) -> Iterator[FieldError]:
    for name in ("name", "namespace", "uid", "creationTimestamp"):
        if meta.get(name) != old.get(name):
            why = "field is immutable"
            yield FieldError(f"metadata.{name}", "Invalid value", why, meta.get(name))
    if not old.get("deletionTimestamp"):
        return
    extra = set(meta.get("finalizers") or ()) - set(old.get("finalizers") or ())
    if extra:
        shown = ", ".join(f'"{f}"' for f in sorted(extra))
        why = (
            "no new finalizers can be added if the object is being deleted, "
            f"found new finalizers []string{{{shown}}}"
        )
        yield FieldError("metadata.finalizers", "Forbidden", why)
        yield FieldError("metadata.finalizers", "Forbidden", why)  # a real server says it twice
