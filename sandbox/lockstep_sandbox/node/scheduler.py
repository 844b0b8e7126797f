"""A scheduler for one node: a pod fits or it does not."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from lockstep_sandbox.client import ApiError, Client
from lockstep_sandbox.events import Recorder
from lockstep_sandbox.node.downward import allocatable
from lockstep_sandbox.objects import (
    Key,
    Obj,
    condition_of,
    is_deleted,
    key_of,
    parse_quantity,
    timestamp,
)
from lockstep_sandbox.settings import NodeSettings
from lockstep_sandbox.workqueue import WorkQueue

_NAME = "default-scheduler"


class Scheduler:
    """Binds pods; what one pod asks for is compared with the whole node, not with what is left."""

    def __init__(self, client: Client, settings: NodeSettings) -> None:
        self._client = client
        self._node = settings.name
        self._recorder = Recorder(client, _NAME)
        self._waiting: dict[Key, Obj] = {}
        self._queue = WorkQueue("scheduling", self._bind)

    def add(self, pod: Obj) -> None:
        """Have a pod bound, unless it was refused before: the node never grows."""
        scheduled = condition_of(pod, "PodScheduled")
        refused = scheduled is not None and scheduled["status"] == "False"
        ours = pod["spec"].get("schedulerName", _NAME) == _NAME
        if ours and not refused and not is_deleted(pod):
            self._waiting[key_of(pod)] = pod
            self._queue.add(key_of(pod))

    async def run(self) -> None:
        """Work for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._queue.run(workers=2))
            group.create_task(self._recorder.run())

    async def _bind(self, key: Key) -> float | None:
        pod = self._waiting.get(key)
        if pod is None:
            return None
        misfit = misfit_of(pod)
        if misfit is not None:
            del self._waiting[key]
            await self._refuse(pod, f"0/1 nodes are available: 1 {misfit}.")
            return None
        try:
            await self._client.patch("Pod", pod, {"spec": {"nodeName": self._node}})
        except ApiError as error:
            if error.status not in (404, 409, 422):
                raise
        else:
            text = f"Successfully assigned {key[0]}/{key[1]} to {self._node}"
            self._recorder.normal(pod, "Pod", "Scheduled", text)
        self._waiting.pop(key, None)
        return None

    async def _refuse(self, pod: Obj, message: str) -> None:
        self._recorder.warning(pod, "Pod", "FailedScheduling", message)
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
        condition |= {"message": message, "lastTransitionTime": timestamp()}
        await self._client.patch("Pod", pod, {"status": {"conditions": [condition]}}, "status")


def misfit_of(pod: Obj) -> str | None:
    """Return why a pod cannot run here, as the scheduler words it; None when it can."""
    selector = pod["spec"].get("nodeSelector") or {}
    if any(key not in ("kubernetes.io/os", "kubernetes.io/arch") for key in selector):
        return "node(s) didn't match Pod's node affinity/selector"
    offered = allocatable()
    asked: dict[str, Decimal] = {}
    for container in pod["spec"]["containers"]:
        for name, amount in ((container.get("resources") or {}).get("requests") or {}).items():
            asked[name] = asked.get(name, Decimal(0)) + parse_quantity(amount)
    short = [
        name for name, amount in asked.items() if amount > parse_quantity(offered.get(name, 0))
    ]
    return f"Insufficient {', '.join(sorted(short))}" if short else None
