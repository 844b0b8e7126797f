"""What model servers tell is bounded in memory, also where a server is not Lockstep's."""

from lockstep_operator.api.gates import Gate
from lockstep_operator.core.gates.evidence import begin
from lockstep_operator.core.gates.samples import ModelReading, Samples
from lockstep_operator.core.gates.slices import MOST_COUNTS, MOST_TOGETHER, Ledger, Slices
from operator_gates.world import Lookout, at, model, only, target

GATES = (Gate(metric="predictionShift", min_samples=1), Gate(metric="latencyP95"))


def size(ledger: Ledger) -> int:
    return sum(len(counts) for one in ledger.sources.values() for counts in one.values())


def pair(new: dict[str, dict[str, int]], n: int, started: str = "") -> tuple[ModelReading, ...]:
    """Both sides: stable answers as ever, the candidate tells what it likes."""
    plain = {"y": {"a": 10 * n, "b": 10 * n}}
    return (
        model("new", {0.02: 20 * n}, new, source=f"new{started}"),
        model("old", {0.02: 20 * n}, plain),
    )


def test_new_names_at_every_look_hold_the_gates_and_are_not_kept() -> None:
    lookout = Lookout(target(*GATES))
    for n in range(1, 60):
        lookout.look(models=pair({f"y{n}-{k}": {"a": 9} for k in range(1000)}, n))
    for gate in lookout.evidence.report(at(60)).gates:
        assert gate.verdict == "inconclusive"
        assert gate.message.startswith("a model server of new tells more than 32768 counts")
    assert size(lookout.evidence.slices.models) < MOST_COUNTS


def test_new_bins_at_every_look_are_not_kept() -> None:
    slices = Slices(("new", "split"), ("old", "split"))
    for n in range(1, 9):
        bins = {f"{n}-{k}": 5 for k in range(n * 10_000)}
        slices, *_ = slices.advance((), pair({"y": bins}, n))
        assert size(slices.models) < MOST_COUNTS + 100
    assert slices.excess == {"new"}


def test_harm_is_not_concluded_from_a_server_that_tells_too_much() -> None:
    lookout = Lookout(target(Gate(metric="latencyP95", max=0.1)))
    many = {f"y{k}": {"a": 1} for k in range(MOST_COUNTS)}
    for n in range(1, 100):
        slow = model("new", {0.5: 50 * n}, many)
        lookout.look(models=(slow, model("old", {0.02: 50 * n})))
    assert lookout.status.verdict == "inconclusive"


def test_it_goes_on_when_the_server_is_replaced() -> None:
    lookout = Lookout(target(*GATES))
    many = {f"y{k}": {"a": 1} for k in range(MOST_COUNTS)}
    for n in range(1, 5):
        lookout.look(models=pair(many, n))
    for n in range(5, 80):
        plain = {"y": {"a": 10 * n, "b": 10 * n}}
        lookout.look(models=pair(plain, n, started="again"))
    assert {gate.verdict for gate in lookout.evidence.report(at(99)).gates} == {"pass"}


def test_a_server_that_told_too_much_once_is_not_believed_again() -> None:
    lookout = Lookout(target(*GATES))
    lookout.look(models=pair({f"y{k}": {"a": 1} for k in range(MOST_COUNTS)}, 1))
    lookout.look(models=())
    for n in range(2, 80):
        lookout.look(models=pair({"y": {"a": 10 * n, "b": 10 * n}}, n))
    assert {gate.verdict for gate in lookout.evidence.report(at(99)).gates} == {"inconclusive"}


def test_many_servers_together_are_bounded_too() -> None:
    slices = Slices(("new", "split"), ("old", "split"))
    bins = {str(k): 1 for k in range(10_000)}
    pods = [model("new", {}, {"y": bins}, source=f"pod-{k}") for k in range(40)]
    slices, *_ = slices.advance((), pods)
    assert size(slices.models) <= MOST_TOGETHER
    assert slices.excess == {"new"}


def test_servers_that_restart_again_and_again_are_forgotten() -> None:
    slices = Slices(("new", "split"), ("old", "split"))
    bins = {str(k): 1 for k in range(10_000)}
    for n in range(60):
        pod = model("new", {}, {"y": bins}, source=f"pod/{n}")
        slices, *_ = slices.advance((), [pod])
        assert size(slices.models) <= MOST_TOGETHER
        assert not slices.excess
        assert f"pod/{n}" in slices.models.sources


def test_what_nobody_judges_is_not_kept() -> None:
    slices = Slices(("new", "split"), ("old", "split"))
    direct = model("new", {0.02: 5}, {"y": {"a": 5}}, assignment="direct")
    slices, *_ = slices.advance((), [direct])
    assert size(slices.models) == 0


def test_a_model_of_many_outputs_is_within_the_bounds() -> None:
    numbers = {f"y[{k}]": {str(b): b for b in range(365)} for k in range(80)}
    evidence = begin(target(*GATES), None)
    for n in range(1, 4):
        pods = [model(side, {0.02: n}, numbers) for side in ("new", "old")]
        evidence = evidence.add(Samples(at(n), models=tuple(pods)))
    assert "tells more" not in only(evidence).message
