"""The controllers together: what is watched, and which change is whose work."""

from __future__ import annotations

import asyncio

from lockstep_sandbox.client import Client
from lockstep_sandbox.controllers.deployment import Deployments
from lockstep_sandbox.controllers.endpointslice import SERVICE, EndpointSlices
from lockstep_sandbox.controllers.replicaset import ReplicaSets
from lockstep_sandbox.events import Recorder
from lockstep_sandbox.informer import Informer
from lockstep_sandbox.objects import Obj, controller_of, key_of, labels_of
from lockstep_sandbox.workqueue import WorkQueue


class Manager:
    """Runs all controllers as one user."""

    def __init__(self, client: Client) -> None:
        self._deployments = Informer(client, "Deployment", self._on_deployment)
        self._sets = Informer(client, "ReplicaSet", self._on_set)
        self._pods = Informer(client, "Pod", self._on_pod)
        self._services = Informer(client, "Service", self._on_service)
        self._slices = Informer(client, "EndpointSlice", self._on_slice)
        self._rollouts = Recorder(client, "deployment-controller")
        self._scalings = Recorder(client, "replicaset-controller")
        deployments = Deployments(client, self._deployments, self._sets, self._pods, self._rollouts)
        sets = ReplicaSets(client, self._sets, self._pods, self._scalings)
        self._endpoints = EndpointSlices(client, self._services, self._slices, self._pods)
        self._deployment_queue = WorkQueue("Deployment", deployments.sync)
        self._set_queue = WorkQueue("ReplicaSet", sets.sync)
        self._slice_queue = WorkQueue("EndpointSlice", self._endpoints.sync)

    async def run(self) -> None:
        """Work for ever; a controller starts once all it reads has been listed."""
        informers = (
            self._deployments,
            self._sets,
            self._pods,
            self._services,
            self._slices,
        )
        async with asyncio.TaskGroup() as group:
            for each in (*informers, self._rollouts, self._scalings):
                group.create_task(each.run())
            for informer in informers:
                await informer.synced.wait()
            for queue in (self._deployment_queue, self._set_queue, self._slice_queue):
                group.create_task(queue.run())

    def _on_deployment(self, before: Obj | None, after: Obj | None) -> None:
        self._deployment_queue.add(_key(before, after))

    def _on_set(self, before: Obj | None, after: Obj | None) -> None:
        self._set_queue.add(_key(before, after))
        self._add_owner(self._deployment_queue, before, after, "Deployment")

    def _on_pod(self, before: Obj | None, after: Obj | None) -> None:
        self._add_owner(self._set_queue, before, after, "ReplicaSet")
        if after is None and before is not None:
            self._tell_recreating(before)
        for pod in (before, after):
            for key in self._endpoints.services_of(pod) if pod else ():
                self._slice_queue.add(key)

    def _tell_recreating(self, pod: Obj) -> None:
        """A Deployment with strategy Recreate waits for its last old pod to vanish."""
        owner = controller_of(pod)
        each = self._sets.get((pod["metadata"]["namespace"], owner["name"])) if owner else None
        self._add_owner(self._deployment_queue, each, None, "Deployment")

    def _on_service(self, before: Obj | None, after: Obj | None) -> None:
        self._slice_queue.add(_key(before, after))

    def _on_slice(self, before: Obj | None, after: Obj | None) -> None:
        for each in (before, after):
            if each and SERVICE in labels_of(each):
                self._slice_queue.add((key_of(each)[0], labels_of(each)[SERVICE]))

    def _add_owner(
        self, queue: WorkQueue, before: Obj | None, after: Obj | None, kind: str
    ) -> None:
        obj = after or before
        owner = controller_of(obj) if obj else None
        if obj and owner and owner["kind"] == kind:
            queue.add((obj["metadata"]["namespace"], owner["name"]))


def _key(before: Obj | None, after: Obj | None) -> tuple[str, str]:
    obj = after or before
    if obj is None:
        raise AssertionError("a change of nothing")
    return key_of(obj)
