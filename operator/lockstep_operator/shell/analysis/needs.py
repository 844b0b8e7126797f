"""Which samples the gates of a target need: nothing else is read."""

from collections.abc import Iterable
from dataclasses import dataclass

from lockstep_operator.api.gates import LATENCIES, Gate
from lockstep_operator.core.gates.target import Target

_COMPARISONS = ("predictionShift", "shadowDisagreement")


@dataclass(frozen=True, slots=True)
class Needs:
    """Names of gates by what they need.

    `router`: the routers' counts; `candidate`, `stable`: the telemetry of that revision's pods;
    `answers`: single answers too.
    """

    router: frozenset[str]
    candidate: frozenset[str]
    stable: frozenset[str]
    answers: bool


def needs_of(target: Target) -> Needs:
    """Return what the gates need."""
    return Needs(
        router=_titles(gate for gate in target.gates if gate.metric == "errorRate"),
        candidate=_titles(gate for gate in target.gates if _reads_models(gate)),
        stable=_titles(gate for gate in target.gates if _reads_models(gate) and _compares(gate)),
        answers=any(gate.metric == "shadowDisagreement" for gate in target.gates),
    )


def _reads_models(gate: Gate) -> bool:
    return gate.metric in LATENCIES or gate.metric in _COMPARISONS


def _compares(gate: Gate) -> bool:
    return gate.metric in _COMPARISONS or gate.max is None


def _titles(gates: Iterable[Gate]) -> frozenset[str]:
    return frozenset(gate.title for gate in gates)
