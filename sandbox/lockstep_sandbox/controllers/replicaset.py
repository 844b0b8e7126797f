"""ReplicaSet: as many pods as wanted, and a status that counts them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lockstep_sandbox.client import Client
from lockstep_sandbox.events import Recorder
from lockstep_sandbox.informer import Informer
from lockstep_sandbox.objects import (
    Key,
    Obj,
    age,
    annotations_of,
    condition_of,
    differs,
    is_controlled_by,
    is_deleted,
    is_finished,
    is_ready,
    labels_of,
    matches,
    owner_reference,
    parse_time,
)

_BURST = 500
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


class ReplicaSets:
    """The controller; `sync` is its whole work."""

    def __init__(self, client: Client, sets: Informer, pods: Informer, recorder: Recorder) -> None:
        self._client = client
        self._sets = sets
        self._pods = pods
        self._recorder = recorder
        self._doomed: set[str] = set()  # uids of pods whose deletion the watch has not shown yet

    async def sync(self, key: Key) -> float | None:
        """Bring one ReplicaSet nearer to its wish; return when its status changes by time alone."""
        owner = self._sets.get(key)
        if owner is None:
            return None
        pods = [pod for pod in self._pods.within(key[0]) if is_controlled_by(pod, owner)]
        living = [pod for pod in pods if self._is_living(pod)]
        if not is_deleted(owner):
            missing = owner["spec"].get("replicas", 1) - len(living)
            for _ in range(min(missing, _BURST)):
                living.append(await self._create_pod(owner))
            for pod in doomed(living, max(-missing, 0)):
                await self._delete_pod(owner, pod)
                living.remove(pod)
        status = status_of(owner, living)
        if differs(owner, status):
            self._sets.record(
                await self._client.patch("ReplicaSet", owner, {"status": status}, "status")
            )
        return next_available(owner, living)

    def _is_living(self, pod: Obj) -> bool:
        if is_deleted(pod) or is_finished(pod):
            self._doomed.discard(pod["metadata"]["uid"])
            return False
        return pod["metadata"]["uid"] not in self._doomed

    async def _create_pod(self, owner: Obj) -> Obj:
        pod = await self._client.create("Pod", pod_from(owner))
        self._pods.record(pod)
        self._recorder.normal(
            owner, "ReplicaSet", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}"
        )
        return pod

    async def _delete_pod(self, owner: Obj, pod: Obj) -> None:
        self._doomed.add(pod["metadata"]["uid"])
        await self._client.delete("Pod", pod)
        self._recorder.normal(
            owner, "ReplicaSet", "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}"
        )


def pod_from(owner: Obj) -> Obj:
    """Make a pod of a ReplicaSet's template."""
    template = owner["spec"]["template"]
    meta: Obj = {
        "generateName": owner["metadata"]["name"] + "-",
        "namespace": owner["metadata"]["namespace"],
        "ownerReferences": [owner_reference(owner, "apps/v1", "ReplicaSet")],
    }
    for field in ("labels", "annotations", "finalizers"):
        if template.get("metadata", {}).get(field):
            meta[field] = template["metadata"][field]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}


def doomed(pods: list[Obj], count: int) -> list[Obj]:
    """Choose the pods to delete: those that serve least go first (kubelet's ActivePods order)."""
    return sorted(pods, key=_worth)[:count]


def _worth(pod: Obj) -> tuple[Any, ...]:
    status = pod.get("status", {})
    phase = {"Pending": 0, "Unknown": 1}.get(status.get("phase", "Pending"), 2)
    cost = int(annotations_of(pod).get(_DELETION_COST, "0"))
    restarts = sum(each["restartCount"] for each in status.get("containerStatuses") or ())
    ready = condition_of(pod, "Ready")
    since = ready["lastTransitionTime"] if ready and is_ready(pod) else None
    return (
        bool(pod["spec"].get("nodeName")),
        phase,
        is_ready(pod),
        cost,
        _younger_first(since),
        -restarts,
        _younger_first(pod["metadata"].get("creationTimestamp")),
    )


def _younger_first(moment: str | None) -> float:
    return -(parse_time(moment) if moment else datetime.now(UTC)).timestamp()


def status_of(owner: Obj, living: list[Obj]) -> Obj:
    """Count the living pods."""
    wanted = {"matchLabels": owner["spec"]["template"].get("metadata", {}).get("labels") or {}}
    wait = owner["spec"].get("minReadySeconds") or 0
    return {
        "replicas": len(living),
        "fullyLabeledReplicas": sum(matches(wanted, labels_of(pod)) for pod in living),
        "readyReplicas": sum(is_ready(pod) for pod in living),
        "availableReplicas": sum(_available_in(pod, wait) == 0 for pod in living),
        "observedGeneration": owner["metadata"].get("generation", 0),
    }


def next_available(owner: Obj, living: list[Obj]) -> float | None:
    """Return the seconds until the next ready pod has been ready for minReadySeconds."""
    wait = owner["spec"].get("minReadySeconds") or 0
    times = [rest for pod in living if (rest := _available_in(pod, wait))]
    return min(times, default=None)


def _available_in(pod: Obj, wait: int) -> float | None:
    """Return the seconds until a pod counts as available, None while it is not ready."""
    condition = condition_of(pod, "Ready")
    if condition is None or condition["status"] != "True":
        return None
    return max(wait - age(condition["lastTransitionTime"]), 0.0) if wait else 0.0
