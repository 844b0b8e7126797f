"""Distributions of answers: labels by name, numbers by bin, columns one by one; all bounded."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from lockstep_runtime.telemetry.outputs import MAX_LABELS, OutputDistributions
from lockstep_runtime.tensors import Tensor, TensorSpec, ValueKind, from_array


def count(kind: ValueKind, *arrays: Any) -> dict[str, Any]:
    outputs = OutputDistributions()
    for array in arrays:
        outputs.add(from_array("y", np.asarray(array)), TensorSpec("y", "any", (-1,), kind))
    return all_values(outputs)


def all_values(outputs: OutputDistributions) -> dict[str, Any]:
    """What the metrics tell; see `test_drawn_rows` for what the gates are told."""
    return {name: {"numeric": one.numeric, "bins": one.values()} for name, one in outputs.items()}


def labels(**bins: int) -> dict[str, Any]:
    return {"y": {"numeric": False, "bins": bins}}


@pytest.mark.parametrize(
    ("array", "bins"),
    [
        ([1, 0, 1], {"1": 2, "0": 1}),
        (["red", "white", "red"], {"red": 2, "white": 1}),
        ([True, False, True], {"true": 2, "false": 1}),
        ([1.0, -2.0, 0.5], {"1": 1, "-2": 1, "0.5": 1}),
        ([float("nan")] * 100 + [float("inf")], {"nan": 100, "inf": 1}),
        (["x" * 1000, "x" * 2000], {"x" * 100: 2}),
        ([""], {"": 1}),
    ],
)
def test_labels(array: Any, bins: dict[str, int]) -> None:
    assert count("label", array) == labels(**bins)


@pytest.mark.parametrize("rows", [1, 3, 1000])
def test_too_many_labels_count_as_one(rows: int) -> None:
    array = np.arange(3000)
    bins = count("label", *np.split(array, 3000 // rows))["y"]["bins"]
    assert len(bins) == MAX_LABELS + 1
    assert bins["(other)"] == 3000 - MAX_LABELS
    assert sum(bins.values()) == 3000


@pytest.mark.parametrize("spell", [int, str, float])
def test_pods_of_a_model_of_many_classes_name_the_same_ones(spell: Callable[[int], Any]) -> None:
    classes = [spell(number) for number in range(200)]
    spec = TensorSpec("y", "any", (-1,), "label", tuple(classes))
    reports = []
    for order in (classes, classes[::-1]):
        outputs = OutputDistributions()
        for label in order:
            outputs.add(from_array("y", np.array([label])), spec)
        reports.append(outputs.report()["y"]["bins"])
    assert reports[0] == reports[1]
    assert len(reports[0]) == MAX_LABELS + 1
    assert reports[0]["(other)"] == 200 - MAX_LABELS


def test_classes_that_never_come_have_no_bin() -> None:
    outputs = OutputDistributions()
    spec = TensorSpec("y", "INT64", (-1,), "label", tuple(range(100)))
    outputs.add(from_array("y", np.arange(100)[:5]), spec)
    assert sum(all_values(outputs)["y"]["bins"].values()) == 5


def test_a_label_that_is_known_goes_on_being_counted() -> None:
    bins = count("label", np.arange(500), [0, 0])["y"]["bins"]
    assert bins["0"] == 3


@pytest.mark.parametrize("rows", [1, 5, 50])
def test_numbers(rows: int) -> None:
    values = np.tile([1.1, -3.0, 0.0, 2e9, float("nan")], 20)
    report = count("number", *np.split(values, 100 // rows))
    expected = {"-3.16228": 20, "0": 20, "1.0": 20, "1000000000.0": 20, "nan": 20}
    assert report == {"y": {"numeric": True, "bins": expected}}
    assert list(report["y"]["bins"]) == list(expected)  # ascending


def test_integers_of_a_regression_are_numbers() -> None:
    assert count("number", [3, 300])["y"] == {"numeric": True, "bins": {"2.51189": 1, "251.189": 1}}


def test_strings_and_booleans_have_no_bins() -> None:
    assert count("number", ["3"]) == labels(**{"3": 1})
    assert count("number", [True]) == labels(true=1)


@pytest.mark.parametrize("rows", [1, 40])
def test_a_table_has_a_distribution_for_each_column(rows: int) -> None:
    report = count("probability", [[0.05, 0.95]] * rows)
    assert report == {
        "y[0]": {"numeric": True, "bins": {"0.0398107": rows}},
        "y[1]": {"numeric": True, "bins": {"0.794328": rows}},
    }


@pytest.mark.parametrize("rows", [1, 40])
def test_of_a_wide_table_the_first_columns_are_counted(rows: int) -> None:
    report = count("number", np.ones((rows, 10_000)))
    assert list(report) == [f"y[{column}]" for column in range(16)]
    assert all(one["bins"] == {"1.0": rows} for one in report.values())


def test_shapes_that_vary() -> None:
    report = count("number", np.ones((2, 1)), np.ones((2, 3)), np.ones((1, 2, 2)), np.ones(5))
    totals = {name: sum(one["bins"].values()) for name, one in report.items()}
    assert totals == {"y[0]": 5, "y[1]": 3, "y[2]": 3, "y[3]": 1, "y": 5}


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_what_is_empty_has_no_distribution(shape: tuple[int, ...]) -> None:
    assert count("number", np.ones(shape)) == {}


def test_a_model_that_cannot_decide_on_a_datatype() -> None:
    report = count("number", [1.0], ["a"], [2])
    assert list(report) == ["y"]


@given(
    npst.arrays(
        st.sampled_from([np.float32, np.int16, np.bool_, np.dtype("U3")]),
        npst.array_shapes(max_dims=3, max_side=30),
    ),
    st.sampled_from(["label", "probability", "number"]),
)
def test_every_row_is_counted(array: Any, kind: ValueKind) -> None:
    report = count(kind, array)
    for one in report.values():
        assert sum(one["bins"].values()) == len(array)


@given(npst.arrays(np.int8, npst.array_shapes(max_dims=1, max_side=40)))
def test_many_rows_count_like_single_ones(array: Any) -> None:
    kinds: list[ValueKind] = ["label", "number"]
    for kind in kinds:
        whole, single = count(kind, array), count(kind, *(array[[i]] for i in range(len(array))))
        if len(set(array.tolist())) <= MAX_LABELS:
            assert whole == single


def test_a_large_output_costs_no_more_memory() -> None:
    outputs = OutputDistributions()
    tensor = Tensor("y", "FP64", np.random.default_rng(0).normal(size=200_000))
    for _ in range(2):
        outputs.add(tensor, TensorSpec("y", "FP64", (-1,)))
    counted: Counter[str] = Counter(all_values(outputs)["y"]["bins"])
    assert counted.total() == 400_000
    assert len(counted) <= 366
