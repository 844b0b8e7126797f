"""Cells of `kubectl get` that take more than a JSONPath; columns.yaml names these functions."""

from __future__ import annotations

from typing import Any

from lockstep_sandbox.apiserver.clock import age as age_of

Json = Any
NONE = "<none>"


def age(obj: Json) -> str:
    """Return how long an object has been there."""
    return age_of(obj["metadata"].get("creationTimestamp"))


def labels_text(labels: Json) -> str:
    """Return labels as a selector: `a=b,c=d`."""
    return ",".join(f"{k}={v}" for k, v in sorted((labels or {}).items()))


def match_labels(obj: Json) -> str:
    """Return a workload's selector."""
    return labels_text((obj["spec"].get("selector") or {}).get("matchLabels")) or NONE


def service_selector(obj: Json) -> str:
    """Return a Service's selector."""
    return labels_text(obj["spec"].get("selector")) or NONE


def container_names(obj: Json) -> str:
    """Return the names in a pod template."""
    return _of_template(obj, "name")


def container_images(obj: Json) -> str:
    """Return the images in a pod template."""
    return _of_template(obj, "image")


def _of_template(obj: Json, field: str) -> str:
    spec = (obj["spec"].get("template") or {}).get("spec") or {}
    return ",".join(c.get(field, "") for c in spec.get("containers") or ()) or NONE


def _states(obj: Json, kind: str = "containerStatuses") -> list[Json]:
    return (obj.get("status") or {}).get(kind) or []


def pod_ready(obj: Json) -> str:
    """Return how many of a pod's containers are ready."""
    ready = sum(1 for s in _states(obj) if s.get("ready"))
    return f"{ready}/{len(obj['spec'].get('containers') or ())}"


def pod_phase(obj: Json) -> str:
    """Return what kubectl shows under STATUS: the most telling reason."""
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    if initial := _initialising(obj):
        return initial
    status = obj.get("status") or {}
    reason = str(status.get("reason") or status.get("phase") or "Unknown")
    for state in _states(obj):
        reason = _reason(state.get("state") or {}) or reason
    running = any((s.get("state") or {}).get("running") for s in _states(obj))
    return "Running" if reason == "Completed" and running else reason


def _reason(state: Json) -> str:
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
    if not ended:
        return str(waiting.get("reason") or "")
    code, signal = ended.get("exitCode", 0), ended.get("signal")
    return str(ended.get("reason") or (f"Signal:{signal}" if signal else f"ExitCode:{code}"))


def _initialising(obj: Json) -> str:
    states = _states(obj, "initContainerStatuses")
    for i, state in enumerate(s.get("state") or {} for s in states):
        if (state.get("terminated") or {}).get("exitCode") == 0:
            continue
        reason = _reason(state)
        if reason and reason != "PodInitializing":
            return f"Init:{reason}"
        return f"Init:{i}/{len(states)}"
    return ""


def pod_restarts(obj: Json) -> str:
    """Return the number of restarts, and when the last was."""
    total = sum(s.get("restartCount", 0) for s in _states(obj))
    ends = [((s.get("lastState") or {}).get("terminated") or {}) for s in _states(obj)]
    last = max((e["finishedAt"] for e in ends if e.get("finishedAt")), default=None)
    return f"{total} ({age_of(last)} ago)" if total and last else str(total)


def readiness_gates(obj: Json) -> str:
    """Return the number of a pod's readiness gates."""
    gates = obj["spec"].get("readinessGates")
    return str(len(gates)) if gates else NONE


def deployment_ready(obj: Json) -> str:
    """Return ready and wanted replicas."""
    ready = (obj.get("status") or {}).get("readyReplicas", 0)
    return f"{ready}/{obj['spec'].get('replicas', 1)}"


def service_ports(obj: Json) -> str:
    """Return a Service's ports."""
    ports = obj["spec"].get("ports") or ()
    return ",".join(f"{p['port']}/{p.get('protocol', 'TCP')}" for p in ports) or NONE


def data_size(obj: Json) -> int:
    """Return the number of keys in a ConfigMap or Secret."""
    return len(obj.get("data") or ()) + len(obj.get("binaryData") or ())


def secrets_size(obj: Json) -> int:
    """Return the number of a ServiceAccount's secrets."""
    return len(obj.get("secrets") or ())


def node_status(obj: Json) -> str:
    """Return Ready or NotReady."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return "Ready" if ready else "NotReady"


def last_seen(obj: Json) -> str:
    """Return how long ago an Event happened last."""
    series = (obj.get("series") or {}).get("lastObservedTime")
    times = (obj.get(k) for k in ("lastTimestamp", "eventTime", "firstTimestamp"))
    return age_of(next(filter(None, (series, *times)), None))


def event_object(obj: Json) -> str:
    """Return what an Event is about."""
    about = obj.get("involvedObject") or {}
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def event_source(obj: Json) -> str:
    """Return who reports an Event."""
    source = obj.get("source") or {}
    component = source.get("component") or obj.get("reportingComponent") or ""
    return ", ".join(filter(None, (component, source.get("host"))))


def slice_ports(obj: Json) -> str:
    """Return an EndpointSlice's ports."""
    return ",".join(str(p.get("port", "*")) for p in obj.get("ports") or ()) or "<unset>"


def slice_addresses(obj: Json) -> str:
    """Return the first addresses of an EndpointSlice."""
    found = [a for e in obj.get("endpoints") or () for a in e.get("addresses") or ()]
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return ",".join(found[:3]) + more or "<unset>"


def role_name(obj: Json) -> str:
    """Return the role that a binding gives."""
    return f"{obj['roleRef']['kind']}/{obj['roleRef']['name']}"
