"""Every float has one bin, the bins are ordered as their floats, and both ways to count agree."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from lockstep_runtime.telemetry.bins import BIN_NAMES, bin_counts, bin_of

LOWER = [float(name) for name in BIN_NAMES[:-1]]


def test_the_names_are_the_lower_bounds_in_order() -> None:
    assert sorted(LOWER) == LOWER
    assert len(set(BIN_NAMES)) == len(BIN_NAMES) == 366
    assert [BIN_NAMES[0], BIN_NAMES[-2], BIN_NAMES[-1]] == ["-inf", "1000000000.0", "nan"]
    assert all(name == repr(float(name)) for name in BIN_NAMES if name != "0")


@given(st.floats(allow_nan=False))
def test_a_number_is_between_its_bins_bounds(value: float) -> None:
    place = bin_of(value)
    upper = LOWER[place + 1] if place + 1 < len(LOWER) else math.inf
    assert LOWER[place] <= value < upper or value == upper == math.inf


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_the_order_of_bins_is_the_order_of_values(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert bin_of(low) <= bin_of(high)


@given(
    npst.arrays(
        st.sampled_from([np.float16, np.float32, np.float64, np.int64, np.uint64, np.int8]),
        npst.array_shapes(max_dims=1, max_side=40),
    )
)
def test_an_array_is_counted_like_its_values(values: np.ndarray) -> None:  # type: ignore[type-arg]
    counts = bin_counts(values)
    assert counts.sum() == len(values)
    expected = [0] * len(BIN_NAMES)
    for value in values.tolist():
        expected[bin_of(value)] += 1
    assert counts.tolist() == expected


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (5e-324, "5e-324"),
        (9.9e-10, "5e-324"),
        (1e-9, "1e-09"),
        (-1e-10, "-1e-09"),
        (-1e-9, "-1e-09"),
        (0.9, "0.794328"),
        (1.0, "1.0"),
        (1e9, "1000000000.0"),
        (math.inf, "1000000000.0"),
        (-1e9, "-1000000000.0"),
        (-1.1e9, "-inf"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
    ],
)
def test_edges(value: float, name: str) -> None:
    assert BIN_NAMES[bin_of(value)] == name
    assert BIN_NAMES[bin_counts(np.array([value])).argmax()] == name


def test_there_are_ten_bins_in_a_decade() -> None:
    assert len([bound for bound in LOWER if 1 <= bound < 10]) == 10
    assert len([bound for bound in LOWER if -10 < bound <= -1]) == 10
