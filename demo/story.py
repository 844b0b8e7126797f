"""The first act, told with real commands: canary, promotion, rollback by hand."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from demo.commands import Shell
from demo.load import Load
from demo.models import manifest
from demo.screen import Screen

NAME = "wine"
STEPS: list[dict[str, object]] = [
    {"weight": 10, "hold": "12s"},
    {"weight": 50, "hold": "4s"},
]


@dataclass(frozen=True)
class Measured:
    """The numbers of one run; times in seconds, the split in percent."""

    split: float
    split_requests: int
    rollback: float


async def go_live(shell: Shell, screen: Screen, models: Path, base: str) -> str:
    """Deploy version 1; return the URL that clients use."""
    screen.chapter("Version 1 goes live")
    await apply(shell, manifest(base, models, "v1", {"steps": STEPS}))
    await shell.run("kubectl", "wait", "--for=condition=Ready", f"md/{NAME}", "--timeout=60s")
    first = (await shell.get("md", NAME))["status"]["stableRevision"]
    address = (await shell.get("service", NAME))["spec"]["clusterIP"]
    screen.say(f"{first} carries 100 %; traffic starts, through Envoy, at http://{address}")
    return f"http://{address}/v2/models/{NAME}/infer"


async def first_act(shell: Shell, screen: Screen, load: Load, models: Path, base: str) -> Measured:
    """Canary, promote and roll back under traffic."""
    first = (await shell.get("md", NAME))["status"]["stableRevision"]
    screen.chapter("Version 2 comes as a canary")
    await apply(shell, manifest(base, models, "v2", {"steps": STEPS}))
    split, counted = await _canary(shell, screen, load)
    await shell.run("kubectl", "wait", "--for=condition=Ready", f"md/{NAME}", "--timeout=60s")
    second = (await shell.get("md", NAME))["status"]["stableRevision"]
    screen.say(f"{second} is promoted: it carries 100 %; {first} stays warm")
    await asyncio.sleep(1)
    screen.chapter("Version 2 is not wanted: one command takes it back")
    out = await shell.run("lockstep", "rollback", NAME, "--yes", "--reason", "not wanted")
    for line in out.strip().splitlines():
        screen.say(line)
    await asyncio.sleep(2)
    written = await quarantined_at(shell, second)
    await shell.run("kubectl", "get", "md,mrev")
    rollback = max(0.0, load.last_sent_to(second) - written)
    return Measured(split=split, split_requests=counted, rollback=rollback)


async def apply(shell: Shell, document: dict[str, object], *, show: bool = True) -> None:
    """Apply a manifest as a user would."""
    await shell.run("kubectl", "apply", "-f", "-", stdin=json.dumps(document), show=show)


async def _canary(shell: Shell, screen: Screen, load: Load) -> tuple[float, int]:
    """Watch the steps; return the measured share at 10 % and the requests it was measured on."""
    at_ten = await until(shell, lambda status: _step(status) == 1 and _held(status))
    candidate, started = at_ten["candidateRevision"], time.time()
    screen.say(f"step 1: {candidate} at 10 %, held for {STEPS[0]['hold']}")
    at_fifty = await until(shell, lambda status: _step(status) != 1)
    ended = _hold_end(at_ten)
    counts = load.between(started, ended)
    total = sum(counts.values())
    share = 100 * counts[candidate] / total
    screen.say(f"{total} requests meanwhile: {share:.2f} % were answered by {candidate}")
    if _step(at_fifty) == 2:
        screen.say(f"step 2: {candidate} at 50 %, held for {STEPS[1]['hold']}")
    return share, total


async def until(
    shell: Shell, holds: Callable[[dict[str, Any]], bool], seconds: float = 60
) -> dict[str, Any]:
    """Poll the status until it is as wanted.

    Raises:
        TimeoutError: it was not in time.
    """
    async with asyncio.timeout(seconds):
        while True:
            status: dict[str, Any] = (await shell.get("md", NAME)).get("status", {})
            if holds(status):
                return status
            await asyncio.sleep(0.3)


def _step(status: dict[str, Any]) -> int:
    return int((status.get("rollout") or {}).get("step", 0))


def _held(status: dict[str, Any]) -> bool:
    return "holdUntil" in (status.get("rollout") or {})


def _hold_end(status: dict[str, Any]) -> float:
    return datetime.fromisoformat(status["rollout"]["holdUntil"]).timestamp()


async def quarantined_at(shell: Shell, revision: str) -> float:
    """Return when a revision was quarantined, in seconds since the epoch."""
    mark = (await shell.get("mrev", revision))["spec"]["quarantine"]
    return datetime.fromisoformat(mark["time"]).timestamp()
