"""Run the demo: `python -m demo`."""

import argparse
import asyncio
import os
import shutil
import sys
from pathlib import Path

from demo.commands import CommandFailed, Shell
from demo.judged import Verdict, second_act
from demo.load import Load
from demo.models import requests, served, train
from demo.screen import Screen
from demo.story import Measured, first_act, go_live

WORK = Path(__file__).parent / ".work"
CHART = Path(__file__).parents[1] / "helm" / "lockstep"

SPLIT_TOLERANCE = 2.0
SPLIT_REQUESTS = 2000
ROLLBACK_SECONDS = 2.0


async def run(screen: Screen, keep: bool) -> int:
    """Set up, tell the story, report; returns the exit status."""
    shutil.rmtree(WORK / "models", ignore_errors=True)
    sandbox = WORK / "sandbox"
    environment = os.environ | {"KUBECONFIG": str(sandbox / "kubeconfig")}
    shell = Shell(screen, environment)
    screen.chapter("Training four versions of a wine classifier, two of them bad")
    for line in (await train(WORK / "models")).splitlines():
        screen.say(Path(line).relative_to(WORK).as_posix() if "/" in line else line)
    screen.chapter("Starting a sandbox: API server, controllers, node, DNS")
    await shell.run("lockstep", "sandbox", "up", "--dir", str(sandbox.relative_to(Path.cwd())))
    try:
        screen.chapter("Installing the operator")
        await shell.run("helm", "install", "lockstep", str(CHART.relative_to(Path.cwd())), *INSTALL)
        with served(WORK / "models") as base:
            url = await go_live(shell, screen, WORK / "models", base)
            async with Load(url, requests()) as load:
                measured = await first_act(shell, screen, load, WORK / "models", base)
                verdicts = await second_act(shell, screen, load, WORK / "models", base)
    finally:
        if not keep:
            screen.chapter("Cleaning up")
            await shell.run("lockstep", "sandbox", "down", "--dir", str(sandbox))
    return report(screen, load, measured, verdicts)


INSTALL = ("--namespace", "lockstep-system", "--create-namespace", "--wait", "--timeout", "60s")


def report(
    screen: Screen, load: Load, measured: Measured, verdicts: tuple[Verdict, Verdict]
) -> int:
    """Print the summary; 0 when everything is as promised, else 1."""
    off = abs(measured.split - 10.0)
    enough = measured.split_requests >= SPLIT_REQUESTS
    third, fourth = verdicts
    rows = [
        ("share of the candidate at 10 %", f"{measured.split:.2f} %", off <= SPLIT_TOLERANCE),
        ("requests it was measured on", str(measured.split_requests), enough),
        ("requests sent", str(len(load.answers)), bool(load.answers)),
        ("requests failed", str(len(load.failures)), not load.failures),
        (
            "rollback: from the write to the last request admitted to the bad revision",
            f"{measured.rollback:.2f} s",
            measured.rollback < ROLLBACK_SECONDS,
        ),
        *_judgement("version 3 (shuffled labels)", third, "shadowDisagreement"),
        *_judgement("version 4 (leans to one class)", fourth, "predictionShift"),
    ]
    screen.summary(rows)
    if load.failures:
        screen.fail(f"the first failed request: {load.failures[0].error}")
    return 0 if all(good for _, _, good in rows) else 1


def _judgement(title: str, verdict: Verdict, gate: str) -> list[tuple[str, str, bool]]:
    by_gate = verdict.gate == gate and verdict.by == "lockstep-operator"
    return [
        (f"{title} was caught by", verdict.gate, by_gate),
        ("  seconds from its first request to its quarantine", f"{verdict.seconds:.1f} s", True),
        (
            "  users' requests it answered, all with HTTP 200",
            str(verdict.answers),
            verdict.answers > 0 and not verdict.not_200,
        ),
        ("  of them later than 2 s after its quarantine", str(verdict.after), not verdict.after),
    ]


def main() -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the sandbox running afterwards")
    args = parser.parse_args()
    screen = Screen()
    try:
        return asyncio.run(run(screen, args.keep))
    except (CommandFailed, TimeoutError, RuntimeError) as error:
        screen.fail(str(error) or "waited too long")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
