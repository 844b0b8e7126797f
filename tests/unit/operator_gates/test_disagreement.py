"""shadowDisagreement: the same request, answered by both."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep_operator.api.gates import Gate
from lockstep_operator.core.gates.disagreement import (
    MOST_SECONDS,
    MOST_VALUES,
    MOST_WAITING,
    Pairing,
    agree,
)
from lockstep_operator.core.gates.samples import Answer
from operator_gates.world import Lookout, answer, at, model, target

GATE = Gate(metric="shadowDisagreement", max=0.2)


class Shadow:
    """A lookout with pairs of answers."""

    def __init__(self, gate: Gate = GATE, **overrides: object) -> None:
        self.lookout = Lookout(target(gate, **overrides))
        self.serial = 0

    def serve(self, differ: int, of: int, seconds: int) -> "Shadow":
        """Each second so many pairs, the first of which differ."""
        for _ in range(seconds):
            mine, theirs = [], []
            for index in range(of):
                self.serial += 1
                value = "other" if index < differ else "same"
                mine.append(answer(str(self.serial), "mirror", {"label": [value]}))
                theirs.append(answer(str(self.serial), "split", {"label": ["same"]}))
            models = (
                model("new", answers=mine[::2], source="n1"),
                model("new", answers=mine[1::2], source="n2"),
                model("old", answers=theirs),
            )
            self.lookout.look(models=models)
        return self


def test_more_disagreement_than_allowed_is_found_in_seconds() -> None:
    status = Shadow().serve(8, 20, 15).lookout.status
    assert (status.verdict, status.value, status.limit) == ("fail", 0.4, 0.2)
    message = "shadowDisagreement 0.4 over the limit 0.2, "
    assert status.message.startswith(message)
    assert status.message.endswith("requests answered by both")


def test_allowed_disagreement_passes() -> None:
    status = Shadow().serve(3, 20, 100).lookout.status
    assert (status.verdict, status.samples, status.value) == ("pass", 2000, 0.15)


def test_few_pairs_are_inconclusive() -> None:
    status = Shadow().serve(0, 20, 4).lookout.status
    assert (status.verdict, status.message) == ("inconclusive", "80 of 100 samples")


def test_a_limit_of_zero_is_broken_by_one_pair() -> None:
    shadow = Shadow(Gate(metric="shadowDisagreement", max=0)).serve(0, 20, 20)
    assert shadow.lookout.status.verdict == "pass"
    assert shadow.serve(1, 20, 1).lookout.status.verdict == "fail"


def test_answers_too_large_to_compare_are_neither_pass_nor_fail() -> None:
    lookout = Lookout(target(GATE))
    for second in range(30):
        mine = [answer(f"{second}-{k}", "mirror", None, f"a{k}") for k in range(20)]
        theirs = [answer(f"{second}-{k}", "split", None, f"b{k}") for k in range(20)]
        lookout.look(models=(model("new", answers=mine), model("old", answers=theirs)))
    assert lookout.status.verdict == "inconclusive"
    assert "600 of 600 pairs cannot be compared" in lookout.status.message


def test_other_assignments_are_no_pairs() -> None:
    lookout = Lookout(target(GATE))
    theirs = [answer(str(k), "mirror", {"y": [1]}) for k in range(200)]
    mine = [answer(str(k), "split", {"y": [2]}) for k in range(200)]
    lookout.look(models=(model("new", answers=mine), model("old", answers=theirs)))
    assert lookout.status.samples == 0


def test_counterparts_find_one_another_in_later_looks() -> None:
    mine, theirs = answer("1", "mirror", {"y": [1]}), answer("1", "split", {"y": [1]})
    pairing, pairs = Pairing().add(at(0), [mine], [])
    assert pairs == []
    pairing, pairs = pairing.add(at(5), [], [theirs])
    assert pairs == [(mine, theirs)]
    assert pairing.add(at(6), [mine], [theirs])[1] == []


def test_an_id_of_two_requests_is_left_out() -> None:
    one, two = answer("1", "mirror", {"y": [1]}), answer("1", "mirror", {"y": [2]})
    pairing, _ = Pairing().add(at(0), [one, two], [])
    assert pairing.add(at(1), [], [answer("1", "split", {"y": [1]})])[1] == []


def test_what_waits_is_bounded_in_number_values_and_time() -> None:
    many = [answer(str(k), "mirror", {"y": [1]}) for k in range(3 * MOST_WAITING)]
    pairing, _ = Pairing().add(at(0), many, [])
    assert list(pairing.waiting) == [str(k) for k in range(2 * MOST_WAITING, 3 * MOST_WAITING)]
    large = [answer(str(k), "mirror", {"y": [1] * 1024}) for k in range(1000)]
    pairing, _ = Pairing().add(at(0), large, [])
    assert sum(entry.size for entry in pairing.waiting.values()) <= MOST_VALUES
    pairing, _ = pairing.add(at(MOST_SECONDS + 1), [], [])
    assert not pairing.waiting


def test_a_clock_that_was_set_back_forgets_nothing_and_keeps_nothing_for_ever() -> None:
    mine, theirs = answer("1", "mirror", {"y": [1]}), answer("1", "split", {"y": [1]})
    pairing, _ = Pairing().add(at(0), [mine], [])
    pairing, _ = pairing.add(at(-3600), [], [])
    assert len(pairing.add(at(-3600 + 5), [], [theirs])[1]) == 1
    pairing, _ = pairing.add(at(-3600 + MOST_SECONDS + 1), [], [])
    assert not pairing.waiting


NAN = math.nan
CASES = [
    ({"y": [1.0]}, {"y": [1.0 + 1e-7]}, None, True),
    ({"y": [1.0]}, {"y": [1.001]}, None, False),
    ({"y": [1e9]}, {"y": [1e9 + 1]}, None, True),
    ({"y": [1.0]}, {"y": [1.4]}, 0.5, True),
    ({"y": [100.0]}, {"y": [101.0]}, 0.5, False),
    ({"y": [1]}, {"y": [1.0]}, None, True),
    ({"y": [1]}, {"y": [2]}, None, False),
    ({"y": ["a"]}, {"y": ["a"]}, None, True),
    ({"y": ["1"]}, {"y": [1]}, None, False),
    ({"y": [True]}, {"y": [1]}, None, False),
    ({"y": [True]}, {"y": [True]}, None, True),
    ({"y": [NAN]}, {"y": [NAN]}, None, True),
    ({"y": [None]}, {"y": [NAN]}, None, True),
    ({"y": [NAN]}, {"y": [1.0]}, 1e12, False),
    ({"y": [math.inf]}, {"y": [math.inf]}, None, True),
    ({"y": [math.inf]}, {"y": [-math.inf]}, None, False),
    ({"y": [math.inf]}, {"y": [1.0]}, None, False),
    ({"y": [1, 2]}, {"y": [1]}, None, False),
    ({"y": [1], "z": [1]}, {"y": [1]}, None, False),
    ({}, {"y": [1]}, None, False),
]


@pytest.mark.parametrize(("mine", "theirs", "tolerance", "same"), CASES)
def test_when_two_answers_agree(mine, theirs, tolerance, same) -> None:
    pair = answer("1", "mirror", mine), answer("1", "split", theirs)
    assert agree(*pair, None, tolerance) is same
    assert agree(*reversed(pair), None, tolerance) is same


def test_only_the_named_output_is_compared() -> None:
    pair = answer("1", "mirror", {"y": [1], "z": [1]}), answer("1", "split", {"y": [1], "z": [2]})
    assert agree(*pair, "y", None) is True
    assert agree(*pair, "z", None) is False
    assert agree(*pair, "missing on both", None) is None


def test_large_answers_agree_when_they_are_equal_to_the_byte() -> None:
    large, same, other = (Answer("1", "mirror", None, digest) for digest in "aab")
    assert agree(large, same, None, None) is True
    assert agree(large, other, None, None) is None
    assert agree(large, other, None, 0.0) is False


@given(st.permutations(range(12)), st.permutations(range(12)))
def test_the_order_of_answers_does_not_matter(mine: list[int], theirs: list[int]) -> None:
    ours = [answer(str(k), "mirror", {"y": [k % 3]}) for k in mine]
    others = [answer(str(k), "split", {"y": [0]}) for k in theirs]
    _, pairs = Pairing().add(at(0), ours, others)
    assert sorted(pair[0].request_id for pair in pairs) == sorted(str(k) for k in range(12))
    assert [agree(*pair, None, None) for pair in pairs].count(True) == 4
