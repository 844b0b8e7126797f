"""Bins for numbers of any size: ten per decade from 1e-9 to 1e9, of both signs.

They are the same in every process, so two pods can be compared without knowing one another. A bin
holds the numbers from its lower bound up to the next one's, and is called by its lower bound:
`-inf`, `-1000000000.0` … `-1e-09`, `0` (zero alone), `5e-324` (the smallest float: all below
1e-9), `1e-09` … `1000000000.0` (that and above, infinity too). Numbers that are none come last,
in `nan`.
"""

from bisect import bisect_right
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Six digits, so that no rounding of a power function shows in a name.
_MAGNITUDES = [float(f"{10 ** (exponent / 10):.5e}") for exponent in range(-90, 91)]
_SMALLEST = 5e-324
_BOUNDS = [
    float("-inf"),
    *(-magnitude for magnitude in reversed(_MAGNITUDES)),
    0.0,
    _SMALLEST,
    *_MAGNITUDES,
]
_NAN = len(_BOUNDS)
# numpy sorts NaN behind infinity, and so finds it there.
_SORTED = np.array([*_BOUNDS, np.nan])

BIN_NAMES = (*("0" if bound == 0 else repr(bound) for bound in _BOUNDS), "nan")


def bin_of(value: float) -> int:
    """Return the place in `BIN_NAMES` of a number's bin."""
    return bisect_right(_BOUNDS, value) - 1 if value == value else _NAN  # noqa: PLR0124 - NaN


def bin_counts(values: NDArray[Any]) -> NDArray[np.intp]:
    """Return how many of the numbers are in each bin, in the order of `BIN_NAMES`."""
    places = np.searchsorted(_SORTED, values, side="right") - 1
    return np.bincount(places, minlength=len(BIN_NAMES))
