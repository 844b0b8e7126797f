"""Paths on which gates decide."""

from proofs.crash.path import Path, v1_is_stable
from proofs.crash.world import World

ERROR_GATE = {"gates": [{"metric": "errorRate", "max": 0.02}]}
LATENCY_GATE = {"gates": [{"metric": "latencyP95"}]}
SHIFT_GATE = {"gates": [{"metric": "predictionShift"}]}
SHADOW_GATE = {"gates": [{"metric": "shadowDisagreement", "max": 0.1}]}
ALL_GATES = {
    "gates": [
        *ERROR_GATE["gates"],
        *LATENCY_GATE["gates"],
        *SHIFT_GATE["gates"],
        *SHADOW_GATE["gates"],
    ]
}
MIRROR = {"mirror": 10}
GOLDEN = {
    "tolerance": 1e-6,
    "requests": [
        {
            "name": "one",
            "request": {"inputs": []},
            "expected": {"outputs": [{"name": "predict", "data": [1]}]},
        }
    ],
}


async def failed_gate(world: World) -> None:
    """The candidate fails requests; the gate quarantines it without a person."""
    world.errors["v2"] = 0.08
    world.apply("v2", rollout=ERROR_GATE, traffic=MIRROR)
    await _is_taken_back(world)


async def failed_latency(world: World) -> None:
    """The candidate takes much longer than stable."""
    world.seconds["v2"] = 0.5
    world.apply("v2", rollout=LATENCY_GATE)
    await _is_taken_back(world)


async def failed_shift(world: World) -> None:
    """The candidate's answers are all of another class."""
    world.predictions["v2"] = 7
    world.apply("v2", rollout=SHIFT_GATE)
    await _is_taken_back(world)


async def failed_shadow(world: World) -> None:
    """The candidate answers copied requests differently."""
    world.predictions["v2"] = 7
    world.apply("v2", rollout=SHADOW_GATE, traffic=MIRROR)
    await _is_taken_back(world)


async def failed_at_second_step(world: World) -> None:
    """The candidate becomes slow at the second step."""
    world.apply("v2", rollout=LATENCY_GATE)
    await world.carries(v1=50, v2=50)
    world.seconds["v2"] = 0.5
    await world.until("the quarantine", lambda: "quarantine" in world.spec("v2"))
    await world.carries(v1=100)


async def _is_taken_back(world: World) -> None:
    await world.carries(v1=90, v2=10)
    await world.until("the quarantine", lambda: "quarantine" in world.spec("v2"))
    await world.carries(v1=100)


async def passed_gates(world: World) -> None:
    """All gates that watch traffic see enough at each step."""
    world.apply("v2", rollout=ALL_GATES, traffic=MIRROR)
    await world.carries(v1=50, v2=50)
    await world.carries(v2=100)
    await world.until("Ready", world.is_ready)


async def passed_gate(world: World) -> None:
    """The gate sees enough good requests at each step."""
    world.apply("v2", rollout=ERROR_GATE)
    await world.carries(v1=50, v2=50)
    await world.carries(v2=100)
    await world.until("Ready", world.is_ready)


async def failed_golden(world: World) -> None:
    """The candidate answers a golden request wrongly, before it gets any traffic."""
    world.predictions["v2"] = 7
    world.put_golden(GOLDEN)
    reference = {"name": "golden", "key": "golden.json"}
    gate = {"metric": "goldenRequests", "configMap": reference}
    world.apply("v2", rollout={"gates": [gate]})
    await world.until("the candidate", lambda: "v2" in world.revisions())
    await world.until("the quarantine", lambda: "quarantine" in world.spec("v2"))


GATE_PATHS = (
    Path("promotion with a gate that passes", v1_is_stable, passed_gate),
    Path("promotion with four gates that pass", v1_is_stable, passed_gates),
    Path("gate failure at the first step, with a mirror", v1_is_stable, failed_gate),
    Path("latency fails at the first step", v1_is_stable, failed_latency),
    Path("latency fails at the second step", v1_is_stable, failed_at_second_step),
    Path("prediction shift at the first step", v1_is_stable, failed_shift),
    Path("shadow disagreement at the first step", v1_is_stable, failed_shadow),
    Path("golden requests fail before any traffic", v1_is_stable, failed_golden),
)
