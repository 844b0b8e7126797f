"""What controllers and kubelets do with Deployments: pods that become Ready after a while."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from typing import Any

from lockstep_operator.api.group import COMPONENT_LABEL, REVISION_LABEL
from lockstep_sandbox.apiserver.metadata import stamp
from lockstep_sandbox.apiserver.store import Event, Store
from proofs.crash import clock

Json = Any
DEPLOYMENTS, PODS = "deployments.apps", "pods"
_NOTICE_SECONDS = 0.2
_START_SECONDS = 1.5


class Nodes:
    """Keeps as many pods as each Deployment asks for; `loads`: whether a revision's ever serve."""

    def __init__(self, store: Store, loads: Callable[[str], bool]) -> None:
        self._store = store
        self._loads = loads
        self._addresses = 0
        store.listeners.append(self._noticed)

    def ready(self, revision: str) -> int:
        """Return how many Ready pods a revision has."""
        return len(self.ready_pods(revision))

    def ready_pods(self, revision: str) -> list[Json]:
        """Return the Ready pods of a revision."""
        return [pod for pod in self._pods_of(revision) if _is_ready(pod)]

    def fail(self, revision: str, pods: int) -> None:
        """Let so many of a revision's Ready pods lose their readiness, until they recover."""
        for pod in self.ready_pods(revision)[:pods]:
            self._set_ready(pod, "False")

    def recover(self, revision: str) -> None:
        """Let the pods that lost their readiness be Ready again."""
        for pod in self._pods_of(revision):
            if "podIP" in pod["status"] and not _is_ready(pod):
                self._set_ready(pod, "True")

    def _pods_of(self, revision: str) -> list[Json]:
        return [pod for pod in self._store.items(PODS) if _revision(pod) == revision]

    def _set_ready(self, pod: Json, status: str) -> None:
        conditions = [_ready_condition(status)]
        self._store.put(PODS, {**pod, "status": {**pod["status"], "conditions": conditions}})
        self._later(0.0, self._report_owner, pod)

    def _noticed(self, key: str, event: Event) -> None:
        if key == DEPLOYMENTS and event.type != "DELETED" and _asks_for_more_or_less(event):
            self._later(_NOTICE_SECONDS, self._scale, event.obj)
        if key == PODS and event.type == "DELETED":
            self._later(_NOTICE_SECONDS, self._replace, event.obj)

    def _later(self, seconds: float, work: Any, obj: Json) -> None:
        asyncio.get_running_loop().call_later(seconds, work, obj)

    def _replace(self, pod: Json) -> None:
        owner = pod["metadata"]["ownerReferences"][0]["name"]
        deployment = self._store.get(DEPLOYMENTS, pod["metadata"]["namespace"], owner)
        if deployment is not None:
            self._scale(deployment)

    def _scale(self, deployment: Json) -> None:
        namespace, name = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
        live = self._store.get(DEPLOYMENTS, namespace, name)
        if live is None or live["metadata"]["uid"] != deployment["metadata"]["uid"]:
            return
        wanted = live["spec"]["replicas"]
        pods = [one for one in self._store.items(PODS, namespace) if _owner(one) == name]
        for pod in pods[wanted:]:
            self._store.remove(PODS, pod)
        taken = {pod["metadata"]["name"] for pod in pods}
        free = [f"{name}-{n}" for n in range(wanted + len(pods)) if f"{name}-{n}" not in taken]
        for new in free[: max(0, wanted - len(pods))]:
            self._start(live, new)
        self._report(live)

    def _start(self, deployment: Json, name: str) -> None:
        template = deployment["spec"]["template"]
        owner = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": deployment["metadata"]["name"],
            "uid": deployment["metadata"]["uid"],
            "controller": True,
        }
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**template["metadata"], "name": name, "ownerReferences": [owner]},
            "spec": template["spec"],
            "status": {"phase": "Pending"},
        }
        pod["metadata"]["namespace"] = deployment["metadata"]["namespace"]
        stamp(pod, pod["metadata"]["namespace"])
        self._later(_START_SECONDS, self._become_ready, self._store.put(PODS, pod))

    def _become_ready(self, pod: Json) -> None:
        live = self._store.get(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"])
        if live is None or live["metadata"]["uid"] != pod["metadata"]["uid"]:
            return
        revision = _revision(live)
        if revision is not None and not self._loads(revision):
            return
        self._addresses += 1
        self._store.put(PODS, {**live, "status": _ready_status(live, self._addresses)})
        self._later(0.0, self._report_owner, live)

    def _report_owner(self, pod: Json) -> None:
        deployment = self._store.get(DEPLOYMENTS, pod["metadata"]["namespace"], _owner(pod))
        if deployment is not None:
            self._report(deployment)

    def _report(self, deployment: Json) -> None:
        metadata = deployment["metadata"]
        pods = [
            one
            for one in self._store.items(PODS, metadata["namespace"])
            if _owner(one) == metadata["name"]
        ]
        ready = sum(map(_is_ready, pods))
        counts = {"replicas": len(pods), "updatedReplicas": len(pods)}
        counts |= {"readyReplicas": ready, "availableReplicas": ready}
        status = {"observedGeneration": metadata.get("generation", 1), **counts}
        if deployment.get("status") != status:
            self._store.put(DEPLOYMENTS, {**deployment, "status": status})


def _asks_for_more_or_less(event: Event) -> bool:
    return event.old is None or bool(event.old["spec"] != event.obj["spec"])


def router_pods(store: Store, namespace: str) -> list[Json]:
    """Return the router's pods."""
    return [
        pod
        for pod in store.items(PODS, namespace)
        if pod["metadata"]["labels"].get(COMPONENT_LABEL) == "router"
    ]


def _ready_condition(status: str) -> Json:
    moment = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"type": "Ready", "status": status, "lastTransitionTime": moment}


def _ready_status(pod: Json, number: int) -> Json:
    moment = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    names = [one["name"] for one in pod["spec"].get("initContainers") or ()]
    digest = hashlib.sha256(json.dumps(pod["spec"], sort_keys=True).encode()).hexdigest()
    said = json.dumps({"digest": f"sha256:{digest}"})
    ended = {"exitCode": 0, "message": said, "finishedAt": moment, "reason": "Completed"}
    return {
        "phase": "Running",
        "podIP": f"127.16.{number // 250}.{number % 250 + 1}",
        "conditions": [_ready_condition("True")],
        "initContainerStatuses": [
            {"name": name, "state": {"terminated": ended}, "restartCount": 0} for name in names
        ],
    }


def _is_ready(pod: Json) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _owner(pod: Json) -> str:
    return str(pod["metadata"]["ownerReferences"][0]["name"])


def _revision(pod: Json) -> str | None:
    found: str | None = pod["metadata"]["labels"].get(REVISION_LABEL)
    return found
