"""A server under measurement: its processes on one core, their CPU time and memory."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from benchmarks.runtime.environments import ROOT
from benchmarks.runtime.errors import BenchmarkError

_TICKS = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0


@dataclass(frozen=True)
class Launch:
    """How a server is started: command, environment, where it listens and what says it is ready."""

    command: list[str]
    port: int
    ready: str
    host: str = "127.0.0.1"
    env: Mapping[str, str] | None = None


class Process:
    """A started server and all processes that it starts."""

    def __init__(self, name: str, launch: Launch, core: int, log: Path) -> None:
        """Start it on one core; what it prints goes to `log`."""
        self.name, self.core = name, core
        self.host, self.port = launch.host, launch.port
        self._ready = launch.ready
        self._log = log
        pinned = ["taskset", "--cpu-list", str(core), *launch.command]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                pinned,
                cwd=ROOT,
                env={**os.environ, **(launch.env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Wait until it answers.

        Raises:
            BenchmarkError: it ended, or is not ready after a minute.
        """
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None:
                status = self._process.returncode
                raise BenchmarkError(f"{self.name} ended with status {status}: {self.last_words()}")
            if time.monotonic() > deadline:
                raise BenchmarkError(f"{self.name} is not ready: {self.last_words()}")
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        connection = HTTPConnection(self.host, self.port, timeout=2)
        try:
            connection.request("GET", self._ready)
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def last_words(self) -> str:
        """Return the last line that it printed."""
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "it said nothing"

    def cpu_seconds(self) -> float:
        """Return the CPU time of all its processes, user and system, of the ended ones too."""
        ticks = 0
        for pid in self._tree():
            fields = _stat(pid)
            ticks += sum(map(int, fields[11:15])) if fields else 0
        return ticks / _TICKS

    def peak_bytes(self) -> int:
        """Return the sum of its processes' largest resident sizes; shared pages count in each."""
        return sum(_peak_bytes(pid) for pid in self._tree())

    def _tree(self) -> list[int]:
        """Return the pids of its session and of what its processes started outside of it."""
        stats = {int(path.name): _stat(int(path.name)) for path in Path("/proc").glob("[0-9]*")}
        found: set[int] = set()
        # stat: 1 is the parent, 3 the session, counted from after the command's name.
        while more := {
            pid
            for pid, fields in stats.items()
            if pid not in found
            and fields
            and (int(fields[1]) in found or int(fields[3]) == self._process.pid)
        }:
            found |= more
        return sorted(found)

    def stop(self) -> None:
        """End it and whatever it started."""
        tree = self._tree()
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        left = {pid for pid in tree if (fields := _stat(pid)) and int(fields[3]) != os.getsid(0)}
        for pid in left & set(self._tree()):
            os.kill(pid, signal.SIGKILL)


def busy_seconds(core: int) -> float:
    """Return how long a core has been busy, whoever with."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _waiting, *interrupts = map(int, ticks[:7])
            return (user + nice + system + sum(interrupts)) / _TICKS
    raise BenchmarkError(f"/proc/stat knows no core {core}")


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return port


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the command's name; none for a process gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _peak_bytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
