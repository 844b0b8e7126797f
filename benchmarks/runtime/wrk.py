"""The load generator: wrk, a closed loop over a number of connections, from one core."""

import json
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.runtime.dialects import Request
from benchmarks.runtime.errors import BenchmarkError

_SCRIPT = Path(__file__).with_name("wrk.lua")


@dataclass(frozen=True)
class Load:
    """What wrk saw.

    Attributes:
        seconds: how long it sent.
        bytes: of all answers, with their heads.
        refused: answers with a status over 399.
        broken: connections that failed, were cut off or timed out.
        p50, p99: seconds.
        busy: the share of its core that wrk used.
    """

    requests: int
    seconds: float
    bytes: int
    refused: int
    broken: int
    p50: float
    p99: float
    busy: float


def run(url: str, request: Request, connections: int, seconds: int, folder: Path) -> Load:
    """Send one request over and over; `folder` takes its body.

    Raises:
        BenchmarkError: wrk failed.
    """
    body = folder / "body"
    body.write_bytes(request.body)
    headers = [word for pair in request.headers.items() for word in pair]
    size = ["--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"]
    script = ["--script", str(_SCRIPT), "--timeout", "20s", url, "--", str(body), *headers]
    before = _children_cpu()
    done = subprocess.run(["wrk", *size, *script], capture_output=True, text=True, check=False)
    used = _children_cpu() - before
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise BenchmarkError(f"wrk failed: {said[-1]}")
    found = json.loads(lines[-1])
    wall = found["microseconds"] / 1e6
    return Load(
        requests=found["requests"],
        seconds=wall,
        bytes=found["bytes"],
        refused=found["refused"],
        broken=found["broken"],
        p50=found["p50"] / 1e6,
        p99=found["p99"] / 1e6,
        busy=used / wall,
    )


def _children_cpu() -> float:
    """Return the CPU seconds of ended children; servers end only when nothing is measured."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
