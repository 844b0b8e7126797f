"""predictionShift: evidence of a shift, and its size."""

import json
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep_operator.api.gates import Gate, GateStatus
from lockstep_operator.core.gates.distributions import Distribution, distance, stability_index
from operator_gates.world import Lookout, model, target

GATE = Gate(metric="predictionShift")
LABELS = ("cat", "dog", "owl")
EVEN = (1, 1, 1)
LEANING = (8, 1, 1)


class Watcher:
    """A lookout that feeds outputs drawn at random."""

    def __init__(self, gate: Gate = GATE, seed: int = 1, **overrides: object) -> None:
        self.lookout = Lookout(target(gate, **overrides))
        self.dice = random.Random(seed)  # noqa: S311
        self.bins: dict[str, dict[str, Counter[str]]] = {"new": {}, "old": {}}
        self.answers: Counter[str] = Counter()
        self.numeric: tuple[str, ...] = ()
        self.look()

    def look(self) -> None:
        models = tuple(
            model(side, {0.02: self.answers[side]}, bins, numeric=self.numeric)
            for side, bins in self.bins.items()
        )
        self.lookout.look(models=models)

    def serve(
        self,
        new: dict[str, tuple[float, ...]],
        old: dict[str, tuple[float, ...]],
        seconds: int,
        labels: tuple[str, ...] = LABELS,
        rows: int = 1,
    ) -> "Watcher":
        for _ in range(seconds):
            for side, outputs, size in (("new", new, 15), ("old", old, 60)):
                self.answers[side] += size
                for name, weights in outputs.items():
                    drawn = Counter(self.dice.choices(labels, weights, k=size))
                    many = {label: count * rows for label, count in drawn.items()}
                    self.bins[side].setdefault(name, Counter()).update(many)
            self.look()
        return self

    @property
    def status(self) -> GateStatus:
        return self.lookout.status


def test_a_leaning_class_is_found_in_seconds() -> None:
    watcher = Watcher().serve({"label": LEANING}, {"label": EVEN}, 20)
    assert watcher.status.verdict == "fail"
    assert watcher.status.message.startswith("predictionShift ")
    assert "over the limit 0.2, output 'label': 'cat' is " in watcher.status.message


@pytest.mark.parametrize("seed", range(4))
def test_the_same_distribution_is_no_shift(seed: int) -> None:
    watcher = Watcher(seed=seed).serve({"label": LEANING}, {"label": LEANING}, 120)
    assert watcher.status.verdict == "pass"


def test_a_change_of_the_traffic_is_no_shift() -> None:
    watcher = Watcher()
    for weights in (EVEN, LEANING, (1, 8, 1), (1, 1, 8)):
        watcher.serve({"label": weights}, {"label": weights}, 40)
    assert watcher.status.verdict == "pass"


def test_a_real_but_small_shift_is_allowed() -> None:
    watcher = Watcher().serve({"label": (1.4, 1, 1)}, {"label": EVEN}, 400)
    assert watcher.status.verdict == "pass"


def test_a_class_that_only_one_side_has_is_a_shift() -> None:
    for new, old in (((1, 1, 0), EVEN), (EVEN, (1, 1, 0))):
        watcher = Watcher().serve({"label": new}, {"label": old}, 60)
        assert watcher.status.verdict == "fail"


def test_it_needs_two_hundred_samples_of_both() -> None:
    watcher = Watcher().serve({"label": EVEN}, {"label": EVEN}, 10)
    assert (watcher.status.verdict, watcher.status.message) == (
        "inconclusive",
        "150 of 200 samples",
    )


def test_rows_of_one_answer_are_one_sample() -> None:
    watcher = Watcher().serve({"label": EVEN}, {"label": EVEN}, 10, rows=100)
    assert (watcher.status.verdict, watcher.status.samples) == ("inconclusive", 150)


def test_only_the_named_output_is_judged() -> None:
    outputs = ({"label": LEANING, "other": EVEN}, {"label": EVEN, "other": EVEN})
    assert Watcher().serve(*outputs, 30).status.verdict == "fail"
    named = Gate(metric="predictionShift", output="other")
    assert Watcher(named).serve(*outputs, 30).status.verdict == "pass"


