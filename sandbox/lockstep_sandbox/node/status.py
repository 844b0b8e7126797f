"""A pod's status as kubelet writes it: phase, conditions, containers."""

from __future__ import annotations

from collections.abc import Sequence

from lockstep_sandbox.node.container import Container
from lockstep_sandbox.node.context import PodContext
from lockstep_sandbox.objects import Obj, condition_of, timestamp

_OURS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


def status_of(
    context: PodContext, inits: Sequence[Container], mains: Sequence[Container], since: str
) -> Obj:
    """Return the whole status, for a merge patch (absent things are None)."""
    phase = phase_of(context, inits, mains)
    address = context.address
    return {
        "phase": phase,
        "conditions": _conditions(context, inits, mains, phase),
        "message": None,
        "reason": None,
        "hostIP": context.settings.network.node,
        "hostIPs": [{"ip": context.settings.network.node}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": since,
        "initContainerStatuses": [_init_status(each) for each in inits] or None,
        "containerStatuses": [each.status() for each in mains],
    }


def phase_of(context: PodContext, inits: Sequence[Container], mains: Sequence[Container]) -> str:
    """Derive the phase from the containers' states (kubelet's getPhase)."""
    policy = context.pod["spec"].get("restartPolicy", "Always")
    codes = [_exit_code(each) for each in mains]
    if policy == "Never" and any(_exit_code(each) for each in inits):
        return "Failed"
    if not is_initialized(inits) or any(_never_ran(each) for each in mains):
        return "Pending"
    over = all(code is not None for code in codes)
    if over and (policy != "Always" or context.ending.is_set()):
        if not any(codes):
            return "Succeeded"
        if policy == "Never" or context.ending.is_set():
            return "Failed"
    return "Running"


def is_initialized(inits: Sequence[Container]) -> bool:
    """Tell whether every init container is done."""
    return all(_exit_code(each) == 0 for each in inits)


def _exit_code(each: Container) -> int | None:
    ended = each.state.get("terminated")
    return None if ended is None else int(ended["exitCode"])


def _never_ran(each: Container) -> bool:
    return "waiting" in each.state and not each.last_state


def _init_status(each: Container) -> Obj:
    return {**each.status(), "ready": _exit_code(each) == 0}


def _conditions(
    context: PodContext, inits: Sequence[Container], mains: Sequence[Container], phase: str
) -> list[Obj]:
    unready = [each.name for each in mains if not each.ready]
    undone = [each.name for each in inits if _exit_code(each) != 0]
    completed = phase in ("Succeeded", "Failed")
    containers = _unmet("ContainersReady", "ContainersNotReady", "unready status", unready)
    ready = {**containers, "type": "Ready"}
    if completed:
        over = {"status": "False", "reason": "PodCompleted", "message": None}
        containers, ready = {**containers, **over}, {**ready, **over}
    incomplete = _unmet("Initialized", "ContainersNotInitialized", "incomplete status", undone)
    given = [
        {"type": "PodReadyToStartContainers", "status": "False" if completed else "True"},
        incomplete if phase != "Succeeded" else {"type": "Initialized", "status": "True"},
        ready,
        containers,
        {"type": "PodScheduled", "status": "True"},
    ]
    others = [
        each
        for each in context.pod.get("status", {}).get("conditions") or ()
        if each["type"] not in _OURS
    ]
    return [*(_dated(context.pod, each) for each in given), *others]


def _unmet(kind: str, reason: str, what: str, names: list[str]) -> Obj:
    if not names:
        return {"type": kind, "status": "True"}
    message = f"containers with {what}: [{' '.join(names)}]"
    return {"type": kind, "status": "False", "reason": reason, "message": message}


def _dated(pod: Obj, condition: Obj) -> Obj:
    before = condition_of(pod, condition["type"])
    same = before is not None and before["status"] == condition["status"]
    since = before.get("lastTransitionTime") if same and before else None
    dated = {**condition, "lastProbeTime": None, "lastTransitionTime": since or timestamp()}
    return {key: value for key, value in dated.items() if value is not None or "Time" in key}
