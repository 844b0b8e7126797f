"""Is a write needed? Comparisons of wanted and live manifests."""

import json
from hashlib import sha256
from typing import Any

_HEARTBEAT = ("lastTransitionTime", "lastUpdateTime", "lastHeartbeatTime", "lastProbeTime")


def fingerprint(manifest: dict[str, Any]) -> str:
    """Return a short hash of a manifest; compared only with hashes of the same object."""
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:16]


def covers(live: Any, wanted: Any) -> bool:
    """Return whether every wanted field is live; the server may have added others.

    Empty, false and absent are the same: the server drops many such fields.
    """
    if isinstance(wanted, dict) and isinstance(live, dict):
        return all(covers(live.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(live, list):
        return len(wanted) == len(live) and all(map(covers, live, wanted))
    if _is_empty(wanted):
        return _is_empty(live)
    return bool(wanted == live)


def _is_empty(value: Any) -> bool:
    """Zero is a number like any other."""
    return value is None or value is False or value in ("", {}, [])


def projection(live: Any, wanted: Any) -> Any:
    """Return the part of a live manifest that sits where wanted fields are.

    Where the server writes values its own way (`0.5` becomes `500m`), two projections can be
    compared although `covers` is false.
    """
    if isinstance(wanted, dict) and isinstance(live, dict):
        return {key: projection(live.get(key), value) for key, value in wanted.items()}
    if isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        return [projection(*pair) for pair in zip(live, wanted, strict=True)]
    return live


def merge_patch(live: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON merge patch (RFC 7386) from live to wanted; {} when they are equal."""
    patch: dict[str, Any] = {key: None for key in live if key not in wanted}
    for key, value in wanted.items():
        before = live.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            inner = merge_patch(before, value)
            patch |= {key: inner} if inner else {}
        elif key not in live or before != value:
            patch[key] = value
    return patch


def same_news(live: Any, wanted: Any) -> bool:
    """Return whether two statuses tell the same, whatever their times of notice are."""
    if isinstance(live, dict) and isinstance(wanted, dict):
        keys = (live.keys() | wanted.keys()) - set(_HEARTBEAT)
        return all(
            key in live and key in wanted and same_news(live[key], wanted[key]) for key in keys
        )
    if isinstance(live, list) and isinstance(wanted, list):
        return len(live) == len(wanted) and all(map(same_news, live, wanted))
    return bool(live == wanted)
