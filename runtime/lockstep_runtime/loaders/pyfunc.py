"""MLflow's flavour python_function: any Python code, called with what the signature says."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, ErrorCode

from lockstep_runtime.errors import InvalidInput, LoadFailure, first_line
from lockstep_runtime.loaders.custom import CustomModel
from lockstep_runtime.loaders.signature import Column, Signature
from lockstep_runtime.tensors import Array


def load_pyfunc(folder: Path, signature: Signature) -> CustomModel:
    """Load a model folder with MLflow itself.

    Raises:
        LoadFailure: it fails to load, or a trial prediction does.
    """
    try:
        model = mlflow.pyfunc.load_model(str(folder))
    except Exception as error:
        raise LoadFailure(
            f"MLflow cannot load the model: {type(error).__name__}: {first_line(error)}"
        ) from error
    return CustomModel(_PyFunc(model, signature))


class _PyFunc:
    """A python_function as a class of the user's own."""

    def __init__(self, model: Any, signature: Signature) -> None:
        self._model = model
        self._signature = signature
        self._columns = {column.spec.name: column for column in signature.inputs}
        outputs = signature.outputs
        self._name = outputs[0].name if outputs is not None and len(outputs) == 1 else "predict"

    def examples(self) -> dict[str, Array]:
        """Return the input example of the model, else zeros."""
        try:
            example = self._model.input_example
        except Exception:  # it is only an example
            example = None
        found = _by_name(example, tuple(self._columns)) if example is not None else {}
        if found.keys() == self._columns.keys():
            return {name: _plain(value, self._columns[name]) for name, value in found.items()}
        return {name: _zeros(column) for name, column in self._columns.items()}

    def predict(
        self, inputs: Mapping[str, Array], parameters: Mapping[str, Any]
    ) -> dict[str, Array]:
        """Call the function with a DataFrame, an array, or arrays by name."""
        data = self._data(inputs)
        try:
            answer = (
                self._model.predict(data, params=dict(parameters))
                if parameters
                else self._model.predict(data)
            )
        except MlflowException as error:
            if error.error_code == ErrorCode.Name(INVALID_PARAMETER_VALUE):
                raise InvalidInput(f"the model refuses the input: {first_line(error)}") from error
            raise
        return _by_name(answer, (self._name,))

    def _data(self, inputs: Mapping[str, Array]) -> Any:
        if not self._signature.tabular:
            return dict(inputs) if len(self._columns) > 1 else next(iter(inputs.values()))
        return pd.DataFrame(
            {name: _series(array, self._columns[name]) for name, array in inputs.items()}
        )


def _series(array: Array, column: Column) -> Any:
    if column.type == "binary":
        return [one if isinstance(one, bytes) else one.encode() for one in array.tolist()]
    if column.type != "datetime":
        return array
    try:
        return pd.to_datetime(array)
    except (ValueError, TypeError) as error:
        raise InvalidInput(
            f"input {column.spec.name!r}: no date and time like 2024-05-06T07:08:09"
        ) from error


def _zeros(column: Column) -> Array:
    shape = tuple(1 if size == -1 else size for size in column.spec.shape)
    if column.type == "datetime":
        return np.full(shape, "2000-01-01T00:00:00", dtype=object)
    if column.spec.datatype == "BYTES":
        return np.full(shape, "a text", dtype=object)
    return np.zeros(shape)


def _plain(array: Array, column: Column) -> Array:
    """Return an example's column as a request would bring it."""
    return array.astype(str).astype(object) if column.type == "datetime" else array


def _by_name(value: Any, names: tuple[str, ...]) -> dict[str, Array]:
    """Return a table's columns, a dictionary's arrays, or one array by the only name."""
    if isinstance(value, pd.DataFrame):
        if len(value.columns) == len(names) == 1:
            return {names[0]: value.iloc[:, 0].to_numpy()}
        return {str(name): value[name].to_numpy() for name in value.columns}
    if isinstance(value, Mapping):
        return {str(name): np.asarray(each) for name, each in value.items()}
    if isinstance(value, pd.Series):
        return {names[0]: value.to_numpy()}
    return {names[0]: np.asarray(value)} if len(names) == 1 else {}
