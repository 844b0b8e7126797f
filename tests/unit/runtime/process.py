"""A real runtime process, its logs, and its end."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

COMMAND = (sys.executable, "-m", "lockstep_runtime")


def run(
    *arguments: object, timeout: float = 60, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, with more variables if given."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **(environment or {})},
    )


def wait_for(what: str, probe: Callable[[], Any], timeout: float = 60) -> Any:
    """Poll until the probe returns something true."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if result := probe():
            return result
        time.sleep(0.01)
    raise AssertionError(f"{what}: not within {timeout} s")


class Runtime:
    """A running server."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log
        self.url = ""

    def events(self, message: str) -> list[dict[str, Any]]:
        """Return the complete log lines with this message."""
        lines = [line for line in self._log.read_text().split("\n")[:-1] if line.startswith("{")]
        return [event for event in map(json.loads, lines) if event["msg"] == message]

    @property
    def output(self) -> str:
        """All it wrote to stderr."""
        return self._log.read_text()

    def wait_event(self, message: str) -> dict[str, Any]:
        """Wait for a log line; fails at once when the process ends without it."""

        def probe() -> dict[str, Any] | None:
            ended = self.process.poll()
            if found := self.events(message):
                return found[0]
            assert ended is None, f"ended with {ended}: {self.output}"
            return None

        event: dict[str, Any] = wait_for(f"log line {message!r}", probe)
        return event

    def wait_listening(self) -> None:
        """Wait for the address."""
        event = self.wait_event("listening")
        self.url = f"http://{event['host']}:{event['port']}"

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait_end(self, timeout: float = 30) -> int:
        """Wait for the exit status."""
        return self.process.wait(timeout)

    def get(self, path: str, **arguments: Any) -> httpx.Response:
        """GET on a connection of its own."""
        return httpx.get(self.url + path, **arguments)


@contextmanager
def started(log: Path, *arguments: object) -> Iterator[Runtime]:
    """Start the command on a free port; killed at the end if it still runs."""
    command = [*COMMAND, *map(str, arguments), "--port", "0", "--log-format", "json"]
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, stderr=stderr)
    try:
        yield Runtime(process, log)
    finally:
        process.kill()
        process.wait()


def serve_arguments(model_dir: Path, *more: object) -> tuple[object, ...]:
    """Return the arguments of `serve` for a wine model."""
    names = ("--name", "wine", "--revision", "wine-1a2b3c4d")
    return ("serve", "--model-dir", model_dir, "--format", "sklearn", *names, *more)
