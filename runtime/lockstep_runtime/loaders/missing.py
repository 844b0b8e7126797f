"""Which columns of a table a model takes missing values in, found by trying."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from lockstep_runtime.tensors import Array

_SECONDS = 1.0


def refusing(
    example: Array, columns: Sequence[int], takes: Callable[[Array], bool]
) -> tuple[int, ...]:
    """Return those of the columns (of numbers) in which the model takes no NaN.

    `takes` tells whether the model takes a table, of one row like the example. Most models take NaN
    everywhere or nowhere; a table with imputers for some columns takes a call per column, so after
    a second the columns that are left are not listed: a model complains by itself too.
    """
    if takes(_without(example, columns)):
        return ()
    end = time.perf_counter() + _SECONDS
    found = []
    for column in columns:
        if time.perf_counter() > end:
            break
        if not takes(_without(example, [column])):
            found.append(column)
    return tuple(found)


def _without(example: Array, columns: Sequence[int]) -> Array:
    table = example.copy()
    table[:, list(columns)] = np.nan
    return table
