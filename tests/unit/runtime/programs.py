"""Servers of other projects, as processes on loopback; `make setup` installs them."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

PROGRAMS = Path(__file__).parents[3] / ".venv" / "servers" / "bin"


def free_port() -> int:
    """Return a port that was free just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running(url: str, log: Path, *command: str, **environment: str) -> Iterator[None]:
    """Run a program of `PROGRAMS` until the end of the block; it must answer at `url`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(PROGRAMS / command[0]), *command[1:]],
            stdout=output,
            stderr=output,
            cwd=log.parent,
            env={**os.environ, **environment},
        )
    try:
        _wait(process, url, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        finally:
            process.kill()


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + 240  # on a busy machine MLflow takes a minute
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            httpx.get(url, timeout=5)
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"{process.args} does not answer: {log.read_text()}")
