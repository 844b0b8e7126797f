"""Run the demo: `python -m demo`."""

import argparse
import asyncio
import os
import shutil
import sys
from pathlib import Path

from demo.commands import CommandFailed, Shell
from demo.models import served, train
from demo.screen import Screen
from demo.story import Measured, tell

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
    screen.chapter("Training two versions of a wine classifier")
    for line in (await train(WORK / "models")).splitlines():
        screen.say(Path(line).relative_to(WORK).as_posix() if "/" in line else line)
    screen.chapter("Starting a sandbox: API server, controllers, node, DNS")
    await shell.run("lockstep", "sandbox", "up", "--dir", str(sandbox.relative_to(Path.cwd())))
    try:
        screen.chapter("Installing the operator")
        await shell.run("helm", "install", "lockstep", str(CHART.relative_to(Path.cwd())), *INSTALL)
        with served(WORK / "models") as base:
            measured = await tell(shell, screen, WORK / "models", base)
    finally:
        if not keep:
            screen.chapter("Cleaning up")
            await shell.run("lockstep", "sandbox", "down", "--dir", str(sandbox))
    return report(screen, measured)


INSTALL = ("--namespace", "lockstep-system", "--create-namespace", "--wait", "--timeout", "60s")


def report(screen: Screen, measured: Measured) -> int:
    """Print the summary; 0 when everything is as promised, else 1."""
    off = abs(measured.split - 10.0)
    enough = measured.split_requests >= SPLIT_REQUESTS
    rows = [
        ("share of the candidate at 10 %", f"{measured.split:.2f} %", off <= SPLIT_TOLERANCE),
        ("requests it was measured on", str(measured.split_requests), enough),
        ("requests sent", str(measured.sent), measured.sent > 0),
        ("requests failed", str(measured.failed), measured.failed == 0),
        (
            "rollback: from the write to the last request admitted to the bad revision",
            f"{measured.rollback:.2f} s",
            measured.rollback < ROLLBACK_SECONDS,
        ),
    ]
    screen.summary(rows)
    if measured.first_error:
        screen.fail(f"the first failed request: {measured.first_error}")
    return 0 if all(good for _, _, good in rows) else 1


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
