"""When to annotate a router pod so that its kubelet looks at the ConfigMap again.

A kubelet writes a changed ConfigMap to a pod's volume when it next syncs the pod, up to 90 s
later; a change of the pod makes that at once. It may then still have the old ConfigMap in its
cache, so the annotation changes again until the pod's Envoy reports the new configuration.
"""

from datetime import UTC, datetime
from typing import Any

from lockstep_operator.traffic.envoy import names

Manifest = dict[str, Any]

FIRST_WAIT_SECONDS = 0.25
# 0.25 s + 0.5 s + … + 32 s: by then the kubelet's own period is over.
MAX_REPEATS = 8


def nudge(pod: Manifest, config: str, applied: bool, now: float) -> dict[str, str] | None:
    """Return the annotations to set on a router pod now, None when nothing is due.

    Args:
        pod: the router pod.
        config: hash of the ConfigMap's data.
        applied: whether the pod reports that configuration, or cannot yet.
        now: seconds since the epoch.
    """
    annotations = pod["metadata"].get("annotations") or {}
    if annotations.get(names.CONFIG_ANNOTATION) != config:
        return _annotations(config, 0, now)
    if applied:
        return None
    count, at = _last(annotations.get(names.NUDGED_ANNOTATION, ""))
    if count >= MAX_REPEATS or now < at + FIRST_WAIT_SECONDS * 2**count:
        return None
    return _annotations(config, count + 1, now)


def _annotations(config: str, count: int, now: float) -> dict[str, str]:
    moment = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    return {names.CONFIG_ANNOTATION: config, names.NUDGED_ANNOTATION: f"{count} {moment}"}


def _last(text: str) -> tuple[int, float]:
    """Return (repeats so far, time of the last); what is not readable counts as long ago."""
    count, _, moment = text.partition(" ")
    try:
        return int(count), datetime.fromisoformat(moment).timestamp()
    except ValueError:
        return 0, 0.0
