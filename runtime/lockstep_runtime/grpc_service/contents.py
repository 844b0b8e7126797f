"""Tensor data as typed contents: a list per family of datatypes. FP16 has none, it is always raw.

NaN is a missing value, and an infinity is refused, as over HTTP.
"""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from lockstep_runtime.errors import InvalidInput
from lockstep_runtime.protocol.raw_data import text
from lockstep_runtime.tensors import DATATYPES, Array, Tensor

_FIELDS: Mapping[str, str] = {
    "BOOL": "bool_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}

# Of fields 6 and 7, with values that have a length.
_PACKED_TAGS: Mapping[str, int] = {"FP32": 6 << 3 | 2, "FP64": 7 << 3 | 2}


def has_field(datatype: str) -> bool:
    """Tell whether values of the datatype can be sent as typed contents."""
    return datatype in _FIELDS


def decode(name: str, datatype: str, shape: tuple[int, ...], contents: Any) -> Tensor:
    """Build a tensor of checked name, datatype and shape from an InferTensorContents.

    Raises:
        InvalidInput: the field of the datatype does not fill the shape, or a value is out of range.
    """
    if not has_field(datatype):
        raise InvalidInput(f"input {name!r}: {datatype} must be sent in raw_input_contents")
    field = _FIELDS[datatype]
    values, wanted = getattr(contents, field), prod(shape)
    if len(values) != wanted:
        raise InvalidInput(
            f"input {name!r}: {field} has {len(values)} elements, "
            f"shape {list(shape)} of {datatype} needs {wanted}"
        )
    array = _packed(datatype, wanted, contents)
    if array is None:
        array = _array(name, datatype, values)
    if array.dtype.kind == "f" and np.isinf(array).any():
        raise InvalidInput(f"input {name!r}: a value is infinite")
    return Tensor(name, datatype, array.reshape(shape))


def _packed(datatype: str, count: int, contents: Any) -> Array | None:
    """Return floats as they stand on the wire, a hundred times faster than one by one.

    There a list is the field's tag, its length in bytes in groups of seven bits, and the values
    (https://protobuf.dev/programming-guides/encoding/#packed). None: it is not found so.
    """
    tag = _PACKED_TAGS.get(datatype)
    if tag is None:
        return None
    dtype = DATATYPES[datatype].newbyteorder("<")
    head, left = bytearray((tag,)), count * dtype.itemsize
    while left > 0x7F:
        head.append(left & 0x7F | 0x80)
        left >>= 7
    head.append(left)
    data = contents.SerializeToString()
    return np.frombuffer(data, dtype, count, len(head)) if data.startswith(head) else None


def _array(name: str, datatype: str, values: Any) -> Array:
    if datatype == "BYTES":
        words = np.empty(len(values), dtype=np.object_)
        words[:] = [text(value) for value in values]
        return words
    try:
        return np.array(values[:], dtype=DATATYPES[datatype])
    except OverflowError as error:
        raise InvalidInput(f"input {name!r}: a value is out of range for {datatype}") from error


def encode(tensor: Tensor, contents: Any) -> None:
    """Fill an InferTensorContents; the datatype must have a field."""
    values = tensor.array.ravel().tolist()
    if tensor.datatype == "BYTES":
        values = [one if isinstance(one, bytes) else one.encode() for one in values]
    getattr(contents, _FIELDS[tensor.datatype]).extend(values)
