"""The paths that orders of people take, and the list of all paths."""

from dataclasses import replace

from proofs.crash.gate_paths import GATE_PATHS, failed_gate
from proofs.crash.path import Path, nothing, promote, v1_is_stable, v2_is_stable
from proofs.crash.pod_paths import POD_PATHS
from proofs.crash.replace_paths import REPLACE_PATHS
from proofs.crash.world import World


async def first(world: World) -> None:
    """The first deployment of all."""
    await v1_is_stable(world)


async def quarantined_before_traffic(world: World) -> None:
    """A person quarantines the candidate before it has any weight."""
    world.apply("v2")
    await world.until("the candidate", lambda: "v2" in world.revisions())
    world.quarantine("v2")
    await world.carries(v1=100)


async def quarantined_at_first_step(world: World) -> None:
    """A person quarantines the candidate at its first step."""
    world.apply("v2")
    await world.carries(v1=90, v2=10)
    world.quarantine("v2")
    await world.carries(v1=100)


async def quarantined_at_last_step(world: World) -> None:
    """A person quarantines the candidate at its last step."""
    world.apply("v2")
    await world.carries(v1=50, v2=50)
    world.quarantine("v2")
    await world.carries(v1=100)


async def rolled_back(world: World) -> None:
    """A person quarantines the promoted version."""
    world.quarantine("v2")
    await world.carries(v1=100)


async def reverted(world: World) -> None:
    """Git goes back to the previous stable, which is warm; then forward again."""
    world.apply("v1")
    await world.carries(v1=100)
    await world.until("Ready", world.is_ready)
    world.apply("v2")
    await world.carries(v2=100)
    await world.until("Ready", world.is_ready)


async def superseded(world: World) -> None:
    """A third manifest comes in the middle of a rollout."""
    world.apply("v2")
    await world.carries(v1=90, v2=10)
    world.apply("v3")
    await world.carries(v1=90, v3=10)
    await world.carries(v3=100)
    await world.until("Ready", world.is_ready)


async def recreated(world: World) -> None:
    """The ModelDeployment is deleted and created again; its quarantined version stays so."""
    world.quarantine("v2")
    await world.carries(v1=100)
    await world.settled()
    world.delete()
    await world.until("the pods to go", lambda: not world.pods_of("v1") and not world.pods_of("v2"))
    await world.settled()
    world.apply("v1")
    await world.carries(v1=100)
    await world.until("Ready", world.is_ready)
    world.apply("v2")
    await world.until(
        "SpecQuarantined",
        lambda: any(one["reason"] == "SpecQuarantined" for one in world.status()["conditions"]),
    )


async def replaced(world: World) -> None:
    """`kubectl replace --force`: deleted and created again before anybody has noticed."""
    world.delete()
    world.apply("v1")
    await world.carries(v1=100)
    await world.until("Ready", world.is_ready)


async def aborted(world: World) -> None:
    """A person aborts, and later lets it start again at step one."""
    world.apply("v2")
    await world.carries(v1=90, v2=10)
    world.mark("v2", rollout={"aborted": world.order()})
    await world.carries(v1=100)
    await world.until("Aborted", lambda: world.reason("Stalled") == "Aborted")
    world.mark("v2", rollout={"aborted": None})
    await world.carries(v1=90, v2=10)
    await world.carries(v2=100)
    await world.until("Ready", world.is_ready)


async def paused(world: World) -> None:
    """A person pauses at the first step, resumes, and promotes at the second."""
    world.apply("v2")
    await world.carries(v1=90, v2=10)
    world.mark("v2", rollout={"paused": world.order()})
    await world.pause(60.0)
    await world.carries(v1=90, v2=10)
    world.mark("v2", rollout={"paused": None})
    await world.carries(v1=50, v2=50)
    world.mark("v2", rollout={"promote": world.order()})
    await world.carries(v2=100)
    await world.until("Ready", world.is_ready)


async def approved(world: World) -> None:
    """A step waits until a person lets it go on."""
    step = {"weight": 20, "hold": "5s", "approval": True}
    world.apply("v2", rollout={"steps": [step]})
    await world.carries(v1=80, v2=20)
    await world.pause(30.0)
    await world.carries(v1=80, v2=20)
    world.mark("v2", rollout={"approvals": [{**world.order(), "step": 1}]})
    await world.carries(v2=100)
    await world.until("Ready", world.is_ready)


SHORT = {"steps": [], "keepWarm": "10s"}


async def v1_is_cold(world: World) -> None:
    """Three versions were stable in turn, and the first has no pods any more."""
    for version in ("v1", "v2", "v3"):
        world.apply(version, rollout=SHORT)
        await world.carries(**{version: 100})
        await world.until("Ready", world.is_ready)
    await world.until("v1 to be cold", lambda: world.pods_of("v1") == 0)


async def restored(world: World) -> None:
    """A person goes back to the cold version; what serves is quarantined when it takes over."""
    marked = [world.revision("v3")]
    world.mark("v1", restore={**world.order(), "quarantine": marked})
    await world.carries(v1=100)
    await world.until("the mark to go", lambda: "restore" not in world.spec("v1"))


async def two_quarantines(world: World) -> None:
    """The candidate and then the stable revision are quarantined: the one before takes over."""
    world.apply("v3")
    await world.carries(v2=90, v3=10)
    world.quarantine("v3")
    world.quarantine("v2")
    await world.carries(v1=100)


async def released(world: World) -> None:
    """A quarantined version is released, and starts again at step one."""
    world.quarantine("v2")
    await world.carries(v1=100)
    await world.settled()
    world.mark("v2", quarantine=None)
    await world.carries(v1=90, v2=10)
    await world.carries(v2=100)
    await world.until("Ready", world.is_ready)


_BASIC = (
    Path("first deployment", nothing, first),
    Path("promotion through all steps", v1_is_stable, promote),
    Path("quarantine before any traffic", v1_is_stable, quarantined_before_traffic),
    Path("quarantine at the first step", v1_is_stable, quarantined_at_first_step),
    Path("quarantine at the last step", v1_is_stable, quarantined_at_last_step),
    Path("quarantine of the promoted version", v2_is_stable, rolled_back),
    Path("quarantine of candidate and stable", v2_is_stable, two_quarantines),
    Path("quarantine and release", v2_is_stable, released),
    Path("revert to the warm version and back", v2_is_stable, reverted),
    Path("supersession by a third manifest", v1_is_stable, superseded),
    Path("abort and start again", v1_is_stable, aborted),
    Path("pause, resume, promote now", v1_is_stable, paused),
    Path("a step with approval", v1_is_stable, approved),
    Path("restore of a cold version", v1_is_cold, restored),
    Path("delete and re-create", v2_is_stable, recreated),
    Path("delete and re-create at once", v1_is_stable, replaced),
)

# How late the watches of a loaded cluster are; less than a step's hold, so that every mark comes
# in the step that it was meant for.
_LATE_SECONDS = 5.0
_LATE = (
    promote,
    quarantined_at_first_step,
    rolled_back,
    two_quarantines,
    released,
    reverted,
    superseded,
    aborted,
    restored,
    recreated,
    replaced,
    failed_gate,
)


def _late(path: Path) -> Path:
    return replace(path, name=f"{path.name}, watches up to 5 s late", late=_LATE_SECONDS)


_PROMPT = (*_BASIC, *GATE_PATHS, *REPLACE_PATHS, *POD_PATHS)
PATHS = (*_PROMPT, *(_late(path) for path in _PROMPT if path.walk in _LATE))
