"""Walks of one path, without and with crashes, and how they ended."""

import random
from dataclasses import dataclass
from typing import Any

import structlog

from proofs.crash import clock
from proofs.crash.path import Path
from proofs.crash.strikes import Chosen, Strike, Writes
from proofs.crash.world import Stuck, World


@dataclass(frozen=True)
class Outcome:
    """What must be the same with and without a crash."""

    weights: dict[str, float]
    quarantines: dict[str, str]
    stable: str | None
    promotions: list[tuple[int, str, bool, tuple[str, ...]]]
    fallback: dict[str, float]
    peaks: dict[str, float]


@dataclass(frozen=True)
class Result:
    """A finished walk: how it ended, what was broken on the way, lives of the process."""

    outcome: Outcome | None
    broken: tuple[str, ...] = ()
    lives: int = 0


@dataclass(frozen=True)
class Walked:
    """A path's walk without a strike, and all that were struck."""

    writes: int
    plain: Result
    struck: list[tuple[Strike, Result]]


def walk(path: Path, chosen: Chosen, jobs: int) -> Walked:
    """Walk a path in a fresh cluster, and copies of it that are struck where chosen."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory(), processors=[_drop])
    random.seed(1)  # jitter, the same in every run
    writes = Writes(chosen, jobs)
    result = clock.run(_walk(path, writes))
    writes.finish(result)
    dead = Result(None, ("the walk ended with an error, see above",))
    return Walked(writes.count, result, [(s, one or dead) for s, one in writes.results])


def _drop(logger: Any, method: str, event: Any) -> Any:
    raise structlog.DropEvent


async def _walk(path: Path, writes: Writes) -> Result:
    world = World(writes, path.late)
    await world.start()
    outcome: Outcome | None = None
    stuck: tuple[str, ...] = ()
    try:
        await path.prepare(world)
        await world.settled()
        writes.counting = True
        await path.walk(world)
        await world.settled()
        writes.counting = False
        outcome = await _outcome(world)
    except Stuck as error:
        stuck = (str(error),)
    finally:
        await world.stop()
    broken = (*world.watchdog.broken, *stuck, *world.server.faults)
    return Result(outcome, broken, world.lives)


async def _outcome(world: World) -> Outcome:
    """Note how a path ended; then quarantine stable, to see where that falls back to."""
    revisions = world.revisions()
    versions = {one["metadata"]["name"]: version for version, one in revisions.items()}
    stable = versions.get(world.status().get("stableRevision", ""))
    weights = _same(world.running())
    quarantines = {
        version: one["spec"]["quarantine"]["reason"].partition(":")[0]  # then numbers follow
        for version, one in revisions.items()
        if one["spec"].get("quarantine")
    }
    promotions = [
        (
            one["number"],
            version,
            one.get("revoked", False),
            tuple(sorted(versions.get(name, name) for name in one.get("rollbackOf", ()))),
        )
        for version, revision in revisions.items()
        for one in revision["spec"].get("promotions", ())
    ]
    peaks = {versions.get(n, n): weight / 100 for n, weight in world.watchdog.peaks.items()}
    if stable:
        world.quarantine(stable)
        await world.settled()
    fallback = _same(world.running())
    return Outcome(weights, quarantines, stable, sorted(promotions), fallback, peaks)


def _same(running: list[dict[str, float]]) -> dict[str, float]:
    """Return what all router pods run.

    Raises:
        Stuck: they differ.
    """
    if any(one != running[0] for one in running):
        raise Stuck(f"the router pods differ: {running}")
    return dict(running[0]) if running else {}
