"""Reading Kubernetes objects, which the sandbox keeps as plain dicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

Obj = dict[str, Any]
Key = tuple[str, str]  # (namespace, name); namespace is "" for cluster-wide kinds

_SCALE = {"": Decimal(1), "m": Decimal("0.001"), "u": Decimal("1e-6"), "n": Decimal("1e-9")}
_SCALE |= {unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", 1)}
_SCALE |= {unit + "i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)}


def key_of(obj: Obj) -> Key:
    """Return (namespace, name)."""
    meta = obj["metadata"]
    return meta.get("namespace", ""), meta["name"]


def version_of(obj: Obj) -> int:
    """Return the resourceVersion as a number, which orders writes."""
    return int(obj["metadata"].get("resourceVersion", 0))


def labels_of(obj: Obj) -> dict[str, str]:
    """Return the labels, empty when there are none."""
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Obj) -> dict[str, str]:
    """Return the annotations, empty when there are none."""
    return obj["metadata"].get("annotations") or {}


def is_deleted(obj: Obj) -> bool:
    """Tell whether deletion was asked for."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def controller_of(obj: Obj) -> Obj | None:
    """Return the ownerReference with controller: true."""
    owners: Iterable[Obj] = obj["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def is_controlled_by(obj: Obj, owner: Obj) -> bool:
    """Tell whether `owner` is the object's controller."""
    reference = controller_of(obj)
    return reference is not None and reference["uid"] == owner["metadata"]["uid"]


def owner_reference(owner: Obj, api_version: str, kind: str) -> Obj:
    """Return a controller ownerReference to `owner` (items of a list carry no kind)."""
    meta = owner["metadata"]
    names = {"apiVersion": api_version, "kind": kind, "name": meta["name"], "uid": meta["uid"]}
    return {**names, "controller": True, "blockOwnerDeletion": True}


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Evaluate a LabelSelector; an empty one matches everything."""
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_meets(term, labels) for term in selector.get("matchExpressions") or ())


def _meets(term: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = term["key"], term.get("values") or ()
    match term["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def condition_of(obj: Obj, kind: str) -> Obj | None:
    """Return the status condition of that type."""
    conditions: Iterable[Obj] = obj.get("status", {}).get("conditions") or ()
    return next((each for each in conditions if each["type"] == kind), None)


def differs(obj: Obj, status: Obj) -> bool:
    """Tell whether any of these status fields is not as stored; 0 and absent are the same."""
    stored = obj.get("status", {})
    return any((stored.get(name) or 0) != (value or 0) for name, value in status.items())


def is_ready(pod: Obj) -> bool:
    """Tell whether a pod's Ready condition is True."""
    condition = condition_of(pod, "Ready")
    return condition is not None and condition["status"] == "True"


def is_finished(pod: Obj) -> bool:
    """Tell whether a pod has ended for good."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def timestamp(moment: datetime | None = None) -> str:
    """Return metav1.Time's form, whole seconds in UTC; now by default."""
    return (moment or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """Read an RFC 3339 time."""
    return datetime.fromisoformat(text)


def age(text: str) -> float:
    """Return the seconds since an RFC 3339 time."""
    return (datetime.now(UTC) - parse_time(text)).total_seconds()


def parse_quantity(text: str | int | float) -> Decimal:
    """Read a resource quantity such as 100m, 1.5Gi or 2.

    Raises:
        ValueError: it is none.
    """
    number = str(text)
    unit = number.lstrip("0123456789.+-")
    try:
        return Decimal(number.removesuffix(unit)) * _SCALE[unit]
    except (ArithmeticError, KeyError) as error:
        raise ValueError(f"{text!r} is no resource quantity") from error


def resolve_percent(value: int | str, total: int, *, round_up: bool) -> int:
    """Resolve an IntOrString such as 25% of `total`."""
    if isinstance(value, int):
        return value
    share = int(value.removesuffix("%")) * total
    return -(-share // 100) if round_up else share // 100
