"""One process of a container: in a session of its own, gone when the node goes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from lockstep_sandbox.node.logs import LogWriter, last_lines
from lockstep_sandbox.processes import carriers, children_by_parent, die_with_parent, reap

MARK = "SANDBOX_CONTAINER"
_DRAIN = 1.0  # seconds for the last output after the end


class StartError(Exception):
    """The command cannot be run; worded as container runtimes do."""


@dataclass(frozen=True)
class Launch:
    """All that a process is started with; `mark` tells its container's processes from others."""

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path  # working directory
    scratch: Path  # for files of ours
    mark: str

    def variables(self) -> dict[str, str]:
        """Return the environment with the mark in it."""
        return {**self.environment, MARK: self.mark}


class Process:
    """A started process and its end."""

    live: ClassVar[set[int]] = set()

    def __init__(self, popen: subprocess.Popen[bytes], mark: str, output: LogWriter) -> None:
        self.pid = popen.pid
        self.ended = asyncio.Event()
        self.code: int | None = None
        self.live.add(popen.pid)
        self._popen = popen
        self._mark = mark
        self._output = output
        self._descriptor = os.pidfd_open(popen.pid)
        asyncio.get_running_loop().add_reader(self._descriptor, self._on_end)

    @classmethod
    async def start(cls, launch: Launch, log: Path) -> Process:
        """Run a command with its output going to a log file.

        Raises:
            StartError: it cannot be run.
        """
        reading, writing = os.pipe()
        output = LogWriter(log)
        reader = os.fdopen(reading, "rb", buffering=0)
        await asyncio.get_running_loop().connect_read_pipe(lambda: output, reader)
        try:
            return cls(_spawn(launch, writing), launch.mark, output)
        finally:
            os.close(writing)

    def _on_end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        code = self._popen.wait()
        self.live.discard(self.pid)
        self.code = code if code >= 0 else 128 - code
        self.kill_rest()
        self.ended.set()

    async def wait(self) -> int:
        """Return the exit code (128 + n for signal n) once it and its output have ended."""
        await self.ended.wait()
        try:
            async with asyncio.timeout(_DRAIN):
                await self._output.closed.wait()
        except TimeoutError:
            # somebody who got away holds the pipe; the container's log ends here
            self._output.stop()
            await self._output.closed.wait()
        if self.code is None:
            raise AssertionError("ended without a code")
        return self.code

    def terminate(self) -> None:
        """Send SIGTERM to the main process, as container runtimes do."""
        if self.code is None:
            self._popen.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the whole process group."""
        if self.code is None:
            os.killpg(self.pid, signal.SIGKILL)

    def kill_rest(self) -> None:
        """End what the main process left behind, as the end of a PID namespace does."""
        with suppress(ProcessLookupError):  # it may have left nothing in its group
            os.killpg(self.pid, signal.SIGKILL)
        for each in carriers(f"{MARK}={self._mark}"):
            each.send(signal.SIGKILL)


def _spawn(launch: Launch, output: int) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(launch.command),
            env=launch.variables(),
            cwd=launch.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=die_with_parent(),  # noqa: PLW1509 (it takes no lock)
        )
    except FileNotFoundError as error:
        text = f'exec: "{launch.command[0]}": executable file not found in $PATH'
        raise StartError(text) from error
    except (OSError, subprocess.SubprocessError) as error:
        raise StartError(f'exec: "{launch.command[0]}": {error}') from error


async def execute(launch: Launch, patience: float) -> tuple[int, str]:
    """Run a short command (probe, hook) and return its exit code and the end of its output.

    Raises:
        StartError: it cannot be run.
        TimeoutError: it took too long and was killed.
    """
    name = f"exec-{os.urandom(6).hex()}"
    log = launch.scratch / name
    # with the container's own mark, the end of the command would end the container
    process = await Process.start(replace(launch, mark=f"{launch.mark}/{name}"), log)
    try:
        async with asyncio.timeout(patience):
            code = await process.wait()
        return code, last_lines(log, 20, 1024)
    finally:
        process.kill()
        log.unlink()


async def reap_strays(period: float = 2.0) -> None:
    """Take note, for ever, of adopted processes that ended: those whose parents did not."""
    while True:
        await asyncio.sleep(period)
        for pid in children_by_parent().get(os.getpid(), ()):
            if pid not in Process.live:
                reap(pid)
