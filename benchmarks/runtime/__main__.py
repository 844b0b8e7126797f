"""`python -m benchmarks.runtime`: the model server beside its peers, each on one core.

Exit status 0 when every server was measured, whatever the figures; 1 when one could not be; 2 when
this machine lacks something.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.runtime import plan, plot, report
from benchmarks.runtime.environments import BIN, environment, version
from benchmarks.runtime.errors import BenchmarkError
from benchmarks.runtime.models import train
from benchmarks.runtime.plan import Part
from benchmarks.runtime.results import Results
from benchmarks.runtime.servers import Server
from benchmarks.runtime.session import Session, Size
from proofs.report import machine

_FULL, _QUICK = Size(rounds=3, seconds=2), Size(rounds=2, seconds=2)
_DISTURBED = ("That is a busy machine: of its figures, only CPU per request says something.",)
_PROGRAMS = {"wrk": "wrk", "taskset": "util-linux"}


def main() -> int:
    """Parse the command line, measure and print."""
    arguments = _parser().parse_args()
    only = set(arguments.only.split(",")) if arguments.only else set()
    try:
        if unknown := only - set(plan.keys()):
            raise BenchmarkError(f"--only: {min(unknown)!r} is none of {', '.join(plan.keys())}")
        cores = _cores()
    except BenchmarkError as error:
        sys.stderr.write(f"bench-runtime: {error}\n")
        return 2
    # Else the servers, which are in sessions of their own, would stay.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    start = time.monotonic()
    size = _QUICK if arguments.quick else _FULL
    parts = plan.parts(quick=arguments.quick, only=only)
    try:
        for part in parts:
            for contender in part.contenders:
                if contender.server.peer:
                    environment(contender.server.peer)
        os.sched_setaffinity(0, {cores[1]})
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            served = train(Path(folder))
            results = Session(Path(folder), served, size, cores).run(parts)
    except BenchmarkError as error:
        sys.stderr.write(f"bench-runtime: {error}\n")
        return 1
    os.sched_setaffinity(0, set(cores))
    text = report.markdown(results, _context(results, size, time.monotonic() - start))
    print(text)
    if arguments.output:
        picture = arguments.plot and os.path.relpath(arguments.plot, arguments.output.parent)
        report.write(arguments.output, report.illustrated(text, picture))
    if arguments.plot:
        caption = f"{machine()}; {time.strftime('%Y-%m-%d')}; medians of {size.rounds} rounds"
        plot.draw(results, caption, arguments.plot)
    return 1 if results.failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.runtime", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one row only; four minutes")
    parser.add_argument("--only", metavar="SERVER,…", help=f"of {', '.join(plan.keys())}")
    parser.add_argument("--output", type=Path, metavar="FILE.md", help="write the tables there too")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw the main table")
    return parser


def _cores() -> tuple[int, int]:
    """Return the servers' core and the load generator's.

    Raises:
        BenchmarkError: this machine lacks something.
    """
    missing = [package for program, package in _PROGRAMS.items() if not shutil.which(program)]
    if missing:
        raise BenchmarkError(f"missing: {' '.join(missing)} (Debian: apt-get install them)")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise BenchmarkError("needs two CPU cores, one for servers and one for the load")
    return cores[0], cores[1]


def _context(results: Results, size: Size, seconds: float) -> list[str]:
    usual, most = results.disturbance()
    return [
        f"{machine()}; {time.strftime('%Y-%m-%d')}, {seconds / 60:.0f} min.",
        f"Medians of {size.rounds} rounds of {size.seconds} s, servers in turn.",
        f"{_versions(results.parts)}.",
        f"The load generator used at most {results.busiest_load():.0%} of its core.",
        f"Of the servers' core, other processes used {usual:.0%} (median; at most {most:.0%}).",
        *(_DISTURBED if usual > 0.05 else ()),
        *results.notes,
        *plan.left_out(),
    ]


def _versions(parts: list[Part]) -> str:
    servers: dict[str, Server] = {
        one.server.peer: one.server for part in parts for one in part.contenders if one.server.peer
    }
    said = [f"Lockstep with scikit-learn {version(BIN, 'scikit-learn')}"]
    for server in servers.values():
        programs = environment(server.peer or "")
        said.append(" with ".join(f"{one} {version(programs, one)}" for one in server.packages))
    return "; ".join(said)


if __name__ == "__main__":
    sys.exit(main())
