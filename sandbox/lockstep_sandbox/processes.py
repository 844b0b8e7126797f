"""Processes as Linux shows them: who is who, who descends from whom, and ending them for good."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True)
_PROC = Path("/proc")


@dataclass(frozen=True)
class Identity:
    """A process id with the start time that tells it from a later process of the same id."""

    pid: int
    start: int  # clock ticks since boot

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """Return who the process is, None when there is none (or only its remains)."""
        fields = _stat(pid)
        return None if fields is None or fields[0] == "Z" else cls(pid, int(fields[19]))

    def is_alive(self) -> bool:
        """Tell whether this very process is there."""
        return Identity.of(self.pid) == self

    def send(self, number: signal.Signals) -> None:
        """Signal this very process, never another one that got its id meanwhile."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if self.is_alive():
                signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            pass  # it ended this instant
        finally:
            os.close(descriptor)


def become_subreaper() -> None:
    """Adopt descendants whose parents end, so that none gets away."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(number: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """Return what a child runs before exec to be signalled when this process ends."""
    parent = os.getpid()

    def prepare() -> None:
        _prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl({option})")


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat from the third (state) on."""
    try:
        text = (_PROC / str(pid) / "stat").read_text("latin-1")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def _entries() -> list[int]:
    return [int(path.name) for path in _PROC.iterdir() if path.name.isdigit()]


def children_by_parent() -> dict[int, list[int]]:
    """Return the ids of all processes by their parents' ids; zombies included."""
    found: dict[int, list[int]] = {}
    for entry in _entries():
        fields = _stat(entry)
        if fields is not None:
            found.setdefault(int(fields[1]), []).append(entry)
    return found


def descendants(root: int) -> list[Identity]:
    """Return all live processes below `root`."""
    tree, found = children_by_parent(), []
    ahead = list(tree.get(root, ()))
    while ahead:
        pid = ahead.pop()
        ahead += tree.get(pid, ())
        who = Identity.of(pid)
        if who is not None:
            found.append(who)
    return found


def carriers(mark: str) -> list[Identity]:
    """Return the live processes started with `mark` (NAME=value) in their environment."""
    wanted, found = mark.encode(), []
    for entry in _entries():
        if entry == os.getpid():
            continue
        try:
            environment = (_PROC / str(entry) / "environ").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # gone, or another user's: not ours
        who = Identity.of(entry) if wanted in environment else None
        if who is not None:
            found.append(who)
    return found


def reap(pid: int = -1) -> None:
    """Take note of an ended child (of all), so that it does not stay as a zombie."""
    with suppress(ChildProcessError):
        while os.waitpid(pid, os.WNOHANG)[0]:
            pass


def kill_all(find: Callable[[], Iterable[Identity]], patience: float = 5.0) -> list[Identity]:
    """Kill what `find` finds until it finds nothing more; return who would not die in time."""
    deadline = time.monotonic() + patience
    while victims := list(find()):
        if time.monotonic() > deadline:
            return victims
        for each in victims:
            each.send(signal.SIGKILL)
        time.sleep(0.01)
        reap()
    return []
