"""A scikit-learn estimator as a `model.Model`.

Inputs, in a request: one tensor of shape [n, columns] under any name, or one tensor of shape [n]
or [n, 1] per column, named as in fit (x0, x1, … when fit saw no names); for text models one BYTES
tensor of shape [n].
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
        self._text = takes_text(estimator)
        self._columns = None if self._text else column_count(estimator)
        self._names = column_names(estimator, self._columns or 0)
        self._row = plausible_row(estimator, self._columns or 0)
        # {True}: all columns hold strings, {False}: all hold numbers, both: send them one by one.
        self._kinds = {isinstance(value, str) for value in self._row}
        self._kernel = linear_kernel(estimator) if self._kinds == {False} else None
        self.inputs = self._input_specs()
        self.parameters: Mapping[str, Any] = self._parameters()
        self._example_fill: float | None = 0.0
        self.outputs = self._output_specs()

    def _input_specs(self) -> tuple[TensorSpec, ...]:
        if self._text:
            return (TensorSpec("input", "BYTES", (-1,)),)
        if self._kinds == {True, False}:
            return tuple(
                TensorSpec(name, "BYTES" if isinstance(value, str) else "FP64", (-1,))
                for name, value in zip(self._names, self._row, strict=True)
            )
        width = -1 if self._columns is None else self._columns
        return (TensorSpec("input", "BYTES" if self._kinds == {True} else "FP64", (-1, width)),)

    def _parameters(self) -> dict[str, Any]:
        parameters: dict[str, Any] = {}
        if self._names:
            parameters["feature_names"] = list(self._names)
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
        return (self._rows(tensors),)

    def _rows(self, tensors: Sequence[Tensor]) -> Array:
        if self._text:
            return self._texts(tensors)
        first = tensors[0]
        if len(tensors) == 1 and first.array.ndim == 2:
            named_as_column = first.name in self._names and self._columns != 1
            if not named_as_column or first.array.shape[1] == self._columns:
                return self._table(first)
        return self._from_columns(tensors)

    def _texts(self, tensors: Sequence[Tensor]) -> Array:
        tensor = tensors[0]
        if len(tensors) > 1 or tensor.datatype != "BYTES" or tensor.array.size != len(tensor.array):
            raise InvalidInput(
                f"input {tensor.name!r}: the model takes one BYTES tensor of shape [n]"
            )
        return tensor.array.ravel()

    def _table(self, tensor: Tensor) -> Array:
        width = tensor.array.shape[1]
        if self._columns is not None and width != self._columns:
            raise InvalidInput(
                f"input {tensor.name!r}: {width} columns, the model takes {self._columns}: "
                f"shape must be [n, {self._columns}]"
            )
        if self._kinds == {True, False}:
            raise InvalidInput(
                f"input {tensor.name!r}: the model takes numbers and strings: "
                "send one tensor per column"
            )
        self._check_kind(tensor, strings=self._kinds == {True})
        return _numeric(tensor.array)

    def _check_kind(self, tensor: Tensor, *, strings: bool) -> None:
        if self._columns is not None and (tensor.datatype == "BYTES") != strings:
            wanted = "strings (BYTES)" if strings else "numbers"
            raise InvalidInput(
                f"input {tensor.name!r}: datatype {tensor.datatype}, the model takes {wanted}"
            )

    def _from_columns(self, tensors: Sequence[Tensor]) -> Array:
        by_name = {tensor.name: tensor for tensor in tensors}
        missing = [name for name in self._names if name not in by_name]
        unknown = [name for name in by_name if name not in self._names]
        if missing or unknown:
            raise InvalidInput(self._columns_problem(tensors, missing, unknown))
        rows = len(tensors[0].array)
        for tensor in tensors:
            if tensor.array.size != len(tensor.array):
                raise InvalidInput(
                    f"input {tensor.name!r}: shape {list(tensor.array.shape)}, a column is [n]"
                )
            if len(tensor.array) != rows:
                raise InvalidInput(
                    f"input {tensor.name!r} has {len(tensor.array)} rows, "
                    f"{tensors[0].name!r} has {rows}"
                )
        columns = []
        for name, value in zip(self._names, self._row, strict=True):
            self._check_kind(by_name[name], strings=isinstance(value, str))
            columns.append(_numeric(by_name[name].array.reshape(rows)))
        return np.column_stack(columns)

    def _columns_problem(
        self, tensors: Sequence[Tensor], missing: list[str], unknown: list[str]
    ) -> str:
        if len(tensors) == 1 and unknown:
            width = "columns" if self._columns is None else self._columns
            return (
                f"input {tensors[0].name!r}: shape {list(tensors[0].array.shape)}, "
                f"the model takes [n, {width}]"
            )
        if unknown:
            known = f"it takes {', '.join(self._names)}" if self._names else "send one 2-D tensor"
            return f"unknown input {unknown[0]!r}: the model has no such column; {known}"
        return f"input {missing[0]!r} is missing: send one tensor per column"

    def predict(self, batch: Batch, outputs: Sequence[str]) -> list[Tensor]:
        """Call the estimator's method of each name."""
        results = self._call(batch[0], outputs)
        return [from_array(name, np.asarray(result)) for name, result in results]

    def _call(self, batch: Array, methods: Sequence[str]) -> list[tuple[str, Any]]:
        if self._kernel is not None and self._kernel.takes(batch, methods):
            return list(zip(methods, self._kernel.call(batch, methods), strict=True))
        try:
            estimator, rows = self._estimator, batch
            if len(methods) > 1 and type(estimator) is Pipeline and len(estimator.steps) > 1:
                # Both outputs start with the same transformations: do them once.
                estimator, rows = estimator.steps[-1][1], estimator[:-1].transform(batch)
            return [(method, getattr(estimator, method)(rows)) for method in methods]
        except ValueError as error:
            if batch.dtype.kind == "f" and np.isnan(batch).any():
                raise InvalidInput(
                    "the input holds missing values (null), which the model does not take"
                ) from error
            if any(complaint in str(error) for complaint in _COMPLAINTS):
                raise InvalidInput(f"the model refuses the input: {first_line(error)}") from error
            raise


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


def _numeric(array: Array) -> Array:
    """Widen what scikit-learn does not compute with: booleans and half floats."""
    return array.astype(np.float64) if array.dtype in (np.bool_, np.float16) else array
