"""An answer is one observation for the gates: of several rows one, drawn at random, is counted."""

from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from lockstep_runtime.telemetry.outputs import OutputDistributions
from lockstep_runtime.tensors import TensorSpec, ValueKind, from_array

MANY = 4000


def counted(kind: ValueKind, *arrays: Any, seed: int = 1) -> OutputDistributions:
    outputs = OutputDistributions(Random(seed).random)  # noqa: S311
    for array in arrays:
        outputs.add(from_array("y", np.asarray(array)), TensorSpec("y", "any", (-1,), kind))
    return outputs


@pytest.mark.parametrize("rows", [1, 3, 40, 500])
@pytest.mark.parametrize("kind", ["label", "number"])
def test_an_answer_of_many_rows_counts_once(kind: ValueKind, rows: int) -> None:
    report = counted(kind, *[[7] * rows] * 5).report()
    assert sum(report["y"]["bins"].values()) == 5


def test_a_large_batch_weighs_no_more_than_a_single_row() -> None:
    answers = [["rose"], ["tulip"] * 500, ["rose"], ["rose"]]
    assert counted("label", *answers).report()["y"]["bins"] == {"rose": 3, "tulip": 1}


@pytest.mark.parametrize("rows", [4, 40])
def test_each_row_is_as_likely_as_any_other(rows: int) -> None:
    bins = counted("label", *[np.arange(rows)] * MANY).report()["y"]["bins"]
    assert len(bins) == rows
    expected = MANY / rows
    chi_square = sum((count - expected) ** 2 / expected for count in bins.values())
    # Its mean is rows - 1, its standard deviation the root of twice that.
    assert chi_square < rows - 1 + 4 * (2 * (rows - 1)) ** 0.5


@given(npst.arrays(np.int8, npst.array_shapes(max_dims=1, max_side=40)), st.integers(0, 99))
def test_what_is_counted_is_a_row_of_the_answer(array: Any, seed: int) -> None:
    [(label, count)] = counted("label", array, seed=seed).report()["y"]["bins"].items()
    assert int(label) in array
    assert count == 1


def test_all_columns_of_an_answer_are_of_the_same_row() -> None:
    table = np.array([[1.0, 1.0], [100.0, 100.0]] * 10)
    report = counted("number", *[table] * 50).report()
    assert report["y[0]"] == report["y[1]"]
    assert len(report["y[0]"]["bins"]) == 2


@given(
    st.lists(npst.arrays(np.float32, npst.array_shapes(max_dims=1, max_side=40)), max_size=4),
    st.sampled_from(["label", "number"]),
)
def test_all_values_are_counted_beside(arrays: list[Any], kind: ValueKind) -> None:
    for _, one in counted(kind, *arrays).items():
        values, bins = one.values(), one.bins()
        assert sum(values.values()) == sum(map(len, arrays))
        assert sum(bins.values()) == len(arrays)
        assert all(0 < count <= values[key] for key, count in bins.items())


def test_two_processes_do_not_draw_the_same_rows() -> None:
    table = [np.arange(40)] * 100
    one, other = (counted("label", *table, seed=seed).report() for seed in (1, 2))
    assert one != other
