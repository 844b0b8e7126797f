"""Starting and stopping a sandbox from Python: `up`, `down` and `status`."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lockstep_sandbox.keeper import Options
from lockstep_sandbox.processes import kill_all
from lockstep_sandbox.state import State
from lockstep_sandbox.supervisor import module

Pessimism = Literal["default", "off"]


_started: dict[Path, subprocess.Popen[bytes]] = {}  # children of this process, to be waited for


class SandboxError(Exception):
    """A sandbox did not come up, or did not go away."""


@dataclass(frozen=True)
class Sandbox:
    """A sandbox that is up."""

    folder: Path
    state: State

    @property
    def kubeconfig(self) -> Path:
        """Return the administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    def down(self) -> None:
        """Stop it."""
        down(self.folder)


def up(
    folder: Path,
    images: Path | None = None,
    *,
    pessimism: Pessimism = "default",
    seed: int = 0,
    back_off: float = 10.0,
    parent: int | None = None,
    patience: float = 30.0,
) -> Sandbox:
    """Start a sandbox and return when it is ready.

    It ends with the process `parent`, or when None only by `down`. `back_off` is the first
    restart delay in seconds.

    Raises:
        SandboxError: it is not ready after `patience` seconds; the reason is its last words.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    options = Options(folder, images and images.absolute(), pessimism, seed, back_off)
    arguments = [*options.arguments(), "--parent-pid", str(parent or 0)]
    log = folder / "up.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            module("lockstep_sandbox", "up", *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    _started[folder] = process
    if not _first_line(process, patience):
        process.send_signal(signal.SIGTERM)
        _started.pop(folder).wait(patience)
        raise SandboxError(_last_words(folder, log))
    sandbox = status(folder)
    if sandbox is None:
        raise SandboxError(f"the sandbox in {folder} ended as soon as it was up")
    return sandbox


def down(folder: Path, patience: float = 30.0) -> bool:
    """Stop a sandbox and wait until every process of it is gone; False when there was none.

    Raises:
        SandboxError: something of it would not end.
    """
    folder = folder.absolute()
    state = State.load(folder)
    if state is None:
        return False
    for name in ("up", "keeper"):
        if name in state.processes:
            state.processes[name].send(signal.SIGTERM)
    deadline = time.monotonic() + patience
    supervised = any(state.processes[name].is_alive() for name in state.processes)
    while supervised and state.alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    left = kill_all(state.alive)
    if left:
        raise SandboxError(f"still there: {', '.join(str(who.pid) for who in left)}")
    if folder in _started:
        _started.pop(folder).wait(patience)
    state.forget(folder)
    return True


def status(folder: Path) -> Sandbox | None:
    """Return the sandbox in a folder if it is up."""
    folder = folder.absolute()
    state = State.load(folder)
    complete = state is not None and all(who.is_alive() for who in state.processes.values())
    return Sandbox(folder, state) if state is not None and complete else None


def _first_line(process: subprocess.Popen[bytes], patience: float) -> bytes:
    """Return what `up` says when it is ready, nothing when it ended or took too long."""
    if process.stdout is None:
        raise AssertionError("started without a pipe")
    with selectors.DefaultSelector() as selector, process.stdout as output:
        selector.register(output, selectors.EVENT_READ)
        return os.read(output.fileno(), 4096) if selector.select(patience) else b""


def _last_words(folder: Path, log: Path) -> str:
    for path in (log, folder / "logs" / "node.log", folder / "logs" / "apiserver.log"):
        text = path.read_text("utf-8", errors="replace").strip() if path.exists() else ""
        if text:
            return text.splitlines()[-1].removeprefix("sandbox: ")
    return "the sandbox was not ready in time"
