"""Tensors of the Open Inference Protocol and their JSON data, as numpy arrays.

A null in a floating-point tensor is a missing value (NaN), and NaN is written as null, for JSON
has no NaN. BYTES elements are JSON strings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from math import prod
from types import MappingProxyType, NoneType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lockstep_runtime.errors import InvalidInput

Array = NDArray[Any]
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
# JSON types that a datatype may hold, by numpy kind; an int is a fine float, a bool is neither.
_ALLOWED: Mapping[str, frozenset[type]] = {
    "b": frozenset({bool}),
    "u": frozenset({int}),
    "i": frozenset({int}),
    "f": frozenset({int, float, NoneType}),
    "O": frozenset({str}),
}
_JSON_NAMES: Mapping[type, str] = {
    bool: "true or false",
    int: "an integer",
    float: "a fraction",
    str: "a string",
    NoneType: "null",
    list: "a list",
    dict: "an object",
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """One named tensor; the array has the tensor's shape."""

    name: str
    datatype: str
    array: Array


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


def decode(name: str, datatype: str, shape: tuple[int, ...], data: list[Any]) -> Tensor:
    """Build a tensor of checked name, datatype and shape from JSON data, flat or nested.

    Raises:
        InvalidInput: the data does not fill the shape, or an element is not of the datatype.
    """
    flat = _flatten(name, shape, data)
    if len(flat) != prod(shape):
        raise InvalidInput(
            f"input {name!r}: data has {len(flat)} elements, "
            f"shape {list(shape)} needs {prod(shape)}"
        )
    return Tensor(name, datatype, _array(name, datatype, flat).reshape(shape))


def _flatten(name: str, shape: tuple[int, ...], data: list[Any]) -> list[Any]:
    """Return the elements in row-major order; nested data must have exactly the shape."""
    if not data or type(data[0]) is not list:
        return data
    flat, sizes = data, list(shape)
    for axis, size in enumerate(shape[1:], 1):
        if {*map(type, flat)} != {list} or {*map(len, flat)} != {size}:
            raise InvalidInput(
                f"input {name!r}: nested data does not match shape {sizes} at axis {axis}"
            )
        flat = list(chain.from_iterable(flat))
    if len(data) != shape[0]:
        raise InvalidInput(f"input {name!r}: data has {len(data)} rows, shape {sizes} {shape[0]}")
    return flat


def _array(name: str, datatype: str, flat: list[Any]) -> Array:
    dtype = DATATYPES[datatype]
    strange = {*map(type, flat)} - _ALLOWED[dtype.kind]
    if strange:
        found = " or ".join(sorted(_JSON_NAMES[kind] for kind in strange))
        raise InvalidInput(f"input {name!r}: datatype {datatype} cannot hold {found}")
    try:
        with np.errstate(over="ignore"):
            array = np.array(flat, dtype=dtype)
    except OverflowError as error:
        raise InvalidInput(f"input {name!r}: a value is out of range for {datatype}") from error
    # orjson refuses numbers beyond double, so an infinity can only come from narrowing.
    if dtype.kind == "f" and np.isinf(array).any():
        raise InvalidInput(f"input {name!r}: a value is out of range for {datatype}")
    return array


def from_array(name: str, array: Array) -> Tensor:
    """Make a tensor of a model's output.

    Raises:
        TypeError: the array's dtype has no datatype in the protocol.
    """
    if array.dtype.kind in "USO":
        words = [value if isinstance(value, str) else str(value) for value in array.ravel()]
        return Tensor(name, "BYTES", np.array(words, dtype=object).reshape(array.shape))
    native = array.dtype.newbyteorder("=")
    if native not in _NAMES:
        raise TypeError(f"output {name!r} has dtype {array.dtype}, which the protocol cannot carry")
    return Tensor(name, _NAMES[native], np.ascontiguousarray(array, dtype=native))


def encode(tensor: Tensor) -> dict[str, Any]:
    """Return the tensor for orjson with OPT_SERIALIZE_NUMPY; data is flat, in row-major order."""
    flat = tensor.array.ravel()
    return {
        "name": tensor.name,
        "datatype": tensor.datatype,
        "shape": list(tensor.array.shape),
        "data": flat.tolist() if tensor.datatype == "BYTES" else flat,
    }
