"""Simulated rollouts through the operator's own `Evidence`."""

from dataclasses import dataclass

from lockstep_operator.api.gates import Gate
from lockstep_operator.core.gates.evidence import begin
from lockstep_operator.core.gates.target import Target
from lockstep_operator.shell.analysis.analyst import interval
from proofs.statistics.conditions import Conditions, Harm
from proofs.statistics.world import START, World

GATES = (
    Gate(metric="errorRate"),
    Gate(metric="latencyP95"),
    Gate(metric="latencyP99"),
    Gate(metric="predictionShift"),
    Gate(metric="shadowDisagreement", max=0.2),
)
STEPS = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one step ended.

    Attributes:
        failed: name of the gate that failed first, and the second in which it did.
        verdicts: by gate, at the end of a step that none failed.
    """

    failed: tuple[str, int] | None
    verdicts: dict[str, str]


def walk(conditions: Conditions, harm: Harm, seed: int) -> list[Outcome]:
    """Walk the three steps of a rollout until a gate fails; each step has its own evidence.

    Where the conditions name fewer weights, the last one is held on.
    """
    outcomes: list[Outcome] = []
    for index in range(STEPS):
        weight = conditions.weights[min(index, len(conditions.weights) - 1)]
        outcome = judge(
            conditions,
            harm,
            STEPS * seed + index,
            step=index + 1,
            weight=weight,
            gates=GATES,
            hold=conditions.hold,
        )
        outcomes.append(outcome)
        if outcome.failed:
            break
    return outcomes


def judge(
    conditions: Conditions,
    harm: Harm,
    seed: int,
    *,
    step: int,
    weight: float,
    gates: tuple[Gate, ...],
    hold: int,
) -> Outcome:
    """Judge one step for its hold, look after look."""
    target = Target("candidate", "stable", step, STEPS, START, "split", gates)
    metrics = {gate.metric for gate in gates}
    shadow = "shadowDisagreement" in metrics
    modelled = any(metric.startswith(("latency", "prediction")) for metric in metrics)
    world = World(conditions, harm, seed, weight, shadow=shadow, modelled=modelled)
    evidence = begin(target, None)
    next_look = 0.0
    for second in range(1, hold + 1):
        world.step()
        if second < next_look:
            continue
        next_look = second + (interval(second) if conditions.pace else 1.0)
        evidence = evidence.add(world.read())
        failed = [watch.gate.title for watch in evidence.watches if watch.failed]
        if failed:
            return Outcome((failed[0], second), {})
    return Outcome(None, {gate.name: gate.verdict for gate in evidence.report(START).gates})
