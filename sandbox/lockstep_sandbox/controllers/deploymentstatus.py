"""A Deployment's status: counts, and the conditions Available and Progressing."""

from __future__ import annotations

from lockstep_sandbox.objects import Obj, age, condition_of, resolve_percent, timestamp

_DONE = "NewReplicaSetAvailable"
_PAUSED = "DeploymentPaused"
_LATE = "ProgressDeadlineExceeded"


def status_of(owner: Obj, newest: Obj | None, old: list[Obj]) -> Obj:
    """Count over the ReplicaSets and judge the rollout."""
    sets = [*old, *([newest] if newest else [])]
    available = _total(sets, "availableReplicas")
    asked = sum(int(each["spec"].get("replicas", 1)) for each in sets)
    status: Obj = {
        "observedGeneration": owner["metadata"].get("generation", 0),
        "replicas": _total(sets, "replicas"),
        "updatedReplicas": _total([newest] if newest else [], "replicas"),
        "readyReplicas": _total(sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(asked - available, 0),
    }
    conditions = [_availability(owner, available)]
    progress = _progress(owner, newest, status)
    if progress is not None:
        conditions.append(progress)
    status["conditions"] = [_dated(owner, each) for each in conditions]
    return status


def is_complete(owner: Obj, status: Obj) -> bool:
    """Tell whether exactly the wanted pods are there, all updated and available."""
    wanted = owner["spec"].get("replicas", 1)
    counts = ("replicas", "updatedReplicas", "availableReplicas")
    fresh = status.get("observedGeneration", 0) >= owner["metadata"].get("generation", 0)
    return fresh and all((status.get(name) or 0) == wanted for name in counts)


def timeout_of(owner: Obj) -> float | None:
    """Return the seconds until the progress deadline, None when it cannot pass."""
    deadline, condition = owner["spec"].get("progressDeadlineSeconds"), _progressing(owner)
    if deadline is None or condition is None or condition["reason"] in (_DONE, _LATE):
        return None
    return float(max(deadline - age(condition["lastUpdateTime"]), 0.0) + 1.0)


def _total(sets: list[Obj], name: str) -> int:
    return sum(int(each.get("status", {}).get(name) or 0) for each in sets)


def _progressing(owner: Obj) -> Obj | None:
    return condition_of(owner, "Progressing")


def _availability(owner: Obj, available: int) -> Obj:
    spec = owner["spec"]
    limit = (spec.get("strategy", {}).get("rollingUpdate") or {}).get("maxUnavailable", "25%")
    if spec.get("strategy", {}).get("type") == "Recreate":
        limit = 0
    replicas = spec.get("replicas", 1)
    if available >= replicas - resolve_percent(limit, replicas, round_up=False):
        text = "Deployment has minimum availability."
        return _condition("Available", "True", "MinimumReplicasAvailable", text)
    text = "Deployment does not have minimum availability."
    return _condition("Available", "False", "MinimumReplicasUnavailable", text)


def _progress(owner: Obj, newest: Obj | None, status: Obj) -> Obj | None:
    deadline, present = owner["spec"].get("progressDeadlineSeconds"), _progressing(owner)
    if deadline is None:
        return present
    name = f'ReplicaSet "{newest["metadata"]["name"]}"' if newest else "Deployment"
    before = present["reason"] if present else _DONE
    over = status["replicas"] == status["updatedReplicas"]
    moved = _advanced(owner.get("status", {}), status)
    late = present is not None and age(present["lastUpdateTime"]) > deadline
    conditions = (
        (over and present is not None and before == _DONE, present),
        (
            is_complete(owner, status),
            _progressing_is("True", _DONE, f"{name} has successfully progressed."),
        ),
        (owner["spec"].get("paused"), _progressing_is("Unknown", _PAUSED, "Deployment is paused")),
        (before == _DONE, _progressing_is("True", "NewReplicaSetCreated", f"Created new {name}")),
        (
            moved or before == _PAUSED,
            {
                **_progressing_is("True", "ReplicaSetUpdated", f"{name} is progressing."),
                "moved": True,
            },
        ),
        (late, _progressing_is("False", _LATE, f"{name} has timed out progressing.")),
        (True, present),
    )
    return next(condition for applies, condition in conditions if applies)


def _progressing_is(status: str, reason: str, message: str) -> Obj:
    return _condition("Progressing", status, reason, message)


def _advanced(before: Obj, after: Obj) -> bool:
    def old_pods(status: Obj) -> int:
        return int((status.get("replicas") or 0) - (status.get("updatedReplicas") or 0))

    names = ("updatedReplicas", "readyReplicas", "availableReplicas")
    grown = any(after[name] > (before.get(name) or 0) for name in names)
    return grown or old_pods(after) < old_pods(before)


def _condition(kind: str, status: str, reason: str, message: str) -> Obj:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def _dated(owner: Obj, condition: Obj) -> Obj:
    """Set the two times: of the last change of status, and of the last change at all."""
    before, now = condition_of(owner, condition["type"]), timestamp()
    moved = condition.pop("moved", False)
    same = before is not None and all(
        before[name] == condition[name] for name in ("status", "reason", "message")
    )
    if before is not None and same and not moved:
        return before
    turned = before is None or before["status"] != condition["status"]
    since = now if before is None or turned else before["lastTransitionTime"]
    return {**condition, "lastUpdateTime": now, "lastTransitionTime": since}
