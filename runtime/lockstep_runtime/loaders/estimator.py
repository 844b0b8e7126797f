"""A scikit-learn estimator as a `model.Model`.

Inputs, in a request: a table as in `loaders.table`, with columns named as in fit (x0, x1, … when
fit saw no names); for text models one BYTES tensor of shape [n].
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from lockstep_runtime.errors import InvalidInput, LoadFailure, first_line
from lockstep_runtime.loaders.columns import (
    column_count,
    column_names,
    plausible_row,
    takes_text,
)
from lockstep_runtime.loaders.linear import linear_kernel
from lockstep_runtime.loaders.missing import refusing
from lockstep_runtime.loaders.remembered import SharedCalls
from lockstep_runtime.loaders.table import Column, Table
from lockstep_runtime.tensors import Array, Batch, Tensor, TensorSpec, ValueKind, from_array

# How scikit-learn complains of values, as opposed to failing: these are the client's mistakes.
_COMPLAINTS = (
    "contains NaN",
    "contains infinity",
    "Found unknown categories",
    "could not convert string to float",
    "strictly positive data",
    "Negative values in data",
)
_TEXT_EXAMPLE = "a plausible text"
_METHODS = ("predict", "predict_proba")


class EstimatorModel:
    """A fitted classifier, regressor, clusterer or outlier detector, or a pipeline of one."""

    platform = "scikit-learn"
    batchable = True

    def __init__(self, estimator: Any) -> None:
        """Read inputs and outputs from the estimator; a trial prediction shows the outputs.

        Raises:
            LoadFailure: it cannot predict.
        """
        if not callable(getattr(estimator, "predict", None)):
            raise LoadFailure(
                f"a {type(estimator).__name__} cannot be served: it has no predict method"
            )
        self._estimator = estimator
        self._before, self._last = _taken_apart(estimator)
        self._text = takes_text(estimator)
        self._columns = None if self._text else column_count(estimator)
        self._row = plausible_row(estimator, self._columns or 0)
        strings = [isinstance(value, str) for value in self._row]
        names = column_names(estimator, self._columns or 0)
        columns = [Column(name, kind) for name, kind in zip(names, strings, strict=True)]
        self._table = Table(columns)
        self._kernel = None if any(strings) else linear_kernel(estimator)
        self.inputs = (TensorSpec("input", "BYTES", (-1,)),) if self._text else self._table.inputs
        self.parameters: Mapping[str, Any] = self._parameters()
        self._example_fill: float | None = 0.0
        self.outputs = self._output_specs()
        example = self.example(1)
        if example is not None and not self._text:
            numbers = [place for place, kind in enumerate(strings) if not kind]
            self._table.require_values(refusing(example[0], numbers, self._takes))

    def _parameters(self) -> dict[str, Any]:
        parameters: dict[str, Any] = {}
        if self._table.names:
            parameters["feature_names"] = list(self._table.names)
        classes = getattr(self._estimator, "classes_", None)
        if isinstance(classes, np.ndarray):
            parameters["classes"] = classes.tolist()
        return parameters

    def _output_specs(self) -> tuple[TensorSpec, ...]:
        """Predict plausible rows and describe what comes out."""
        for fill in (0.0, 1.0):  # a model that takes a logarithm refuses zeros
            self._example_fill = fill
            batch = self.example(1)
            if batch is None:
                break
            try:
                return self._observe(batch[0])
            except InvalidInput:
                continue
        self._example_fill = None
        _require_fitted(self._estimator)
        classes = getattr(self._estimator, "classes_", np.zeros(0))
        guess = from_array("predict", np.asarray(classes)[:0])
        return (self._output_spec(guess),)

    def _observe(self, batch: Array) -> tuple[TensorSpec, ...]:
        methods = [name for name in _METHODS if hasattr(self._estimator, name)]
        try:
            results = self._call(batch, methods)
            # Of a multi-output classifier, predict_proba is a list: no tensor to serve.
            tensors = [from_array(*pair) for pair in results if isinstance(pair[1], np.ndarray)]
        except InvalidInput:
            raise
        except Exception as error:
            raise LoadFailure(
                f"the model failed its trial prediction: {type(error).__name__}: "
                f"{first_line(error)}"
            ) from error
        if not tensors:
            raise LoadFailure("the model's predict returns no array")
        return tuple(map(self._output_spec, tensors))

    def _output_spec(self, tensor: Tensor) -> TensorSpec:
        kind = _kind(self._estimator, tensor)
        classes = getattr(self._estimator, "classes_", None) if kind == "label" else None
        known = tuple(classes.tolist()) if isinstance(classes, np.ndarray) else ()
        return TensorSpec(tensor.name, tensor.datatype, (-1, *tensor.array.shape[1:]), kind, known)

    def example(self, rows: int) -> Batch | None:
        """Return plausible rows: zeros (or ones), with known categories in encoded columns."""
        if self._text:
            return (np.array([_TEXT_EXAMPLE] * rows, dtype=object),)
        if self._columns is None or self._example_fill is None:
            return None
        row = [self._example_fill if value == 0.0 else value for value in self._row]
        strings = any(isinstance(value, str) for value in row)
        return (np.array([row] * rows, dtype=object if strings else np.float64),)

    def prepare(self, tensors: Sequence[Tensor]) -> Batch:
        """Return [n, columns] (or n texts) of a dtype that scikit-learn takes."""
        return (self._texts(tensors) if self._text else self._table.rows(tensors),)

    def _texts(self, tensors: Sequence[Tensor]) -> Array:
        tensor = tensors[0]
        if len(tensors) > 1 or tensor.datatype != "BYTES" or tensor.array.size != len(tensor.array):
            raise InvalidInput(
                f"input {tensor.name!r}: the model takes one BYTES tensor of shape [n]"
            )
        return tensor.array.ravel()

    def _takes(self, rows: Array) -> bool:
        """Tell whether the model predicts these rows, as a trial."""
        try:
            self._call(rows, [spec.name for spec in self.outputs])
        except Exception:  # whatever it is, requests are refused before it
            return False
        return True

    def predict(self, batch: Batch, outputs: Sequence[str]) -> list[Tensor]:
        """Call the estimator's method of each name."""
        results = self._call(batch[0], outputs)
        return [from_array(name, np.asarray(result)) for name, result in results]

    def _call(self, batch: Array, methods: Sequence[str]) -> list[tuple[str, Any]]:
        if self._kernel is not None and self._kernel.takes(batch, methods):
            return list(zip(methods, self._kernel.call(batch, methods), strict=True))
        try:
            if len(methods) == 1:
                return [(methods[0], getattr(self._estimator, methods[0])(batch))]
            # All outputs start with the same transformations: do them once.
            rows = batch if self._before is None else self._before.transform(batch)
            return list(zip(methods, self._last(methods, rows), strict=True))
        except ValueError as error:
            if batch.dtype.kind == "f" and np.isnan(batch).any():
                raise InvalidInput(
                    "the input holds missing values (null), which the model does not take"
                ) from error
            if any(complaint in str(error) for complaint in _COMPLAINTS):
                raise InvalidInput(f"the model refuses the input: {first_line(error)}") from error
            raise


def _taken_apart(estimator: Any) -> tuple[Any, SharedCalls]:
    """Return what comes before the last step of a pipeline, if it is one, and the last step."""
    if type(estimator) is Pipeline and len(estimator.steps) > 1:
        return estimator[:-1], SharedCalls(estimator.steps[-1][1])
    return None, SharedCalls(estimator)


def _require_fitted(estimator: Any) -> None:
    """Refuse a model that was saved before it was trained, where no trial prediction can tell."""
    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise LoadFailure(f"the {type(estimator).__name__} is not fitted") from error
    except TypeError:
        return  # no scikit-learn estimator, only one that looks like it


def _kind(estimator: Any, output: Tensor) -> ValueKind:
    """Tell what an output's values are: clusterers and outlier detectors give labels too."""
    if output.name == "predict_proba":
        return "probability"
    if hasattr(estimator, "classes_"):
        return "label"
    fraction = output.array.dtype.kind == "f"
    return "number" if fraction or _is_regressor(estimator) else "label"


def _is_regressor(estimator: Any) -> bool:
    try:
        return bool(is_regressor(estimator))
    except (AttributeError, TypeError):
        return False  # no scikit-learn estimator, only one that looks like it
