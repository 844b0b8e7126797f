"""A crash at every single API write of every rollout path: does it end the same every time?

The operator's real shell, planner and Envoy provider run against the sandbox's API server, in one
process and in virtual time. At each write of a path there are three more worlds: a crash before it,
a crash after it, and its answer lost. After a crash a new process starts from nothing but what the
API server holds. Traffic, quarantines, stable, promotions and what a quarantine of stable falls
back to must come out as without a crash; on the way no quarantined revision may get requests and
none without ready pods any weight, and no pod template may be rewritten.
"""

import argparse
import os
import random
import sys
import time

from proofs.crash.case import Result, Walked, walk
from proofs.crash.path import Path
from proofs.crash.paths import PATHS
from proofs.crash.strikes import Chosen, Mode, Strike
from proofs.report import Report, main

QUICK_SECONDS = 120.0
QUICK_SHARE = 0.12
MOST_SENTENCES = 20


def prove(arguments: argparse.Namespace) -> Report:
    """Walk all paths, strike at all their writes (or, quickly, at a sample), and compare."""
    report = Report("A crash at every write")
    paths = [path for path in PATHS if arguments.only in path.name]
    start, strikes, differ = time.monotonic(), 0, 0
    for number, path in enumerate(paths, 1):
        end = start + QUICK_SECONDS * number / len(paths)
        chosen = _sample(arguments.seed, end) if arguments.quick else _all
        walked = walk(path, chosen, arguments.jobs)
        broken = [_broken(path, walked.plain, *one) for one in walked.struck]
        bad = sum(map(bool, broken))
        _note(report, path, walked, bad)
        print(f"{path.name}: {len(broken)} strikes, {bad} end otherwise", file=sys.stderr)
        report.broken += [sentence for one in broken for sentence in one]
        strikes, differ = strikes + len(broken), differ + bad
    report.add("all paths", f"{strikes:,} strikes, {differ} end otherwise", not differ)
    del report.broken[MOST_SENTENCES:]
    return report


def _all(write: int, mode: Mode) -> bool:
    return True


def _sample(seed: int, end: float) -> Chosen:
    """Return a choice by chance, until it is time for the next path."""
    dice = random.Random(seed)  # noqa: S311 (a sample)
    return lambda write, mode: dice.random() < QUICK_SHARE and time.monotonic() < end


def _note(report: Report, path: Path, walked: Walked, bad: int) -> None:
    struck = len(walked.struck)
    value = f"{walked.writes} writes, {struck} of {3 * walked.writes} strikes, {bad} end otherwise"
    report.add(path.name, value, not bad and not walked.plain.broken)
    report.broken += [f"{path.name}: {sentence}" for sentence in walked.plain.broken]


def _broken(path: Path, plain: Result, strike: Strike, result: Result) -> list[str]:
    """Return what a strike has broken, in words."""
    where = f"{path.name}, {strike.mode.value} write {strike.write} ({strike.name})"
    broken = [f"{where}: {sentence}" for sentence in result.broken]
    if not broken and result.outcome != plain.outcome:
        broken.append(f"{where}: ended with {result.outcome}, without a crash {plain.outcome}")
    return broken


def _flags(parser: argparse.ArgumentParser) -> None:
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--jobs", type=int, default=cores, help="walks at a time")
    parser.add_argument("--seed", type=int, default=0, help="of the sample of --quick")
    parser.add_argument("--only", default="", help="only paths with this in their name")


if __name__ == "__main__":
    main(prove, __doc__, _flags)
