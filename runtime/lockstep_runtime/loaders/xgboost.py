"""Loading XGBoost models: its own formats, JSON and UBJSON, which run no code.

Files that XGBClassifier, XGBRegressor, XGBRanker or Booster wrote with `save_model`. As in XGBoost,
a model of the first three uses the trees up to its best iteration, a Booster all of them.
"""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from lockstep_runtime.cpu import thread_count
from lockstep_runtime.errors import LoadFailure, first_line
from lockstep_runtime.loaders.boosted import BoostedModel, Raw, Task
from lockstep_runtime.loaders.files import model_file
from lockstep_runtime.loaders.table import Column, Table
from lockstep_runtime.tensors import Array

# The last three are what others call a UBJSON file.
_SUFFIXES = (".json", ".ubj", ".bst", ".xgb", ".model")


def load(content: Path, *, trust_pickle: bool) -> BoostedModel:
    """Load the one model file in the folder `content`.

    Raises:
        LoadFailure: none or several files, or no XGBoost model.
    """
    return load_file(model_file(content, _SUFFIXES, "XGBoost"))


def load_file(path: Path) -> BoostedModel:
    """Load a model file.

    Raises:
        LoadFailure: it is no XGBoost model, or of no version that this one reads.
    """
    try:
        with xgboost.config_context(verbosity=0):  # it would print that it guesses by the suffix
            booster = xgboost.Booster(model_file=path)
        configuration = json.loads(booster.save_config())["learner"]
    except xgboost.core.XGBoostError as error:
        raise LoadFailure(
            f"{path.name} is no model that XGBoost {xgboost.__version__} reads "
            f"(JSON or UBJSON, written by save_model): {_reason(error)}"
        ) from error
    booster.set_param({"nthread": thread_count(), "device": "cpu"})
    objective = configuration["objective"]["name"]
    targets = int(configuration["learner_model_param"].get("num_target", "1"))
    linear = configuration["gradient_booster"]["name"] == "gblinear"
    raw = _raw(booster, objective, linear=linear)
    return BoostedModel(
        "xgboost",
        Table(_columns(booster), "FP32"),
        raw,
        _task(objective, targets),
        {"objective": objective},
    )


def _reason(error: Exception) -> str:
    """Return what XGBoost says before its stack trace, without the time and place in its source."""
    line = str(error).partition("\n")[0]
    return first_line(Exception(line.rpartition("] ")[2]))


def _task(objective: str, targets: int) -> Task:
    if objective in ("multi:softprob", "multi:softmax"):
        return Task.CLASSES
    if objective == "binary:logistic":
        return Task.LABELS if targets > 1 else Task.BINARY
    return Task.DECIDED if objective == "binary:hinge" else Task.NUMBER


def _raw(booster: xgboost.Booster, objective: str, *, linear: bool) -> Raw:
    trees = _iterations(booster)
    # Its value would be the class alone.
    margin = objective == "multi:softmax"
    kind = "margin" if margin else "value"

    def in_place(rows: Array) -> Array:
        found: Array = booster.inplace_predict(
            rows, iteration_range=trees, predict_type=kind, validate_features=False
        )
        return _softmax(found) if margin else found

    def by_matrix(rows: Array) -> Array:
        matrix = xgboost.DMatrix(rows, nthread=thread_count())
        found: Array = booster.predict(matrix, output_margin=margin, validate_features=False)
        return _softmax(found) if margin else found

    return by_matrix if linear else in_place


def _iterations(booster: xgboost.Booster) -> tuple[int, int]:
    attributes = booster.attributes()
    if "scikit_learn" in attributes and "best_iteration" in attributes:
        return (0, int(attributes["best_iteration"] or 0) + 1)
    return (0, 0)  # all


def _softmax(margins: Array) -> Array:
    shifted = np.exp(margins - margins.max(axis=1, keepdims=True))
    shares: Array = shifted / shifted.sum(axis=1, keepdims=True)
    return shares


def _columns(booster: xgboost.Booster) -> list[Column]:
    count = booster.num_features()
    names = booster.feature_names or [f"f{index}" for index in range(count)]
    categories = _categories(booster)
    return [
        Column(
            name,
            strings=any(isinstance(value, str) for value in values or ()),
            codes={value: code for code, value in enumerate(values)} if values else None,
        )
        for name, values in zip(names, categories, strict=True)
    ]


def _categories(booster: xgboost.Booster) -> list[list[Any] | None]:
    """Return each column's categories in the order of their codes; None: it has no names for them.

    `Booster.get_categories` needs pyarrow; the file's schema has them in plain lists
    (https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html).
    """
    if "c" not in (booster.feature_types or ()):
        return [None] * booster.num_features()
    learner = json.loads(booster.save_raw("json"))["learner"]
    encoded = learner["gradient_booster"].get("model", {}).get("cats", {}).get("enc", [])
    if not encoded:
        return [None] * booster.num_features()
    return [_decoded(each) for each in encoded]


def _decoded(encoded: dict[str, Any]) -> list[Any] | None:
    values = encoded["values"]
    if "offsets" not in encoded:
        return list(values) or None
    if any(value < 0 for value in values):  # bytes above 127
        # XGBoost counts letters where it means bytes, so the names run into one another.
        raise LoadFailure(
            "XGBoost saves names of categories damaged when they are not ASCII: train the model "
            "with ASCII names"
        )
    text = bytes(values).decode()
    return [text[start:end] for start, end in pairwise(encoded["offsets"])] or None
