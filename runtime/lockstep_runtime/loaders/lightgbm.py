"""Loading LightGBM models: its own text format, which runs no code.

Files that `Booster.save_model` wrote; of an LGBMClassifier or LGBMRegressor, `booster_.save_model`.
As in LightGBM, a file holds the trees up to the best iteration, and a category that was not there
in training counts as missing.
"""

import logging
from pathlib import Path
from typing import Any

import lightgbm

from lockstep_runtime.cpu import thread_count
from lockstep_runtime.errors import LoadFailure, first_line
from lockstep_runtime.loaders.boosted import BoostedModel, Task
from lockstep_runtime.loaders.files import model_file
from lockstep_runtime.loaders.table import Column, Table
from lockstep_runtime.tensors import Array

_SUFFIXES = (".txt", ".lgb", ".model")
_log = logging.getLogger(__name__)
_TASKS = {"binary": Task.BINARY, "multiclass": Task.CLASSES, "multiclassova": Task.CLASSES}


def load(content: Path, *, trust_pickle: bool) -> BoostedModel:
    """Load the one model file in the folder `content`.

    Raises:
        LoadFailure: none or several files, or no LightGBM model.
    """
    return load_file(model_file(content, _SUFFIXES, "LightGBM"))


def load_file(path: Path) -> BoostedModel:
    """Load a model file.

    Raises:
        LoadFailure: it is no LightGBM model.
    """
    lightgbm.register_logger(_log)  # or it prints to stdout
    try:
        booster = lightgbm.Booster(model_file=path)
        columns = _columns(booster)
    except (lightgbm.basic.LightGBMError, ValueError) as error:
        raise LoadFailure(
            f"{path.name} is no model that LightGBM {lightgbm.__version__} reads "
            f"(text, written by Booster.save_model): {first_line(error)}"
        ) from error
    threads = thread_count()

    def raw(rows: Array) -> Array:
        found: Array = booster.predict(rows, num_threads=threads)  # type: ignore[assignment]
        return found

    objective = str(booster.params.get("objective", "none"))
    task = _TASKS.get(objective, Task.NUMBER)
    parameters = {"objective": objective}
    return BoostedModel("lightgbm", Table(columns, "FP64"), raw, task, parameters)


def _columns(booster: lightgbm.Booster) -> list[Column]:
    """Return the columns; of categories the file keeps only a list, in the columns' order."""
    categories = booster.pandas_categorical or []
    places = booster.params.get("categorical_feature", [])
    if categories and len(categories) != len(places):
        raise ValueError(
            "it does not tell which columns its categories belong to, as some were ordered ones"
        )
    of = dict(zip(places, categories, strict=False))
    return [_column(name, of.get(place)) for place, name in enumerate(booster.feature_name())]


def _column(name: str, values: list[Any] | None) -> Column:
    if not values:
        return Column(name)
    strings = any(isinstance(value, str) for value in values)
    return Column(name, strings, {value: code for code, value in enumerate(values)}, unseen=True)
