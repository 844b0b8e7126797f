"""Tensor data as raw bytes: the binary tensor data extension, and raw contents in gRPC.

Numbers are little-endian in row-major order, a BOOL is one byte. A BYTES element is its length,
four bytes little-endian, and its bytes
(https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/binary_data.md).
"""

import struct
from itertools import chain
from math import prod

import numpy as np

from lockstep_runtime.errors import InvalidInput
from lockstep_runtime.tensors import DATATYPES, Array, Tensor

_LENGTH = struct.Struct("<I")


def decode(name: str, datatype: str, shape: tuple[int, ...], data: bytes | memoryview) -> Tensor:
    """Build a tensor of checked name, datatype and shape from raw bytes.

    The array may be a read-only view of `data`.

    Raises:
        InvalidInput: too few or too many bytes, or what no value of the datatype looks like.
    """
    if datatype == "BYTES":
        return Tensor(name, datatype, _elements(name, shape, data))
    dtype = DATATYPES[datatype].newbyteorder("<")
    wanted = prod(shape) * dtype.itemsize
    if len(data) != wanted:
        raise InvalidInput(
            f"input {name!r}: {len(data)} bytes of binary data, "
            f"shape {list(shape)} of {datatype} needs {wanted}"
        )
    if datatype == "BOOL" and np.frombuffer(data, np.uint8).max(initial=0) > 1:
        raise InvalidInput(f"input {name!r}: a BOOL byte is neither 0 nor 1")
    array = np.frombuffer(data, dtype).reshape(shape)
    # JSON has no infinity either: what a model does with one is nobody's intention.
    if dtype.kind == "f" and np.isinf(array).any():
        raise InvalidInput(f"input {name!r}: a value is infinite")
    return Tensor(name, datatype, array)


def _elements(name: str, shape: tuple[int, ...], data: bytes | memoryview) -> Array:
    count, place, end = prod(shape), 0, len(data)
    if count * _LENGTH.size > end:  # before a list of that size is made
        raise InvalidInput(
            f"input {name!r}: {end} bytes of binary data, shape {list(shape)} needs "
            f"{count} elements of at least 4"
        )
    found: list[str | bytes] = []
    for _ in range(count):
        if place + _LENGTH.size > end:
            break
        (size,) = _LENGTH.unpack_from(data, place)
        place += _LENGTH.size + size
        if place > end:
            break
        found.append(text(bytes(data[place - size : place])))
    if len(found) != count or place != end:
        raise InvalidInput(
            f"input {name!r}: {end} bytes of binary data are not {count} elements, "
            "each its length in four bytes and its bytes"
        )
    array = np.empty(count, dtype=np.object_)
    array[:] = found
    return array.reshape(shape)


def text(element: bytes) -> str | bytes:
    """Return text as a str, as in JSON; an image or the like stays bytes."""
    try:
        return element.decode()
    except UnicodeDecodeError:
        return element


def encode(tensor: Tensor) -> bytes:
    """Return the elements as raw bytes."""
    if tensor.datatype != "BYTES":
        array = tensor.array
        return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    elements = (one if isinstance(one, bytes) else one.encode() for one in tensor.array.ravel())
    return b"".join(chain.from_iterable((_LENGTH.pack(len(one)), one) for one in elements))
