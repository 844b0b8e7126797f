"""Keeping a sandbox's processes together: when one ends, or whoever asked for them, all end.

`up` is the outer supervisor and has one child, the keeper, which has two: the API server and the
node. Both are subreapers, so a process that outlives its parent becomes theirs to kill; whichever
of the two is killed, the other one cleans up.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lockstep_sandbox.processes import (
    Identity,
    become_subreaper,
    descendants,
    die_with_parent,
    kill_all,
)


@dataclass(frozen=True)
class Command:
    """A child: what to run, where its output goes, and how it ends."""

    name: str
    arguments: Sequence[str]
    log: Path | None = None
    orphaned: signal.Signals = signal.SIGKILL  # what it gets when this process is killed
    patience: float = 5.0  # seconds from SIGTERM to SIGKILL

    def start(
        self, environment: dict[str, str], inherited: Sequence[int]
    ) -> subprocess.Popen[bytes]:
        """Run it in a session of its own, so that Ctrl-C reaches the outer supervisor only."""
        with Path(self.log or os.devnull).open("ab") as log:
            return subprocess.Popen(
                list(self.arguments),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log if self.log else None,
                start_new_session=True,
                pass_fds=inherited,
                preexec_fn=die_with_parent(self.orphaned),  # noqa: PLW1509 (one thread only)
            )


class Supervisor:
    """Starts children and waits for the first reason to stop; then stops everything."""

    def __init__(self, environment: dict[str, str], parent: int | None = None) -> None:
        become_subreaper()
        self._environment = environment
        self._selector = selectors.DefaultSelector()
        self._children: list[tuple[Command, subprocess.Popen[bytes]]] = []
        self._catch_signals()
        if parent is not None:
            self._watch(os.pidfd_open(parent), "its parent ended")

    def start(self, command: Command, inherited: Sequence[int] = ()) -> Identity:
        """Start a child; `inherited` are descriptors that it may use."""
        child = command.start(self._environment, inherited)
        self._children.append((command, child))
        self._watch(os.pidfd_open(child.pid), f"{command.name} ended")
        who = Identity.of(child.pid)
        if who is None:
            raise ChildProcessError(f"{command.name} ended at once")
        return who

    def on_readable(self, descriptor: int, act: Callable[[], None]) -> None:
        """Call `act` once, when there is something to read."""
        self._selector.register(descriptor, selectors.EVENT_READ, act)

    def wait(self) -> str:
        """Return why it is time to stop."""
        while True:
            for key, _ in self._selector.select():
                if isinstance(key.data, str):
                    return key.data
                self._selector.unregister(key.fd)
                key.data()

    def stop(self) -> list[Identity]:
        """End all children, the last one first, and all that descends from them."""
        for command, child in reversed(self._children):
            if child.poll() is None:
                child.terminate()
            _wait(child, command.patience)
        return kill_all(lambda: descendants(os.getpid()))

    def failed(self) -> bool:
        """Tell whether a child ended with an error."""
        return any(child.poll() for _, child in self._children)

    def _watch(self, descriptor: int, reason: str) -> None:
        self._selector.register(descriptor, selectors.EVENT_READ, reason)

    def _catch_signals(self) -> None:
        woken, waker = socket.socketpair()
        waker.setblocking(False)
        self._waker = waker
        signal.set_wakeup_fd(waker.fileno())
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        self._watch(woken.detach(), "")


def _wait(child: subprocess.Popen[bytes], patience: float) -> None:
    deadline = time.monotonic() + patience
    while child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    if child.poll() is None:
        child.kill()
        child.wait()


def module(name: str, *arguments: str) -> list[str]:
    """Return the command line that runs one of our modules with this interpreter."""
    return [sys.executable, "-m", name, *arguments]
