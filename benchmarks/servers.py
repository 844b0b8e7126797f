"""The servers that are compared, each a process of its own on loopback."""

import asyncio
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import aiohttp

_BIN = Path(sys.executable).parent
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Server:
    """A running server and where it answers inference requests."""

    name: str
    url: str
    process: asyncio.subprocess.Process

    def cpu_seconds(self) -> float:
        """Return the CPU time that the process has used, user and system."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    async def stop(self) -> None:
        """End it and wait."""
        self.process.kill()
        await self.process.wait()


async def baseline() -> Server:
    """Start uvicorn with an app that does nothing."""
    command = [str(_BIN / "uvicorn"), "benchmarks.bare:app", "--log-level", "warning"]
    return await _started("bare uvicorn", command, "/")


async def lockstep(model: Path) -> Server:
    """Start the model server with a scikit-learn model."""
    uri = (model / "model.skops").resolve().as_uri()
    command = [str(_BIN / "lockstep-runtime"), "--model-uri", uri, "--format", "sklearn"]
    command += ["--name", "wine", "--log-level", "warning"]
    return await _started("lockstep-runtime", command, "/v2/models/wine/infer")


async def _started(name: str, command: list[str], path: str) -> Server:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["--host", "127.0.0.1", "--port", str(port)]
    process = await asyncio.create_subprocess_exec(*command, *arguments)
    base = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as session, asyncio.timeout(60):
        while not await _ready(session, base):
            if process.returncode is not None:
                raise RuntimeError(f"{name} ended with status {process.returncode}")
            await asyncio.sleep(0.1)
    return Server(name, base + path, process)


async def _ready(session: aiohttp.ClientSession, base: str) -> bool:
    try:
        async with session.get(f"{base}/v2/health/ready") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False
