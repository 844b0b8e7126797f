"""The second act: versions that answer every request, and are wrong all the same."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.commands import Shell
from demo.load import Load
from demo.models import manifest
from demo.screen import Screen
from demo.story import NAME, apply, quarantined_at, until

HTTP_GATES: list[dict[str, object]] = [{"metric": "errorRate"}]
STEPS: list[dict[str, object]] = [{"weight": 5, "hold": "3m"}, {"weight": 50, "hold": "5m"}]
APPLIED_AGAIN = 10


@dataclass(frozen=True)
class Verdict:
    """How a bad version ended. `seconds`: from its first request to its quarantine.

    `answers`: users' requests that it answered; `not_200`: how many of them failed; `after`: how
    many it answered later than two seconds after its quarantine.
    """

    gate: str
    reason: str
    by: str
    seconds: float
    answers: int
    not_200: int
    after: int


async def second_act(
    shell: Shell, screen: Screen, load: Load, models: Path, base: str
) -> tuple[Verdict, Verdict]:
    """Roll out version 3 and version 4; nobody intervenes."""
    screen.chapter("Version 3 was trained on shuffled labels: HTTP 200, fast, and wrong")
    gates = [{"metric": "shadowDisagreement", "max": 0.2, "output": "predict"}, *HTTP_GATES]
    document = manifest(base, models, "v3", {"steps": STEPS, "gates": gates}, mirror=25)
    third = await _judged(shell, screen, load, document)
    screen.say(f"its manifest is applied {APPLIED_AGAIN} times more")
    for _ in range(APPLIED_AGAIN):
        await apply(shell, document, show=False)
        await asyncio.sleep(0.3)
    await asyncio.sleep(2)
    ready = await _condition(shell, "Ready")
    screen.say(f"Ready {ready['status']}, {ready['reason']}: {ready['message']}")
    screen.chapter("Version 4 leans to one class")
    gates = [{"metric": "predictionShift", "output": "predict"}, *HTTP_GATES]
    document = manifest(base, models, "v4", {"steps": STEPS, "gates": gates})
    fourth = await _judged(shell, screen, load, document)
    await asyncio.sleep(2.5)
    await shell.run("kubectl", "get", "md,mrev")
    return _verdict(load, *third), _verdict(load, *fourth)


async def _judged(
    shell: Shell, screen: Screen, load: Load, document: dict[str, object]
) -> tuple[str, dict[str, str], float]:
    """Apply a version and wait for its quarantine; return revision, mark and when that was."""
    stable = (await shell.get("md", NAME))["status"]["stableRevision"]
    await apply(shell, document)
    begun = await until(shell, lambda status: (status.get("rollout") or {}).get("step") == 1)
    name = begun["candidateRevision"]
    screen.say(f"{name} at 5 %; {stable} has the rest")
    shown = asyncio.create_task(_show_gates(shell, screen, name))
    try:
        await until(shell, lambda status: status.get("candidateRevision") != name, seconds=150)
    finally:
        shown.cancel()
    mark = (await shell.get("mrev", name))["spec"]["quarantine"]
    screen.say(f"quarantined by {mark['by']}: {mark['reason']}")
    return name, mark, await quarantined_at(shell, name)


async def _show_gates(shell: Shell, screen: Screen, name: str) -> None:
    """Say what the gates say, whenever that changes."""
    said: dict[str, str] = {}
    while True:
        status = (await shell.get("mrev", name)).get("status", {})
        for gate in (status.get("analysis") or {}).get("gates", []):
            if said.get(gate["name"]) != gate["verdict"]:
                said[gate["name"]] = gate["verdict"]
                screen.say(f"gate {gate['name']}: {gate['verdict']} ({gate.get('message', '')})")
        await asyncio.sleep(0.5)


def _verdict(load: Load, name: str, mark: dict[str, str], quarantined: float) -> Verdict:
    own = [answer for answer in load.answers if answer.revision == name]
    first = min((answer.sent for answer in own), default=time.time())
    return Verdict(
        gate=mark["reason"].split()[1],
        reason=mark["reason"],
        by=mark["by"],
        seconds=quarantined - first,
        answers=len(own),
        not_200=sum(answer.failed for answer in own),
        after=sum(answer.sent > quarantined + 2 for answer in own),
    )


async def _condition(shell: Shell, kind: str) -> dict[str, Any]:
    conditions = (await shell.get("md", NAME))["status"]["conditions"]
    found: dict[str, Any] = next(one for one in conditions if one["type"] == kind)
    return found
