"""Tensors for tests that call a loaded model directly."""

from typing import Any

import numpy as np

from lockstep_runtime.model import Model, prepared
from lockstep_runtime.tensors import DATATYPES, Tensor


def tensor(name: str, datatype: str, values: Any) -> Tensor:
    """Make a tensor of nested lists."""
    return Tensor(name, datatype, np.array(values, dtype=DATATYPES[datatype]))


def ask(model: Model, *tensors: Tensor, **parameters: Any) -> dict[str, Any]:
    """Return all outputs, as lists by name; each must be as the metadata says."""
    batch = prepared(model, tensors, parameters)
    outputs = model.predict(batch, [spec.name for spec in model.outputs])
    for spec, output in zip(model.outputs, outputs, strict=True):
        assert (output.name, output.datatype) == (spec.name, spec.datatype)
        assert len(output.array.shape) == len(spec.shape)
        assert all(
            wanted in (-1, size)
            for wanted, size in zip(spec.shape, output.array.shape, strict=True)
        )
    return {output.name: output.array.tolist() for output in outputs}
