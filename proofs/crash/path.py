"""A path of a rollout, as a person walks it, and what it may begin with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from proofs.crash.process import LEAST_LATE
from proofs.crash.world import World

Walk = Callable[[World], Awaitable[None]]


@dataclass(frozen=True)
class Path:
    """A path by name; `prepare` is walked before writes count.

    `late`: how many seconds after the fact the operator's watches tell of it, at most.
    """

    name: str
    prepare: Walk
    walk: Walk
    late: float = LEAST_LATE


async def nothing(world: World) -> None:
    """There is no ModelDeployment yet."""


async def v1_is_stable(world: World) -> None:
    """Deploy the first version."""
    world.apply("v1")
    await world.carries(v1=100)
    await world.until("Ready", world.is_ready)


async def v2_is_stable(world: World) -> None:
    """Roll out a second version to its end."""
    await v1_is_stable(world)
    await promote(world)


async def promote(world: World) -> None:
    """Through all steps to the promotion."""
    world.apply("v2")
    await world.carries(v1=90, v2=10)
    await world.carries(v1=50, v2=50)
    await world.carries(v2=100)
    await world.until("Ready", world.is_ready)
