"""Paths of `strategy: Replace`: one revision's pods at a time."""

from typing import Any

from proofs.crash.path import Path
from proofs.crash.world import World

REPLACE: dict[str, Any] = {"strategy": "Replace", "steps": None}


async def v1_is_stable(world: World) -> None:
    """Deploy the first version."""
    world.apply("v1", rollout=REPLACE)
    await world.carries(v1=100)
    await world.until("Ready", world.is_ready)


async def v2_is_stable(world: World) -> None:
    """The second version took over, and the first has no pods any more."""
    await v1_is_stable(world)
    await taken_over(world)
    await world.until("v1 to be cold", lambda: not world.pods_of("v1"))


async def taken_over(world: World) -> None:
    """The candidate's pods come when stable's have gone."""
    world.apply("v2", rollout=REPLACE)
    await world.until("v1 to make room", lambda: not world.pods_of("v1"))
    await world.carries(v2=100)
    await world.until("Ready", world.is_ready)


async def quarantined_in_between(world: World) -> None:
    """A person quarantines the candidate when stable's pods have gone: they come back."""
    world.broken.add("v2")
    world.apply("v2", rollout=REPLACE)
    await world.until("v1 to make room", lambda: not world.pods_of("v1"))
    world.quarantine("v2")
    await _serves_again(world)


async def never_ready(world: World) -> None:
    """The candidate's pods never become Ready: its rollout is aborted, and stable's come back."""
    world.broken.add("v2")
    world.apply("v2", rollout={**REPLACE, "progressDeadline": "60s"})
    await world.until("Aborted", lambda: world.reason("Stalled") == "Aborted")
    await _serves_again(world)


async def rolled_back(world: World) -> None:
    """A person quarantines what took over: the cold version before it is started."""
    world.quarantine("v2")
    await _serves_again(world)


async def superseded(world: World) -> None:
    """A third manifest comes when stable's pods have gone."""
    world.broken.add("v2")
    world.apply("v2", rollout=REPLACE)
    await world.until("v1 to make room", lambda: not world.pods_of("v1"))
    world.apply("v3", rollout=REPLACE)
    await world.carries(v3=100)
    await world.until("Ready", world.is_ready)


async def _serves_again(world: World) -> None:
    await world.carries(v1=100)
    await world.until("v1's pods", lambda: world.ready_pods_of("v1") == 2)
    await world.until("v2's pods to go", lambda: not world.pods_of("v2"))


REPLACE_PATHS = (
    Path("Replace: the candidate takes over", v1_is_stable, taken_over),
    Path("Replace: quarantine when stable's pods have gone", v1_is_stable, quarantined_in_between),
    Path("Replace: the candidate never becomes ready", v1_is_stable, never_ready),
    Path("Replace: quarantine of what took over", v2_is_stable, rolled_back),
    Path("Replace: supersession when stable's pods have gone", v1_is_stable, superseded),
)
