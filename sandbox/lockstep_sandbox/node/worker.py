"""One pod on this node, from its volumes to its last container's end."""

from __future__ import annotations

import asyncio
import logging
import random
import shutil
from collections.abc import Sequence

from lockstep_sandbox.client import ApiError, Client
from lockstep_sandbox.node.container import Container
from lockstep_sandbox.node.context import PodContext, mounts_of
from lockstep_sandbox.node.sources import MissingError
from lockstep_sandbox.node.status import status_of
from lockstep_sandbox.node.volumes import TOKEN_PATH, token_volume
from lockstep_sandbox.objects import Obj, is_deleted, timestamp, version_of

log = logging.getLogger(__name__)

_MOUNT_RETRY = (0.5, 10.0)  # seconds: the first wait, the longest
_WRITE_RETRY = 1.0


class Worker:
    """Runs a pod; `update` and `vanish` tell it what the API server says."""

    def __init__(self, client: Client, context: PodContext) -> None:
        self._client = client
        self._context = context
        self._since = timestamp()
        self._gone = False
        self._kept = False
        self._changed_spec = asyncio.Event()
        policy = context.pod["spec"].get("restartPolicy", "Always")
        first = "OnFailure" if policy == "Always" else policy
        self.inits = [self._container(spec, first) for spec in context.init_containers()]
        self.mains = [self._container(spec, policy) for spec in context.containers()]
        for each in self.mains if self.inits else ():
            each.state = {"waiting": {"reason": "PodInitializing"}}
        self.update(context.pod)

    def _container(self, spec: Obj, restart: str) -> Container:
        return Container(self._context, spec, restart, self._refresh)

    @property
    def context(self) -> PodContext:
        """Return what the pod's containers share."""
        return self._context

    def find(self, name: str) -> Container | None:
        """Return the container of that name."""
        return next((each for each in [*self.inits, *self.mains] if each.name == name), None)

    def update(self, pod: Obj) -> None:
        """Take in a newer state of the pod; only a change beyond its status causes a sync."""
        before = self._context.pod
        if version_of(pod) < version_of(before):
            return
        self._context.pod = {**pod, "spec": before["spec"]}
        if is_deleted(pod):
            self._end(float(pod["metadata"].get("deletionGracePeriodSeconds") or 0))
        elif _wishes(pod) != _wishes(before):
            self._changed_spec.set()

    def vanish(self) -> None:
        """Take in that the pod's object is gone: its processes have no right to be there."""
        self._gone = True
        self._end(0.0)

    def abandon(self) -> None:
        """Stop because the node stops; the pod's files stay for whoever wants to know why."""
        self._kept = True
        self.vanish()

    def _end(self, grace: float) -> None:
        if self._context.ending.is_set():  # a second deletion may shorten the wait
            loop = asyncio.get_running_loop()
            for each in (*self.inits, *self.mains):
                loop.call_later(max(grace, 1.0), each.kill)
        self._grace = grace
        self._context.ending.set()

    async def run(self) -> None:
        """Live the pod's life; returns when nothing of it is left."""
        try:
            await self._work()
        except Exception:
            # a mistake of ours must not end the node, and the pod must still be deletable
            log.exception("pod %s", self._context.pod["metadata"]["name"])
            await self._context.ending.wait()
        await self._finish()

    async def _work(self) -> None:
        work = (self._live(), self._publish(), self._sync())
        tasks = [asyncio.create_task(each) for each in work]
        ending = asyncio.create_task(self._context.ending.wait())
        try:
            await _first_of(ending, *tasks)
            await self._stop(self.mains)
            await self._stop(self.inits)
            await tasks[0]
        finally:
            for task in (ending, *tasks):
                task.cancel()
            for each in (*self.mains, *self.inits):
                each.kill()
            await asyncio.gather(ending, *tasks, return_exceptions=True)

    async def _live(self) -> None:
        self._context.folder.mkdir(parents=True)
        if not await self._fill_volumes():
            return
        for each in self.inits:
            if await each.run() != 0:
                return
        await asyncio.gather(*(each.run() for each in self.mains))
        self._context.changed.set()

    async def _fill_volumes(self) -> bool:
        """Wait for what the volumes need; False when the pod ends before."""
        delay, longest = _MOUNT_RETRY
        while not self._context.ending.is_set():
            try:
                await self._add_token()
                await self._refresh()
            except MissingError as error:
                self._context.warning("FailedMount", str(error))
                await self._context.sleep(delay)
                delay = min(2 * delay, longest)
            else:
                return True
        return False

    async def _add_token(self) -> None:
        """Do for a pod what admission did not: mount its service account's token."""
        spec = self._context.pod["spec"]
        containers = [*self._context.containers(), *self._context.init_containers()]
        mounted = [each["mountPath"] for item in containers for each in mounts_of(item)]
        if TOKEN_PATH in mounted or not await self._context.sources.mounts_token(self._context.pod):
            return
        volume = token_volume()
        mount = {"name": volume["name"], "mountPath": TOKEN_PATH, "readOnly": True}
        for item in containers:
            item["volumeMounts"] = [*mounts_of(item), mount]
        volumes = [*(spec.get("volumes") or ()), volume]
        self._context.pod = {**self._context.pod, "spec": {**spec, "volumes": volumes}}

    async def _refresh(self) -> None:
        context = self._context
        await context.volumes.refresh(context.seen(), context.rewriter())

    async def _sync(self) -> None:
        """Fill the volumes anew: now and then, and when the pod's object changes."""
        settings = self._context.settings
        while True:
            late = random.uniform(0, settings.volume_jitter)  # noqa: S311
            try:
                async with asyncio.timeout(settings.volume_sync * (1 + late)):
                    await self._changed_spec.wait()
            except TimeoutError:
                pass  # the regular sync
            self._changed_spec.clear()
            if not any(each.running for each in (*self.inits, *self.mains)):
                continue
            try:
                await self._refresh()
            except MissingError as error:
                self._context.warning("FailedMount", str(error))

    async def _stop(self, containers: Sequence[Container]) -> None:
        await asyncio.gather(*(each.stop(self._grace) for each in containers))

    async def _publish(self) -> None:
        """Write the status whenever it changed."""
        while True:
            self._context.changed.clear()
            try:
                await self._write()
            except ApiError as error:
                if error.status == 404:
                    return
                log.debug("status of %s: %s", self._context.pod["metadata"]["name"], error)
                await asyncio.sleep(_WRITE_RETRY)
                continue
            await self._context.changed.wait()

    async def _write(self) -> None:
        status = status_of(self._context, self.inits, self.mains, self._since)
        stored = self._context.pod.get("status", {})
        if any(stored.get(name) != value for name, value in status.items()):
            self.update(
                await self._client.patch("Pod", self._context.pod, {"status": status}, "status")
            )

    async def _finish(self) -> None:
        """Write the last status, remove the object, then the folder."""
        while not self._gone:
            try:
                await self._write()
                await self._client.delete("Pod", self._context.pod, grace=0)
                break
            except ApiError as error:
                if error.status == 404:
                    break
                log.warning("end of %s: %s", self._context.pod["metadata"]["name"], error)
                await asyncio.sleep(_WRITE_RETRY)
        self._context.sources.forget(self._context.pod)
        if not self._kept:
            shutil.rmtree(self._context.folder, ignore_errors=True)


def _wishes(pod: Obj) -> Obj:
    """Return what a user or controller may change and kubelet acts upon (not a new image)."""
    return {name: pod["metadata"].get(name) for name in ("labels", "annotations", "finalizers")}


async def _first_of(ending: asyncio.Task[bool], *others: asyncio.Task[None]) -> None:
    """Wait for the pod's end; a task of ours that fails before is an error at once."""
    pending: set[asyncio.Task[bool] | asyncio.Task[None]] = {ending, *others}
    while ending in pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
