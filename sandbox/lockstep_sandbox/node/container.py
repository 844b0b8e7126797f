"""One container of a pod: its process is started, probed, restarted and stopped here."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable

from lockstep_sandbox.events import describe
from lockstep_sandbox.node.backoff import BackOff
from lockstep_sandbox.node.context import PodContext
from lockstep_sandbox.node.launch import message_file, prepare
from lockstep_sandbox.node.logs import last_lines
from lockstep_sandbox.node.probes import Target, probe
from lockstep_sandbox.node.process import Launch, Process, StartError
from lockstep_sandbox.node.sources import MissingError
from lockstep_sandbox.objects import Obj, timestamp

_LEAST_GRACE = 2.0  # kubelet's minimumGracePeriodInSeconds
_LONGEST_MESSAGE = 4096
_FALLBACK_LINES, _FALLBACK_SIZE = 80, 2048
_START_ERROR = 128


class Container:
    """A container and what its status says; `restart` is Always, OnFailure or Never."""

    def __init__(
        self,
        context: PodContext,
        spec: Obj,
        restart: str,
        refresh: Callable[[], Awaitable[None]],
    ) -> None:
        self.spec = spec
        self.name = str(spec["name"])
        self.state: Obj = {"waiting": {"reason": "ContainerCreating"}}
        self.last_state: Obj = {}
        self.restarts = 0
        self.ready = False
        self.started = asyncio.Event()
        self.identity = ""
        self._context = context
        self._restart = restart
        self._refresh = refresh
        settings = context.settings
        self._restart_back_off = BackOff(settings.back_off, settings.back_off_limit)
        self._image_back_off = BackOff(settings.back_off, settings.back_off_limit)
        self._process: Process | None = None
        self._target: Target  # of the present process
        self._over = asyncio.Event()  # the end of the present process is on record
        self._stopping: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Tell whether there is a process whose end is not on record yet."""
        return self._process is not None

    async def run(self) -> int | None:
        """Run as often as the restart policy says; return the last exit code, None if never run."""
        while not self._context.ending.is_set():
            launch = await self._prepare()
            code = None if launch is None else await self._run_once(launch)
            if code is None or not self._goes_on_after(code):
                return code
            await self._wait_for_restart()
        return None

    def _goes_on_after(self, code: int) -> bool:
        if self._context.ending.is_set():
            return False
        return self._restart == "Always" or (self._restart == "OnFailure" and code != 0)

    async def _prepare(self) -> Launch | None:
        """Wait for the image and all references; None when the pod ends before."""
        context = self._context
        while not context.ending.is_set():
            image = context.catalogue.find(self.spec["image"])
            if image is None:
                await self._miss_image()
                continue
            try:
                if self.restarts:
                    await self._refresh()  # a restart is a sync, which fills the volumes anew
                return await prepare(context, self.spec, image, self.restarts)
            except (MissingError, OSError, ValueError) as error:
                context.warning("Failed", f"Error: {error}", self.name)
                self._wait("CreateContainerConfigError", str(error))
                await context.sleep(context.settings.back_off)
        return None

    async def _miss_image(self) -> None:
        name = self.spec["image"]
        text = f'image "{name}" is not in the sandbox\'s catalogue'
        self._context.warning("Failed", f'Failed to pull image "{name}": {text}', self.name)
        self._wait("ErrImagePull", text)
        delay = self._image_back_off.next()
        await self._context.sleep(min(delay, 1.0) or 0.5)
        if delay:
            text = f'Back-off pulling image "{name}"'
            self._context.normal("BackOff", text, self.name)
            self._wait("ImagePullBackOff", text)
            await self._context.sleep(delay)

    async def _run_once(self, launch: Launch) -> int | None:
        """Run the process to its end and put that on record."""
        context = self._context
        if context.ending.is_set():
            return None
        text = f'Container image "{self.spec["image"]}" already present on machine'
        context.normal("Pulled", text, self.name)
        self.identity = f"sandbox://{secrets.token_hex(32)}"
        context.normal("Created", f"Created container: {self.name}", self.name)
        context.log(self.spec, self.restarts - 2).unlink(missing_ok=True)
        since = timestamp()
        try:
            self._process = await Process.start(launch, context.log(self.spec, self.restarts))
        except StartError as error:
            context.warning("Failed", f"Error: {error}", self.name)
            self._end(since, _START_ERROR, "StartError", str(error))
            return _START_ERROR
        context.normal("Started", f"Started container {self.name}", self.name)
        self._over.clear()
        if context.ending.is_set():  # too late: nobody will stop what was not there
            self._process.kill()
        self._set({"running": {"startedAt": since}})
        code = await self._attend(self._process, launch)
        self._end(since, code, "Error" if code else "Completed", self._message(code))
        self._process = None
        self._over.set()
        return code

    async def _attend(self, process: Process, launch: Launch) -> int:
        """Watch over a running process; return its exit code."""
        rewriter = self._context.rewriter(self.spec)
        self._target = Target(self._context.address, self.spec, launch, rewriter)
        attendant = asyncio.create_task(self._serve(self._target))
        try:
            code = await process.wait()
        finally:
            attendant.cancel()
        await asyncio.wait([attendant])
        if not attendant.cancelled() and (error := attendant.exception()):
            raise error
        return code

    async def _serve(self, target: Target) -> None:
        """Do what goes on beside a running process: the postStart hook, then the probes."""
        hook = (self.spec.get("lifecycle") or {}).get("postStart")
        failure = await target.ask(hook, 600) if hook else None
        if failure:
            self._context.warning("FailedPostStartHook", failure, self.name)
            self._fail(f"Container {self.name} failed postStart hook")
            return
        if "startupProbe" in self.spec:
            await self._probe("startup", target, self._on_startup)
            if not self.started.is_set():
                return
        self.started.set()
        self._on_readiness("readinessProbe" not in self.spec)
        async with asyncio.TaskGroup() as group:
            if "readinessProbe" in self.spec:
                group.create_task(self._probe("readiness", target, self._on_readiness))
            if "livenessProbe" in self.spec:
                group.create_task(self._probe("liveness", target, self._on_liveness))

    async def _probe(self, kind: str, target: Target, settled: Callable[[bool], bool]) -> None:
        def tell(text: str) -> None:
            self._context.warning("Unhealthy", text, self.name)

        await probe(kind.capitalize(), self.spec[f"{kind}Probe"], target, settled, tell)

    def _on_startup(self, passed: bool) -> bool:
        if passed:
            self.started.set()
        else:
            self._fail(f"Container {self.name} failed startup probe, will be restarted")
        return True

    def _on_liveness(self, passed: bool) -> bool:
        if not passed:
            self._fail(f"Container {self.name} failed liveness probe, will be restarted")
        return not passed

    def _on_readiness(self, passed: bool) -> bool:
        if self.ready != passed:
            self.ready = passed
            self._context.changed.set()
        return False

    def _fail(self, why: str) -> None:
        """Have the process stopped; what comes after is up to the restart policy."""
        if not self._context.ending.is_set() and self._stopping is None:
            grace = self._context.pod["spec"].get("terminationGracePeriodSeconds", 30)
            self._stopping = asyncio.create_task(self.stop(grace, why))

    async def stop(self, grace: float, why: str = "") -> None:
        """Run preStop, send SIGTERM, and SIGKILL when the grace period (seconds) is over."""
        process, begin = self._process, time.monotonic()
        if process is None:
            return
        self._context.normal("Killing", why or f"Stopping container {self.name}", self.name)
        hook = (self.spec.get("lifecycle") or {}).get("preStop")
        failure = await self._target.ask(hook, grace) if hook and grace > 0 else None
        if failure:
            self._context.warning("FailedPreStopHook", failure, self.name)
        process.terminate()
        left = max(grace - (time.monotonic() - begin), _LEAST_GRACE)
        try:
            async with asyncio.timeout(left):
                await process.ended.wait()
        except TimeoutError:
            process.kill()
        await self._over.wait()

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None:
            self._process.kill()

    async def _wait_for_restart(self) -> None:
        delay = self._restart_back_off.next()
        if delay:
            who = f"{self.name} in pod {describe(self._context.pod)}"
            self._context.warning(
                "BackOff", f"Back-off restarting failed container {who}", self.name
            )
            text = f"back-off {delay:g}s restarting failed container={who.replace(' in ', ' ')}"
            self._wait("CrashLoopBackOff", text)
            await self._context.sleep(delay)
        if self._context.ending.is_set():
            return
        if "terminated" in self.state:  # never counted before its end is in lastState
            self._wait("ContainerCreating", "")
        self.restarts += 1

    def _message(self, code: int) -> str:
        path = message_file(self._context, self.spec)
        text = ""
        if path.is_file():
            text = path.read_bytes()[:_LONGEST_MESSAGE].decode(errors="replace")
        fallback = self.spec.get("terminationMessagePolicy") == "FallbackToLogsOnError"
        if text or not fallback or code == 0:
            return text
        log = self._context.log(self.spec, self.restarts)
        return last_lines(log, _FALLBACK_LINES, _FALLBACK_SIZE)

    def _end(self, since: str, code: int, reason: str, message: str) -> None:
        times = {"startedAt": since, "finishedAt": timestamp()}
        ended = {"exitCode": code, "reason": reason, **times, "containerID": self.identity}
        if message:
            ended["message"] = message
        self.ready = False
        self.started.clear()
        self._stopping = None
        self._set({"terminated": ended})

    def _wait(self, reason: str, message: str) -> None:
        self._set({"waiting": {"reason": reason, "message": message}})

    def _set(self, state: Obj) -> None:
        if "terminated" in self.state:
            self.last_state = self.state
        self.state = state
        self._context.changed.set()

    def status(self) -> Obj:
        """Return the container's part of the pod's status."""
        return {
            "name": self.name,
            "image": self.spec["image"],
            "imageID": f"sandbox://{self.spec['image']}" if self.identity else "",
            "containerID": self.identity,
            "ready": self.ready,
            "started": self.started.is_set(),
            "restartCount": self.restarts,
            "state": self.state,
            "lastState": self.last_state,
        }
