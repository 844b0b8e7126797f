"""Simulate the gates and print two tables: `python -m proofs.statistics [--quick]`.

Exits 1 if a promised bound is broken. The seeds are fixed: one version of the code gives one
result.
"""

import argparse
import math
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lockstep_operator.core.gates.target import ALPHA
from proofs.statistics.conditions import HARMLESS, Conditions
from proofs.statistics.plan import CONDITIONS, PROMISED_FALSE_ALARMS, SEARCHES, Search
from proofs.statistics.rollouts import GATES, judge, walk


@dataclass(frozen=True, slots=True)
class Effort:
    """Simulations per line: rollouts of harmless candidates, searches for harm."""

    harmless: int
    harmful: int


QUICK, FULL = Effort(2, 3), Effort(100, 15)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table, and the promise that it breaks."""

    cells: tuple[str, ...]
    broken: str | None = None


def false_alarms(pool: Executor, conditions: Conditions, rollouts: int) -> Line:
    """Count the harmless candidates that a gate fails."""
    failed: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    for outcomes in pool.map(partial(walk, conditions, HARMLESS), range(rollouts)):
        last = outcomes[-1]
        if last.failed:
            failed[last.failed[0]] += 1
        for outcome in outcomes:
            verdicts.update(outcome.verdicts.values())
    alarms = failed.total()
    by_gate = ", ".join(f"{gate} {count}" for gate, count in failed.most_common()) or "-"
    passed = verdicts["pass"] / verdicts.total() if verdicts else 0.0
    cells = (
        conditions.name,
        str(rollouts),
        f"{alarms} ({100 * alarms / rollouts:.1f} %)",
        by_gate,
        f"{100 * passed:.0f} %",
    )
    # Broken when so many alarms would be a rare accident (1 %) with the promised probability.
    broken = _tail(alarms, rollouts, PROMISED_FALSE_ALARMS) < 0.01
    return Line(cells, f"false alarms under {conditions.name}" if broken else None)


def _tail(least: int, trials: int, probability: float) -> float:
    """Return the binomial probability of `least` or more."""
    return math.fsum(
        math.comb(trials, k) * probability**k * (1 - probability) ** (trials - k)
        for k in range(least, trials + 1)
    )


def detection(pool: Executor, search: Search, trials: int) -> Line:
    """Measure the time until the gate fails, from the begin of the harm."""
    times = list(pool.map(partial(_time_to_fail, search), range(trials)))
    found = sorted(second for second in times if second < math.inf)
    median = statistics.median(times)
    cells = (
        search.metric,
        search.harm.name,
        search.conditions.name,
        f"{trials - len(found)} of {trials}",
        "-" if median == math.inf else f"{median:.0f} s",
        f"{found[-1]:.0f} s" if found else "-",
        f"{search.hold - search.harm.begins} s",
        f"{search.within} s" if search.within else "-",
    )
    late = search.within is not None and median > search.within
    name = f"{search.metric}: {search.harm.name}, {search.conditions.name}"
    return Line(cells, f"{name} takes {median:.0f} s" if late else None)


def _time_to_fail(search: Search, seed: int) -> float:
    outcome = judge(
        search.conditions,
        search.harm,
        500_000 + seed,
        step=1,
        weight=search.weight,
        gates=search.gates,
        hold=search.hold,
    )
    return outcome.failed[1] - search.harm.begins if outcome.failed else math.inf


def table(head: tuple[str, ...], lines: list[Line]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for line in lines:
        yield f"| {' | '.join(line.cells)} |"


def report(harmless: list[Line], harmful: list[Line]) -> str:
    """Return both tables as Markdown."""
    gates = ", ".join(
        gate.metric if gate.max is None else f"{gate.metric} (max {gate.max:g})" for gate in GATES
    )
    head = ("conditions", "rollouts", "false alarms", "by gate", "verdicts pass when the hold ends")
    times = (
        "gate",
        "harm",
        "candidate's traffic",
        "missed",
        "median",
        "slowest",
        "watched",
        "promised",
    )
    parts = [
        "### False alarms",
        "",
        f"Harmless candidates with {gates}; promised: at most {100 * ALPHA:g} % per rollout.",
        "",
        *table(head, harmless),
        "",
        "### Time to a fail",
        "",
        "Each gate with its share of alpha among five gates and three steps. Looks at the "
        "operator's pace: every second at first, every 5 s in a step of more than 150 s.",
        "",
        *table(times, harmful),
        "",
    ]
    return "\n".join(parts)


def main() -> int:
    """Run the simulations; 0 when every promise is kept."""
    parser = argparse.ArgumentParser(prog="python -m proofs.statistics", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few simulations of each kind")
    parser.add_argument("--output", type=Path, help="also write the tables to this file")
    parser.add_argument("--jobs", type=int, help="processes; as many as cores when absent")
    arguments = parser.parse_args()
    effort = QUICK if arguments.quick else FULL
    began = time.monotonic()
    with ProcessPoolExecutor(arguments.jobs) as pool:
        harmless = [false_alarms(pool, conditions, effort.harmless) for conditions in CONDITIONS]
        harmful = [detection(pool, search, effort.harmful) for search in SEARCHES]
    text = report(harmless, harmful)
    print(text)
    if arguments.output:
        arguments.output.write_text(text)
    broken = [line.broken for line in [*harmless, *harmful] if line.broken]
    for promise in broken:
        print(f"broken: {promise}", file=sys.stderr)
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
