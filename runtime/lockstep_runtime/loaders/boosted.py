"""A gradient-boosted model as a `model.Model`: what XGBoost and LightGBM models have in common.

A native file knows no class labels: the classes are 0, 1, … as they were in training.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

import numpy as np

from lockstep_runtime.loaders.table import Table
from lockstep_runtime.tensors import Array, Batch, Tensor, TensorSpec, from_array

# Rows of the table to raw predictions: [n] or [n, outputs].
Raw = Callable[[Array], Array]


class Task(Enum):
    """What a model's raw predictions are."""

    NUMBER = "quantities; so are scores and ranks"
    BINARY = "[n], the probability of class 1"
    CLASSES = "[n, classes], the probability of each"
    LABELS = "[n, labels], the probability that each label applies"
    DECIDED = "[n], the class itself"


class BoostedModel:
    """Trees (or a linear model) on a table of numbers, in which NaN is a missing value.

    A classifier gives `predict`, the class, and `predict_proba`; any other model `predict`.
    """

    batchable = True

    def __init__(
        self, platform: str, table: Table, raw: Raw, task: Task, parameters: Mapping[str, Any]
    ) -> None:
        """Take what the loader read from the file; a trial prediction shows the outputs."""
        self.platform = platform
        self.inputs = table.inputs
        self._table = table
        self._raw = raw
        self._task = task
        trial = self.example(2)
        tensors = self._tensors(raw(trial[0]), _methods(task))
        classes = _classes(task, tensors)
        self.outputs = tuple(_spec(tensor, task, classes) for tensor in tensors)
        self.parameters = {"feature_names": list(table.names), **parameters}
        if classes and task is not Task.LABELS:
            self.parameters["classes"] = list(classes)

    def prepare(self, tensors: Sequence[Tensor]) -> Batch:
        """Return one table of numbers."""
        return (self._table.rows(tensors),)

    def predict(self, batch: Batch, outputs: Sequence[str]) -> list[Tensor]:
        """Predict once, for whichever outputs."""
        return self._tensors(self._raw(batch[0]), outputs)

    def example(self, rows: int) -> Batch:
        """Return rows of zeros, which stand for the first category too."""
        return (self._table.zeros(rows),)

    def _tensors(self, raw: Array, outputs: Sequence[str]) -> list[Tensor]:
        return [from_array(name, _output(self._task, name, raw)) for name in outputs]


def _methods(task: Task) -> tuple[str, ...]:
    decided = task in (Task.NUMBER, Task.DECIDED)
    return ("predict",) if decided else ("predict", "predict_proba")


def _output(task: Task, name: str, raw: Array) -> Array:
    if task is Task.NUMBER:
        return raw
    if name == "predict_proba":
        return np.column_stack([1 - raw, raw]) if task is Task.BINARY else raw
    if task is Task.CLASSES:
        raw = raw.argmax(axis=1)
    elif task is not Task.DECIDED:
        raw = raw > 0.5
    return raw.astype(np.int64)


def _classes(task: Task, tensors: Sequence[Tensor]) -> tuple[int, ...]:
    if task is Task.NUMBER:
        return ()
    return tuple(range(tensors[-1].array.shape[1] if task is Task.CLASSES else 2))


def _spec(tensor: Tensor, task: Task, classes: tuple[int, ...]) -> TensorSpec:
    shape = (-1, *tensor.array.shape[1:])
    if task is Task.NUMBER:
        return TensorSpec(tensor.name, tensor.datatype, shape)
    if tensor.name == "predict_proba":
        return TensorSpec(tensor.name, tensor.datatype, shape, "probability")
    return TensorSpec(tensor.name, tensor.datatype, shape, "label", classes)
