"""What a pod may know of itself: fieldRef and resourceFieldRef."""

from __future__ import annotations

import json
import os
import re
from decimal import ROUND_CEILING

from lockstep_sandbox.node.sources import MissingError, account_of
from lockstep_sandbox.objects import Obj, annotations_of, labels_of, parse_quantity

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


def field(pod: Obj, path: str) -> str:
    """Return a fieldRef's value.

    Raises:
        MissingError: there is no such field.
    """
    meta, status = pod["metadata"], pod.get("status", {})
    subscript = _SUBSCRIPT.fullmatch(path)
    if subscript is not None:
        pairs = labels_of(pod) if subscript[1] == "labels" else annotations_of(pod)
        return pairs.get(subscript[2], "")
    simple = {
        "metadata.name": meta["name"],
        "metadata.namespace": meta["namespace"],
        "metadata.uid": meta["uid"],
        "metadata.labels": _lines(labels_of(pod)),
        "metadata.annotations": _lines(annotations_of(pod)),
        "spec.nodeName": pod["spec"].get("nodeName", ""),
        "spec.serviceAccountName": account_of(pod),
        "status.podIP": status.get("podIP", ""),
        "status.podIPs": status.get("podIP", ""),
        "status.hostIP": status.get("hostIP", ""),
        "status.hostIPs": status.get("hostIP", ""),
    }
    if path not in simple:
        raise MissingError(f"unsupported fieldPath: {path}")
    return str(simple[path])


def _lines(pairs: dict[str, str]) -> str:
    return "\n".join(f"{key}={json.dumps(value)}" for key, value in sorted(pairs.items()))


def resource(container: Obj, reference: Obj) -> str:
    """Return a resourceFieldRef's value in units of its divisor, rounded up.

    Raises:
        MissingError: there is no such resource.
    """
    kind, _, name = reference["resource"].partition(".")
    if kind not in ("limits", "requests") or not name:
        raise MissingError(f"unsupported container resource: {reference['resource']}")
    resources = container.get("resources") or {}
    amount = (resources.get(kind) or {}).get(name)
    if amount is None and kind == "limits":
        amount = allocatable().get(name)
    divisor = parse_quantity(reference.get("divisor") or 1) or parse_quantity(1)
    share = parse_quantity(amount or 0) / divisor
    return str(int(share.to_integral_value(ROUND_CEILING)))


def allocatable() -> dict[str, str]:
    """Return what this machine offers to pods."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024
    cpus = len(os.sched_getaffinity(0))
    return {"cpu": str(cpus), "memory": f"{memory}Ki", "pods": "500", "ephemeral-storage": "100Gi"}