def test_an_output_that_the_candidate_lost_holds_it() -> None:
    watcher = Watcher().serve({"label": EVEN}, {"label": EVEN, "score": EVEN}, 60)
    assert watcher.status.verdict == "inconclusive"
    assert "does not answer output 'score', which stable has" in watcher.status.message


def test_an_output_that_the_candidate_has_beside_is_left_out() -> None:
    watcher = Watcher().serve({"label": EVEN, "why": EVEN}, {"label": EVEN}, 60)
    assert watcher.status.verdict == "pass"


def test_numbers_are_compared_by_their_order() -> None:
    numbers = tuple(repr(k / 10) for k in range(1, 11))
    low, high = tuple(range(10, 0, -1)), tuple(range(1, 11))
    watcher = Watcher()
    watcher.numeric = ("score",)
    watcher.serve({"score": high}, {"score": low}, 30, labels=numbers)
    assert watcher.status.verdict == "fail"
    assert "Kolmogorov-Smirnov distance 0." in watcher.status.message


def test_bins_that_are_no_numbers_do_no_damage() -> None:
    watcher = Watcher()
    watcher.numeric = ("score",)
    odd = ("nan", "inf", "-inf", "(other)", "0.1")
    watcher.serve({"score": (*EVEN, 1, 1)}, {"score": (*EVEN, 1, 1)}, 60, labels=odd)
    assert watcher.status.verdict == "pass"


bins = st.dictionaries(st.text(max_size=300), st.integers(1, 10**9), max_size=150)


@settings(max_examples=40)
@given(st.lists(st.tuples(bins, bins), max_size=3), st.booleans(), st.integers(8, 160))
def test_bins_are_bounded_and_no_count_is_lost(
    slices: list[tuple[dict[str, int], dict[str, int]]], numeric: bool, most: int
) -> None:
    distribution = Distribution(numeric, most, {})
    for ours, theirs in slices:
        distribution = distribution.add(ours, theirs)
    totals = [sum(sum(pair[side].values()) for pair in slices) for side in (0, 1)]
    assert list(distribution.totals) == totals
    assert len(distribution.counts) <= most
    assert len(json.dumps(distribution.state(), ensure_ascii=False)) < 75 * most + 100
    assert Distribution.restore(json.loads(json.dumps(distribution.state()))) == distribution


def test_equal_shares_have_an_index_of_about_nothing() -> None:
    same = Distribution(False, 10, {"a": (500, 1000), "b": (500, 1000)})
    other = Distribution(False, 10, {"a": (900, 1000), "b": (100, 1000)})
    assert stability_index(same.groups()) < 0.001
    assert stability_index(other.groups()) == pytest.approx(0.4 * 2.197, abs=0.02)


def test_a_label_that_one_side_counts_among_others_is_compared_among_others() -> None:
    hidden = Distribution(
        False, 90, {"a": (50, 50), "b": (50, 0), "c": (0, 30), "(other)": (1, 21)}
    )
    assert [set(keys) for keys, _, _ in hidden.groups()] == [{"a"}, {"b", "c", "(other)"}]
    plain = Distribution(False, 90, {"a": (50, 50), "b": (50, 0), "c": (0, 50)})
    assert len(plain.groups()) == 3


def test_numbers_beyond_all_bins_have_their_order() -> None:
    names = ["1000000000.0", "nan", "-inf", "0", "-1e-09", "5e-324"]
    mixed = Distribution(True, 90, {}).add(dict.fromkeys(names, 10), dict.fromkeys(names, 10))
    again = Distribution(True, 90, {}).add(dict.fromkeys(names[::-1], 10), dict.fromkeys(names, 10))
    order = [set(keys) for keys, _, _ in mixed.groups()]
    assert order == [set(keys) for keys, _, _ in again.groups()]
    assert order == [{"-inf"}, {"nan"}, {"-1e-09"}, {"0"}, {"4.941e-324"}, {"1e+09"}]


def test_the_distance_is_the_largest_gap_of_cumulative_shares() -> None:
    numbers = Distribution(True, 10, {"1": (0, 5), "2": (5, 5), "10": (5, 0)})
    assert distance(numbers) == pytest.approx(0.5)
