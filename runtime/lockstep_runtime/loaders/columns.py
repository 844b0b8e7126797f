"""What columns a fitted scikit-learn estimator takes, read from the estimator itself."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils import get_tags

from lockstep_runtime.tensors import Array


def first_step(estimator: Any) -> Any:
    """Return what sees the input first: the first step of a pipeline, else the estimator."""
    while getattr(estimator, "steps", None):
        estimator = estimator.steps[0][1]
    return estimator


def takes_text(estimator: Any) -> bool:
    """Tell whether the input is a list of texts (a vectorizer comes first) and not a table."""
    try:
        tags = get_tags(first_step(estimator)).input_tags
    except Exception:
        # Foreign estimators may have tags of another version; a table is the ordinary case.
        return False
    return bool(tags.string and not tags.two_d_array)


def column_count(estimator: Any) -> int | None:
    """Return how many columns the estimator was fitted with, None when it does not say."""
    for part in _parts(estimator):
        count = getattr(part, "n_features_in_", None)
        if count is not None:
            return int(count)
    return None


def column_names(estimator: Any, count: int) -> tuple[str, ...]:
    """Return the names seen in fit, else x0, x1, … as scikit-learn itself calls them."""
    for part in _parts(estimator):
        names = getattr(part, "feature_names_in_", None)
        if names is not None and len(names) == count:
            return tuple(str(name) for name in names)
    return tuple(f"x{index}" for index in range(count))


def _parts(estimator: Any) -> list[Any]:
    return [estimator, first_step(estimator)]


def plausible_row(estimator: Any, count: int) -> list[Any]:
    """Return one row the estimator takes: a known category per encoded column, elsewhere 0.0.

    A string in it means that the column holds strings.
    """
    step = first_step(estimator)
    categories = getattr(step, "categories_", None)
    if categories is not None and len(categories) == count:
        return [_plain(column) for column in categories]
    row: list[Any] = [0.0] * count
    for _, fitted, columns in getattr(step, "transformers_", ()):
        indices = _indices(columns, column_names(step, count))
        for index, value in zip(indices, plausible_row(fitted, len(indices)), strict=True):
            if isinstance(value, str) or row[index] == 0.0:
                row[index] = value
    return row


def _plain(categories: Array) -> Any:
    """Return a category as a Python string or float; a missing value is no good example."""
    for value in categories.tolist():
        if isinstance(value, str):
            return value
    return float(categories[0]) if np.issubdtype(categories.dtype, np.number) else 0.0


def _indices(columns: Any, names: Sequence[str]) -> list[int]:
    """Return the positions of a ColumnTransformer's columns: a slice, a mask, names or integers."""
    if isinstance(columns, slice):
        return list(range(len(names)))[columns]
    if isinstance(columns, str | int):
        columns = [columns]
    listed = list(columns)
    if listed and all(isinstance(item, bool | np.bool_) for item in listed):
        return [index for index, chosen in enumerate(listed) if chosen]
    return [names.index(item) if isinstance(item, str) else int(item) for item in listed]
