"""A model that gives back what it is given, of any datatype."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lockstep_runtime.errors import InvalidInput
from lockstep_runtime.tensors import DATATYPES, Batch, Tensor, TensorSpec


class Echo:
    """Takes one tensor by the name of a datatype, in lower case, and returns it under that name.

    The output `twice` has its values twice; one of them must not be -1.
    """

    platform = "echo"
    inputs = tuple(TensorSpec(name.lower(), name, (-1, -1)) for name in DATATYPES)
    outputs = (TensorSpec("same", "FP64", (-1, -1)), TensorSpec("twice", "FP64", (-1, -1)))
    parameters: Mapping[str, Any] = {}
    batchable = False

    def prepare(self, tensors: Sequence[Tensor]) -> Batch:
        return (tensors[0].array,)

    def predict(self, batch: Batch, outputs: Sequence[str]) -> list[Tensor]:
        (array,) = batch
        if array.dtype.kind in "if" and (array == -1).any():
            raise InvalidInput("the model refuses -1")
        if array.dtype.kind in "if" and (array == -2).any():
            raise ValueError("secret -2")
        kinds = {dtype: name for name, dtype in DATATYPES.items()}
        datatype = kinds[array.dtype.newbyteorder("=")]
        values = {"same": array, "twice": np.concatenate([array, array])}
        return [Tensor(name, datatype, values[name]) for name in outputs]

    def example(self, rows: int) -> Batch | None:
        return None
