"""Tensors of the Open Inference Protocol, as numpy arrays.

NaN is a missing value. A BYTES element is a str, or bytes where it is no UTF-8.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
# One or more arrays with rows first, the same number of rows in each: what a model is called with.
Batch = tuple[Array, ...]
# What an output's values are: one of a set of classes, the probability of one, or a quantity.
ValueKind = Literal["label", "probability", "number"]

DATATYPES: Mapping[str, np.dtype[Any]] = MappingProxyType(
    {
        "BOOL": np.dtype(np.bool_),
        "UINT8": np.dtype(np.uint8),
        "UINT16": np.dtype(np.uint16),
        "UINT32": np.dtype(np.uint32),
        "UINT64": np.dtype(np.uint64),
        "INT8": np.dtype(np.int8),
        "INT16": np.dtype(np.int16),
        "INT32": np.dtype(np.int32),
        "INT64": np.dtype(np.int64),
        "FP16": np.dtype(np.float16),
        "FP32": np.dtype(np.float32),
        "FP64": np.dtype(np.float64),
        "BYTES": np.dtype(np.object_),
    }
)
_NAMES = {dtype: name for name, dtype in DATATYPES.items()}


class Tensor(NamedTuple):
    """One named tensor; the array has the tensor's shape. Made several times per request.

    Attributes:
        complete: known to have no missing values; else nobody has looked yet.
    """

    name: str
    datatype: str
    array: Array
    complete: bool = False


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """What the metadata says of a tensor; -1 in `shape` is any size.

    `kind` and `classes` are for outputs, and not in the metadata: labels are counted one by one,
    all others as numbers. `classes` are the labels there can be; empty when nobody knows.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    kind: ValueKind = "number"
    classes: tuple[Any, ...] = field(default=(), compare=False, repr=False)


def from_array(name: str, array: Array) -> Tensor:
    """Make a tensor of a model's output.

    Raises:
        TypeError: the array's dtype has no datatype in the protocol.
    """
    if array.dtype.kind in "USO":
        words = np.empty(array.size, dtype=np.object_)
        words[:] = [one if isinstance(one, str | bytes) else str(one) for one in array.ravel()]
        return Tensor(name, "BYTES", words.reshape(array.shape))
    native = array.dtype.newbyteorder("=")
    if native not in _NAMES:
        raise TypeError(f"output {name!r} has dtype {array.dtype}, which the protocol cannot carry")
    return Tensor(name, _NAMES[native], np.ascontiguousarray(array, dtype=native))
