"""What a pod's containers share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from lockstep_sandbox.events import Recorder
from lockstep_sandbox.images import Catalogue
from lockstep_sandbox.node.rewrite import Rewriter, mapping
from lockstep_sandbox.node.sources import Sources
from lockstep_sandbox.node.volumes import Volumes
from lockstep_sandbox.objects import Obj
from lockstep_sandbox.settings import NodeSettings

_DEFAULT_MESSAGE = "/dev/termination-log"


@dataclass
class PodContext:
    """One pod on this node; `pod` is replaced whenever a newer state of it is known."""

    pod: Obj
    address: str
    folder: Path
    settings: NodeSettings
    sources: Sources
    catalogue: Catalogue
    recorder: Recorder
    api: tuple[str, int]  # host and port of the API server
    changed: asyncio.Event = field(default_factory=asyncio.Event)  # the status is to be written
    ending: asyncio.Event = field(default_factory=asyncio.Event)  # nothing starts any more
    volumes: Volumes = field(init=False)

    def __post_init__(self) -> None:
        self.volumes = Volumes(self.folder / ".volumes", self.sources)

    def root(self, container: Obj) -> Path:
        """Return the folder that stands for a container's root file system.

        Our own folders beside it start with a dot, which no container's name does.
        """
        return self.folder / str(container["name"])

    def log(self, container: Obj, run: int) -> Path:
        """Return the log file of a container's run."""
        return self.folder / ".logs" / f"{container['name']}.{run}.log"

    def seen(self) -> Obj:
        """Return the pod with the addresses that only the node knows yet."""
        known = {"podIP": self.address, "hostIP": self.settings.network.node}
        return {**self.pod, "status": {**self.pod.get("status", {}), **known}}

    def rewriter(self, *containers: Obj) -> Rewriter:
        """Return the rewriting of paths as these containers see them; the first one wins."""
        paths: dict[str, str] = {}
        for container in containers or (*self.containers(), *self.init_containers()):
            mounts = [str(each["mountPath"]).rstrip("/") for each in mounts_of(container)]
            own = mapping(self.root(container), ["/tmp", message_path(container), *mounts])  # noqa: S108
            paths = {**own, **paths}
        return Rewriter(paths, self.address)

    def containers(self) -> list[Obj]:
        """Return the specs of the main containers."""
        return list(self.pod["spec"]["containers"])

    def init_containers(self) -> list[Obj]:
        """Return the specs of the init containers and sidecars."""
        return list(self.pod["spec"].get("initContainers") or ())

    def normal(self, reason: str, message: str, container: str = "") -> None:
        """Write an Event about the pod or one of its containers."""
        self.recorder.normal(self.pod, "Pod", reason, message, self._field(container))

    def warning(self, reason: str, message: str, container: str = "") -> None:
        """Write a warning."""
        self.recorder.warning(self.pod, "Pod", reason, message, self._field(container))

    def _field(self, container: str) -> str:
        if not container:
            return ""
        inits = {each["name"] for each in self.init_containers()}
        return f"spec.{'initContainers' if container in inits else 'containers'}{{{container}}}"

    async def sleep(self, seconds: float) -> None:
        """Wait, but not longer than until the pod is to end."""
        try:
            async with asyncio.timeout(seconds):
                await self.ending.wait()
        except TimeoutError:
            return


def mounts_of(container: Obj) -> list[Obj]:
    """Return a container's volumeMounts."""
    return list(container.get("volumeMounts") or ())


def message_path(container: Obj) -> str:
    """Return the path of a container's termination message."""
    return str(container.get("terminationMessagePath") or _DEFAULT_MESSAGE)
