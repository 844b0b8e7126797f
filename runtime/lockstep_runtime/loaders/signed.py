"""A model behind an MLflow signature: requests are checked against it first."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lockstep_runtime.errors import LoadFailure
from lockstep_runtime.loaders.signature import Signature
from lockstep_runtime.model import Model, prepared
from lockstep_runtime.tensors import Batch, Tensor


class SignedModel:
    """Takes what the signature says and hands it on as the model inside takes it."""

    def __init__(self, signature: Signature, model: Model) -> None:
        """Put the signature before a model.

        Raises:
            LoadFailure: it cannot be the signature of this model.
        """
        self._signature = signature
        self._model = model
        self.platform = f"mlflow_{model.platform}"
        self.inputs = signature.specs
        self.outputs = model.outputs
        self.parameters = model.parameters
        self.batchable = model.batchable
        self._as_table = _goes_in_as_table(signature, model)

    def prepare(self, tensors: Sequence[Tensor]) -> Batch:
        """Check a request against the signature, then by the model's own rules."""
        return self.prepare_with(tensors, {})

    def prepare_with(self, tensors: Sequence[Tensor], parameters: Mapping[str, Any]) -> Batch:
        """Do the same; of the parameters, the model gets those that the signature has."""
        checked = self._signature.checked(tensors)
        own = {
            name: value for name, value in parameters.items() if name in self._signature.parameters
        }
        if self._as_table:
            columns = [tensor.array.astype(np.float64) for tensor in checked]
            checked = [Tensor("input", "FP64", np.column_stack(columns))]
        elif len(checked) == len(self._model.inputs) == 1:
            checked = [Tensor(self._model.inputs[0].name, checked[0].datatype, checked[0].array)]
        return prepared(self._model, checked, own)

    def predict(self, batch: Batch, outputs: Sequence[str]) -> list[Tensor]:
        """Compute outputs."""
        return self._model.predict(batch, outputs)

    def example(self, rows: int) -> Batch | None:
        """Return a batch that the model takes."""
        return self._model.example(rows)


def _goes_in_as_table(signature: Signature, model: Model) -> bool:
    """Tell whether columns are to be put into one table, for a model that knows no names."""
    if not signature.tabular or not model.inputs:
        return False
    names = [spec.name for spec in signature.specs]
    known = model.parameters.get("feature_names") or [spec.name for spec in model.inputs]
    if sorted(known) == sorted(names):
        return False
    width = model.inputs[0].shape[-1]
    texts = any(spec.datatype == "BYTES" for spec in signature.specs)
    if len(model.inputs) > 1 or texts or width not in (-1, len(names)):
        raise LoadFailure(
            f"the signature's columns ({', '.join(names[:10])}) are not the model's "
            f"({', '.join(map(str, known[:10]))})"
        )
    if not all(column.required for column in signature.inputs):
        raise LoadFailure("the signature has optional columns, but the model knows none by name")
    return True
