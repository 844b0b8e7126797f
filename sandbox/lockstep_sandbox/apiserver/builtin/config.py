"""Namespaces, ConfigMaps, Secrets, Leases and role bindings."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

from lockstep_sandbox.apiserver.cluster import Cluster
from lockstep_sandbox.apiserver.errors import FieldError

Json = Any
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_FROZEN = "field is immutable when `immutable` is set"
_RBAC = "rbac.authorization.k8s.io"


def prepare_namespace(cluster: Cluster, new: Json, old: Json | None) -> None:
    """Label a namespace with its name and hold it until its content is gone."""
    new["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = new["metadata"][
        "name"
    ]
    if old is None:
        new["spec"] = {"finalizers": ["kubernetes"]}
        new["status"] = {"phase": "Active"}


def namespace_is_empty(obj: Json) -> bool:
    """Tell whether nothing holds a namespace any more."""
    return not (obj.get("spec") or {}).get("finalizers")


def prepare_secret(cluster: Cluster, new: Json, old: Json | None) -> None:
    """Turn stringData into data."""
    for key, text in (new.pop("stringData", None) or {}).items():
        new.setdefault("data", {})[key] = base64.b64encode(text.encode()).decode()


def validate_configmap(cluster: Cluster, new: Json, old: Json | None) -> Iterator[FieldError]:
    """Yield what is wrong with a ConfigMap."""
    yield from _keys(new, ("data", "binaryData"))
    for key in set(new.get("data") or ()) & set(new.get("binaryData") or ()):
        why = "duplicate of key present in binaryData"
        yield FieldError(f"data[{key}]", "Invalid value", why, key)
    yield from _frozen(new, old, ("data", "binaryData"))


def validate_secret(cluster: Cluster, new: Json, old: Json | None) -> Iterator[FieldError]:
    """Yield what is wrong with a Secret."""
    yield from _keys(new, ("data",))
    if old is not None and new["type"] != old["type"]:
        yield FieldError("type", "Invalid value", "field is immutable", new["type"])
    yield from _frozen(new, old, ("data",))


def _keys(obj: Json, maps: tuple[str, ...]) -> Iterator[FieldError]:
    for name in maps:
        for key in obj.get(name) or {}:
            if not _KEY.fullmatch(key) or key in (".", ".."):
                why = (
                    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' "
                    "(e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation "
                    "is '[-._a-zA-Z0-9]+')"
                )
                yield FieldError(f"{name}[{key}]", "Invalid value", why, key)


def _frozen(new: Json, old: Json | None, maps: tuple[str, ...]) -> Iterator[FieldError]:
    if old is None or not old.get("immutable"):
        return
    if not new.get("immutable"):
        yield FieldError("immutable", "Forbidden", _FROZEN)
    for name in maps:
        if new.get(name) != old.get(name):
            yield FieldError(name, "Forbidden", _FROZEN)


def validate_lease(cluster: Cluster, new: Json, old: Json | None) -> Iterator[FieldError]:
    """Yield what is wrong with a Lease."""
    for name in ("leaseDurationSeconds", "leaseTransitions"):
        lowest = 1 if name == "leaseDurationSeconds" else 0
        value = (new.get("spec") or {}).get(name)
        if value is not None and value < lowest:
            why = "must be greater than 0" if lowest else "must be greater than or equal to 0"
            yield FieldError(f"spec.{name}", "Invalid value", why, value)


def prepare_binding(cluster: Cluster, new: Json, old: Json | None) -> None:
    """Default the API group of subjects."""
    for subject in new.get("subjects") or ():
        if subject.get("kind") in ("User", "Group"):
            subject.setdefault("apiGroup", _RBAC)


def validate_binding(cluster: Cluster, new: Json, old: Json | None) -> Iterator[FieldError]:
    """Yield what is wrong with a (Cluster)RoleBinding."""
    if old is not None and new.get("roleRef") != old.get("roleRef"):
        yield FieldError("roleRef", "Invalid value", "cannot change roleRef", new.get("roleRef"))
    for i, subject in enumerate(new.get("subjects") or ()):
        if subject.get("kind") == "ServiceAccount" and not subject.get("namespace"):
            yield FieldError(f"subjects[{i}].namespace", "Required value")
