"""One measurement of one server: load on one side, its processes' CPU time on the other."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.runtime import wrk
from benchmarks.runtime.dialects import Request
from benchmarks.runtime.errors import BenchmarkError
from benchmarks.runtime.process import Process, busy_seconds

# Answers during the load may differ in length from those that were compared by a digit or two.
_SIZE_TOLERANCE = 0.05


@dataclass(frozen=True)
class Round:
    """Figures of one round, or medians of several.

    Attributes:
        rate: answers with status 200 per second.
        p50, p99: seconds, of a closed loop.
        cpu: seconds of CPU per request, of the server, then of the router if there is one.
        busy: the share of its core that the load generator used.
        others: the share of the servers' core that went to anything but this server.
    """

    rate: float
    p50: float
    p99: float
    cpu: tuple[float, ...]
    busy: float
    others: float


@dataclass(frozen=True)
class Target:
    """Where load goes to: `processes` are the server and perhaps the router."""

    name: str
    url: str
    request: Request
    answer_bytes: int
    processes: tuple[Process, ...]


def measure(target: Target, connections: int, seconds: int, folder: Path) -> Round:
    """Measure one round.

    Raises:
        BenchmarkError: an answer was no 200 or not of the length of those that were compared.
    """
    core = target.processes[0].core
    whole, before = busy_seconds(core), [one.cpu_seconds() for one in target.processes]
    load = wrk.run(target.url, target.request, connections, seconds, folder)
    used = [one.cpu_seconds() - start for one, start in zip(target.processes, before, strict=True)]
    others = max(0.0, busy_seconds(core) - whole - used[0]) / load.seconds
    if load.refused or load.broken:
        raise BenchmarkError(
            f"{target.name}: of {load.requests} requests {load.refused} were refused, "
            f"{load.broken} failed"
        )
    if not load.requests:
        raise BenchmarkError(f"{target.name} answered nothing in {seconds} s")
    mean = load.bytes / load.requests
    if abs(mean - target.answer_bytes) > _SIZE_TOLERANCE * target.answer_bytes:
        raise BenchmarkError(
            f"{target.name}: answers under load have {mean:.0f} bytes, "
            f"those that were compared {target.answer_bytes}"
        )
    cpu = tuple(one / load.requests for one in used)
    return Round(load.requests / load.seconds, load.p50, load.p99, cpu, load.busy, others)


def median(rounds: Sequence[Round]) -> Round:
    """Return the median of each figure."""
    return Round(
        rate=statistics.median(one.rate for one in rounds),
        p50=statistics.median(one.p50 for one in rounds),
        p99=statistics.median(one.p99 for one in rounds),
        cpu=tuple(
            statistics.median(each) for each in zip(*(one.cpu for one in rounds), strict=True)
        ),
        busy=max(one.busy for one in rounds),
        others=max(one.others for one in rounds),
    )
