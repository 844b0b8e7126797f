"""Tensor data as JSON: flat or nested lists.

A null in a floating-point tensor is a missing value (NaN), and NaN is written as null, for JSON
has no NaN. BYTES elements are JSON strings.
"""

from collections.abc import Mapping
from itertools import chain
from math import prod
from types import NoneType
from typing import Any

import numpy as np

from lockstep_runtime.errors import InvalidInput
from lockstep_runtime.tensors import DATATYPES, Array, Tensor

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
_FLOATS = {float}
_LISTS = {list}


def decode(name: str, datatype: str, shape: tuple[int, ...], data: list[Any]) -> Tensor:
    """Build a tensor of checked name, datatype and shape from JSON data, flat or nested.

    Raises:
        InvalidInput: the data does not fill the shape, or an element is not of the datatype.
    """
    if datatype == "FP64" and (array := _doubles(shape, data)) is not None:
        return Tensor(name, datatype, array, complete=True)
    flat = data if not data or type(data[0]) is not list else _flatten(name, shape, data)
    size = prod(shape)
    if len(flat) != size:
        raise InvalidInput(
            f"input {name!r}: data has {len(flat)} elements, shape {list(shape)} needs {size}"
        )
    return Tensor(name, datatype, _array(name, datatype, flat).reshape(shape))


def _doubles(shape: tuple[int, ...], data: list[Any]) -> Array | None:
    """Return rows of fractions, or a flat list of them: the common cases, without a detour.

    None: it is something else, or does not fit: then the long way says what is wrong.
    """
    if not data:
        return None
    if type(data[0]) is not list:
        plain = {*map(type, data)} == _FLOATS and len(data) == prod(shape)
        return np.array(data).reshape(shape) if plain else None
    if len(shape) != 2 or len(data) != shape[0] or {*map(type, data)} != _LISTS:
        return None
    if {*map(len, data)} != {shape[1]} or {*map(type, chain.from_iterable(data))} != _FLOATS:
        return None
    return np.array(data)


def _flatten(name: str, shape: tuple[int, ...], data: list[Any]) -> list[Any]:
    """Return the elements in row-major order; nested data must have exactly the shape."""
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
    if strange := {*map(type, flat)} - _ALLOWED[dtype.kind]:
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


def encode(tensor: Tensor) -> dict[str, Any]:
    """Return the tensor for orjson with OPT_SERIALIZE_NUMPY; data is flat, in row-major order.

    Raises:
        InvalidInput: a BYTES element is no text, which JSON cannot carry.
    """
    return {
        "name": tensor.name,
        "datatype": tensor.datatype,
        "shape": list(tensor.array.shape),
        "data": flat_data(tensor),
    }


def flat_data(tensor: Tensor) -> Any:
    """Return the elements in row-major order: a list of texts, or a numpy array for orjson.

    Raises:
        InvalidInput: a BYTES element is no text, which JSON cannot carry.
    """
    flat = tensor.array.ravel()
    if tensor.datatype != "BYTES":
        return flat
    if any(isinstance(element, bytes) for element in flat):
        raise InvalidInput(
            f"output {tensor.name!r} holds bytes that are no UTF-8: ask for it as binary data"
        )
    return flat.tolist()
