"""The prometheus gate."""

import math

from lockstep_operator.api.gates import Gate
from lockstep_operator.core.gates.samples import QueryResult
from operator_gates.world import Lookout, at, target


def gate(**values: object) -> Gate:
    query = {"query": 'rate(x{r="{{revision}}"})', "failures": 3, "interval": "15s"}
    return Gate.model_validate({"metric": "prometheus", "prometheus": query, **values})


def ask(lookout: Lookout, *answers: float | tuple[float, float | None]) -> Lookout:
    for given in answers:
        value, stable = given if isinstance(given, tuple) else (given, None)
        lookout.look(queries={"prometheus": QueryResult(value, stable)})
    return lookout


def test_answers_beyond_the_limit_in_a_row_make_it_fail() -> None:
    lookout = ask(Lookout(target(gate(max=10))), 5, 11, 12)
    assert lookout.status.verdict == "inconclusive"
    assert lookout.status.message == (
        "prometheus 12, allowed is at most 10; 2 of 3 answers in a row beyond it"
    )
    assert ask(lookout, 13).status.verdict == "fail"


def test_a_good_answer_between_starts_the_count_again() -> None:
    lookout = ask(Lookout(target(gate(max=10))), 11, 12, 5, 11, 12)
    assert lookout.status.verdict == "inconclusive"
    assert ask(lookout, 5).status.verdict == "pass"


def test_it_passes_only_after_as_many_answers_as_a_fail_takes() -> None:
    lookout = ask(Lookout(target(gate(max=10))), 5, 5)
    assert (lookout.status.verdict, lookout.status.samples) == ("inconclusive", 2)
    assert ask(lookout, 5).status.verdict == "pass"


def test_a_least_value_can_be_set() -> None:
    assert ask(Lookout(target(gate(min=10))), 9, 9, 9).status.verdict == "fail"
    assert ask(Lookout(target(gate(min=10))), 11, 11, 11).status.verdict == "pass"
    assert ask(Lookout(target(gate(min=1, max=3))), 4, 0, 4).status.verdict == "fail"


def test_a_multiple_of_stable() -> None:
    lookout = ask(Lookout(target(gate(maxRatioToStable=2))), (4, 3), (5, 3), (6, 3))
    assert (lookout.status.verdict, lookout.status.limit) == ("pass", 6)
    ask(lookout, (7, 3), (7, 3), (9, 3))
    assert lookout.status.verdict == "fail"
    assert "prometheus 9, allowed is at most 6 (2 x stable 3)" in lookout.status.message


def test_infinity_is_beyond_any_limit() -> None:
    status = ask(Lookout(target(gate(max=10))), *[math.inf] * 3).status
    assert (status.verdict, status.value) == ("fail", 1e15)


def test_nothing_follows_from_no_number() -> None:
    lookout = ask(Lookout(target(gate(max=10))), 5, 5, 5, math.nan)
    assert lookout.status.verdict == "inconclusive"
    assert lookout.status.message == "the query gives NaN for the candidate"
    assert ask(lookout, 5).status.verdict == "pass"
    relative = gate(maxRatioToStable=2)
    for stable in (None, math.nan, -1.0, math.inf):
        lookout = ask(Lookout(target(relative)), *[(50.0, stable)] * 5)
        assert lookout.status.verdict == "inconclusive"
    lookout = ask(Lookout(target(relative, stable=None)), *[(50.0, 1.0)] * 5)
    assert "no stable revision" in lookout.status.message


def test_it_is_asked_once_an_interval() -> None:
    lookout = Lookout(target(gate(max=10)))
    assert lookout.evidence.due(at(1)) == {"prometheus"}
    ask(lookout, 5)
    assert lookout.evidence.due(at(lookout.second + 14)) == frozenset()
    assert lookout.evidence.due(at(lookout.second + 15)) == {"prometheus"}
    assert lookout.evidence.due(at(lookout.second - 60)) == {"prometheus"}


def test_a_prometheus_that_is_down_is_neither_pass_nor_fail() -> None:
    lookout = ask(Lookout(target(gate(max=10))), 5, 5, 5)
    for _ in range(50):
        lookout.look(problems={"prometheus": "http://p:9090 does not answer; is it up?"})
    assert lookout.status.verdict == "inconclusive"
    assert lookout.status.message == "http://p:9090 does not answer; is it up?"
    assert lookout.evidence.due(at(lookout.second + 1)) == frozenset()
    assert ask(lookout, 5).status.verdict == "pass"


def test_before_the_first_step_it_is_not_asked() -> None:
    lookout = Lookout(target(gate(max=10), step=0))
    assert lookout.evidence.due(at(1)) == frozenset()
    assert lookout.status.message == "begins with the first step"
