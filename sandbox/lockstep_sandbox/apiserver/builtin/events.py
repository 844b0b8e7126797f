"""Events: one storage, shown by two groups in different words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lockstep_sandbox.apiserver.cluster import Cluster
from lockstep_sandbox.apiserver.errors import FieldError

Json = Any

# events.k8s.io name -> core name
_WORDS = {
    "note": "message",
    "regarding": "involvedObject",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_CORE = {core: new for new, core in _WORDS.items()}
_SHOWN: dict[str, Json] = {"eventTime": None, "reportingComponent": "", "reportingInstance": ""}
_SHOWN |= {"firstTimestamp": None, "lastTimestamp": None, "source": {}}


def to_core(event: Json) -> Json:
    """Return a core Event made of one of events.k8s.io."""
    return {_WORDS.get(k, k): v for k, v in event.items()}


def of_core(event: Json) -> Json:
    """Return an events.k8s.io Event made of a core one."""
    return {_CORE.get(k, k): v for k, v in event.items()}


def prepare(cluster: Cluster, new: Json, old: Json | None) -> None:
    """Show what is unset, as Go's types do."""
    for name, value in _SHOWN.items():
        new.setdefault(name, value)


def validate(cluster: Cluster, new: Json, old: Json | None) -> Iterator[FieldError]:
    """Yield what is wrong with an Event: it lives in the namespace of what it is about."""
    about = new.get("involvedObject") or {}
    namespace = new["metadata"].get("namespace")
    if about.get("namespace", "default") != namespace:
        why = "does not match event.namespace"
        yield FieldError(
            "involvedObject.namespace", "Invalid value", why, about.get("namespace", "")
        )
