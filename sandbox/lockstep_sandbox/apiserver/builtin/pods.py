"""Pods and pod templates: defaults and rules that the sandbox's users would notice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lockstep_sandbox.apiserver.cluster import Cluster
from lockstep_sandbox.apiserver.errors import FieldError
from lockstep_sandbox.apiserver.metadata import dns_label
from lockstep_sandbox.apiserver.quantity import parse

Json = Any
IMMUTABLE = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
    "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set "
    "to 1 if it was previously negative)"
)


def default_spec(spec: Json) -> None:
    """Fill in the defaults of a pod's spec that depend on other fields."""
    for container in containers(spec):
        if "imagePullPolicy" not in container:
            container["imagePullPolicy"] = _pull_policy(container.get("image", ""))
        for port in container.get("ports") or ():
            if spec.get("hostNetwork"):
                port.setdefault("hostPort", port["containerPort"])
    if account := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for volume in spec.get("volumes") or ():
        if set(volume) == {"name"}:
            volume["emptyDir"] = {}


def _pull_policy(image: str) -> str:
    tag = image.rpartition("/")[2].partition(":")[2]
    return "Always" if "@" not in image and tag in ("", "latest") else "IfNotPresent"


def containers(spec: Json) -> list[Json]:
    """Return a pod's containers, those for initialisation included."""
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def prepare(cluster: Cluster, new: Json, old: Json | None) -> None:
    """Complete a pod."""
    spec = new.setdefault("spec", {})
    default_spec(spec)
    for container in containers(spec):
        _requests_from_limits(container.get("resources") or {})
    if old is None:
        spec.setdefault("enableServiceLinks", True)
        spec.setdefault("serviceAccountName", "default")
        spec.setdefault("serviceAccount", spec["serviceAccountName"])
        spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
        spec.setdefault("priority", 0)
        new["status"] = {"phase": "Pending", "qosClass": quality(spec)}


def _requests_from_limits(resources: Json) -> None:
    for name, amount in (resources.get("limits") or {}).items():
        resources.setdefault("requests", {}).setdefault(name, amount)


def quality(spec: Json) -> str:
    """Return a pod's QoS class."""
    found = [c.get("resources") or {} for c in containers(spec)]
    amounts = [r.get(k, {}).get(n) for r in found for k in _KINDS for n in _COUNTED]
    if not any(amounts):
        return "BestEffort"
    guaranteed = all(
        r.get("limits", {}).get(n) and r.get("requests", {}).get(n) == r["limits"][n]
        for r in found
        for n in _COUNTED
    )
    return "Guaranteed" if guaranteed else "Burstable"


_KINDS, _COUNTED = ("requests", "limits"), ("cpu", "memory")


def validate(cluster: Cluster, new: Json, old: Json | None) -> Iterator[FieldError]:
    """Yield what is wrong with a pod."""
    yield from spec_problems(new["spec"], "spec")
    if old is not None and _fixed(new["spec"]) != _fixed(old["spec"]):
        yield FieldError("spec", "Forbidden", IMMUTABLE)


def _fixed(spec: Json) -> Json:
    """Return what of a pod's spec may never change; a node may be set once."""
    loose = ("nodeName", "tolerations", "activeDeadlineSeconds", "terminationGracePeriodSeconds")
    kept = {k: v for k, v in spec.items() if k not in (*loose, "schedulingGates")}
    for name in ("containers", "initContainers"):
        if name in kept:
            kept[name] = [{**c, "image": ""} for c in kept[name]]
    return kept


def spec_problems(spec: Json, path: str) -> Iterator[FieldError]:
    """Yield what is wrong with a pod's spec at a path."""
    if not spec.get("containers"):
        yield FieldError(f"{path}.containers", "Required value")
    volumes = [v.get("name", "") for v in spec.get("volumes") or ()]
    yield from _unique(volumes, f"{path}.volumes")
    for i, volume in enumerate(spec.get("volumes") or ()):
        for kind in [k for k in volume if k != "name"][1:]:
            why = "may not specify more than 1 volume type"
            yield FieldError(f"{path}.volumes[{i}].{kind}", "Forbidden", why)
    seen: set[str] = set()
    for kind in ("initContainers", "containers"):
        for i, container in enumerate(spec.get(kind) or ()):
            where = f"{path}.{kind}[{i}]"
            yield from _container(container, where, volumes)
            if (name := container.get("name")) in seen:
                yield FieldError(f"{where}.name", "Duplicate value", value=name)
            seen.add(name or "")
    policy = spec.get("restartPolicy")
    if policy and policy not in ("Always", "OnFailure", "Never"):
        why = 'supported values: "Always", "OnFailure", "Never"'
        yield FieldError(f"{path}.restartPolicy", "Unsupported value", why, policy)


def _unique(names: list[str], path: str) -> Iterator[FieldError]:
    for i, name in enumerate(names):
        if not name:
            yield FieldError(f"{path}[{i}].name", "Required value")
        elif name in names[:i]:
            yield FieldError(f"{path}[{i}].name", "Duplicate value", value=name)
        else:
            yield from dns_label(name, f"{path}[{i}].name")


def _container(container: Json, path: str, volumes: list[str]) -> Iterator[FieldError]:
    if not container.get("name"):
        yield FieldError(f"{path}.name", "Required value")
    else:
        yield from dns_label(container["name"], f"{path}.name")
    if not container.get("image"):
        yield FieldError(f"{path}.image", "Required value")
    for i, port in enumerate(container.get("ports") or ()):
        if not 0 < port.get("containerPort", 0) < 65536:
            why, where = (
                "must be between 1 and 65535, inclusive",
                f"{path}.ports[{i}].containerPort",
            )
            yield FieldError(where, "Invalid value", why, port.get("containerPort", 0))
    for i, variable in enumerate(container.get("env") or ()):
        if not variable.get("name"):
            yield FieldError(f"{path}.env[{i}].name", "Required value")
    for i, mount in enumerate(container.get("volumeMounts") or ()):
        if (name := mount.get("name", "")) not in volumes:
            yield FieldError(f"{path}.volumeMounts[{i}].name", "Not found", value=name)
    yield from _probes(container, path)
    yield from _resources(container.get("resources") or {}, f"{path}.resources")


def _probes(container: Json, path: str) -> Iterator[FieldError]:
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(name)
        if probe is not None and not {"exec", "grpc", "httpGet", "tcpSocket"} & set(probe):
            yield FieldError(f"{path}.{name}", "Required value", "must specify a handler type")


def _resources(resources: Json, path: str) -> Iterator[FieldError]:
    limits = resources.get("limits") or {}
    for name, amount in (resources.get("requests") or {}).items():
        if name in limits and parse(amount) > parse(limits[name]):
            why = f"must be less than or equal to {name} limit of {limits[name]}"
            yield FieldError(f"{path}.requests", "Invalid value", why, amount)
