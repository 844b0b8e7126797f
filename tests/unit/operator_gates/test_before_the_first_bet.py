"""What gates say before anything can be said."""

import pytest

from lockstep_operator.api.gates import Gate
from operator_gates.world import Lookout, answer, model, target

GATES = (
    Gate(metric="errorRate"),
    Gate(metric="errorRate", max=0.1),
    Gate(metric="latencyP95"),
    Gate(metric="latencyP99", max=0.1),
    Gate(metric="predictionShift"),
    Gate(metric="shadowDisagreement", max=0.2),
)


@pytest.mark.parametrize("gate", GATES)
def test_without_samples_there_is_no_number(gate: Gate) -> None:
    status = Lookout(target(gate)).status
    assert (status.verdict, status.value, status.evidence) == ("inconclusive", None, None)
    assert status.message.startswith("no samples yet (0 of ")


@pytest.mark.parametrize("gate", GATES[:1] + GATES[4:5])
def test_a_share_over_the_limit_before_the_first_bet(gate: Gate) -> None:
    lookout = Lookout(target(gate.model_copy(update={"min_samples": 1})))
    first = (model("new", {0.02: 0}, {"y": {"a": 0}}), model("old", {0.02: 0}, {"y": {"a": 0}}))
    lookout.look(models=first)
    mine, theirs = answer("1", "mirror", {"y": [1]}), answer("1", "split", {"y": [2]})
    lookout.serve(
        (3, 2),
        (2, 0),
        models=(
            model("new", {0.5: 3}, {"y": {"a": 3}}, answers=[mine]),
            model("old", {0.02: 2}, {"y": {"b": 2}}, answers=[theirs]),
        ),
    )
    status = lookout.status
    assert (status.verdict, status.evidence) == ("inconclusive", None)
    assert status.message.endswith("; over the limit, but too few samples yet to rule out chance")


def test_after_the_first_bet_there_is_evidence() -> None:
    lookout = Lookout(target(GATES[1])).serve((20, 1), seconds=5)
    assert lookout.status.evidence is not None
