"""Paths on which pods lose their readiness in the middle of a rollout, and get it back."""

from proofs.crash.path import Path, v1_is_stable
from proofs.crash.world import World

# Longer than the operator waits before the candidate stands in for a stable revision that is down.
_LONG_STEP = {"weight": 10, "hold": "60s"}
_SHORT_STEP = {"weight": 50, "hold": "20s"}


async def candidate_down(world: World) -> None:
    """All pods of the candidate go: its traffic goes back; then it starts at step one."""
    world.apply("v2")
    await world.carries(v1=90, v2=10)
    world.fail_pods("v2", 2)
    await world.carries(v1=100)
    world.recover_pods("v2")
    await world.carries(v1=90, v2=10)
    await world.carries(v2=100)
    await world.until("Ready", world.is_ready)


async def candidate_halved(world: World) -> None:
    """One pod of two goes at the last step: the promotion waits for it."""
    world.apply("v2")
    await world.carries(v1=50, v2=50)
    world.fail_pods("v2", 1)
    await world.pause(60.0)
    await world.carries(v1=50, v2=50)
    world.recover_pods("v2")
    await world.carries(v2=100)
    await world.until("Ready", world.is_ready)


async def stable_down(world: World) -> None:
    """All pods of stable go: the candidate stands in; when they are back, it starts anew."""
    world.apply("v2", rollout={"steps": [_LONG_STEP, _SHORT_STEP]})
    await world.carries(v1=90, v2=10)
    world.fail_pods("v1", 2)
    await world.carries(v2=100)
    await world.settled()
    world.recover_pods("v1")
    await world.carries(v1=90, v2=10)
    await world.carries(v2=100)
    await world.until("Ready", world.is_ready)


async def stable_stays_down(world: World) -> None:
    """All pods of stable go for good: what stands in is promoted after progressDeadline."""
    steps = [_LONG_STEP, _SHORT_STEP]
    world.apply("v2", rollout={"steps": steps, "progressDeadline": "60s"})
    await world.carries(v1=90, v2=10)
    world.fail_pods("v1", 2)
    await world.carries(v2=100)
    await world.until("Ready", world.is_ready)
    world.recover_pods("v1")


async def quarantined_while_down(world: World) -> None:
    """The candidate is quarantined while its pods are down, and they come back."""
    world.apply("v2")
    await world.carries(v1=90, v2=10)
    world.fail_pods("v2", 2)
    world.quarantine("v2")
    await world.carries(v1=100)
    world.recover_pods("v2")


POD_PATHS = (
    Path("the candidate's pods go and come back", v1_is_stable, candidate_down),
    Path("one of the candidate's pods goes at the last step", v1_is_stable, candidate_halved),
    Path("stable's pods go and come back", v1_is_stable, stable_down),
    Path("stable's pods go for good", v1_is_stable, stable_stays_down),
    Path("quarantine while the candidate's pods are down", v1_is_stable, quarantined_while_down),
)
