"""How many threads the numeric libraries may use.

They count the machine's cores and know nothing of the container's CPU limit, so ten pods with one
core each would run ten times too many threads. We default to one: replicas scale, threads do not.
"""

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def cpu_limit(cgroup: Path = _CGROUP) -> float:
    """Return the CPUs this process may use: affinity, and the cgroup's quota (v2 or v1) if any."""
    cpus = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
    quota = _quota_v2(cgroup / "cpu.max") or _quota_v1(cgroup / "cpu")
    return min(cpus, quota) if quota else cpus


def limit_threads(wanted: int) -> int:
    """Set the libraries' thread counts to `wanted`, at most the CPU limit rounded up.

    Must run before numpy is imported. A variable the user set already is kept. Returns the count.
    """
    threads = max(1, min(wanted, math.ceil(cpu_limit())))
    for variable in ("OMP_NUM_THREADS", "LOKY_MAX_CPU_COUNT"):
        os.environ.setdefault(variable, str(threads))
    return threads


def thread_count() -> int:
    """Return how many threads a library may use that must be told: what `limit_threads` set."""
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return max(1, int(first)) if first.isdigit() else 1


def _quota_v2(path: Path) -> float | None:
    words = _words(path)
    if len(words) != 2 or words[0] == "max":
        return None
    return int(words[0]) / int(words[1])


def _quota_v1(folder: Path) -> float | None:
    quota, period = _words(folder / "cpu.cfs_quota_us"), _words(folder / "cpu.cfs_period_us")
    if not quota or not period or int(quota[0]) <= 0:
        return None
    return int(quota[0]) / int(period[0])


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:  # not this cgroup version, or no Linux
        return []
