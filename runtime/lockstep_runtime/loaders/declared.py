"""Inputs that the model itself declares, each with a name, a datatype and a shape."""

from collections.abc import Sequence

import numpy as np

from lockstep_runtime.errors import InvalidInput
from lockstep_runtime.tensors import DATATYPES, Array, Tensor, TensorSpec


def arrays(
    tensors: Sequence[Tensor], specs: Sequence[TensorSpec], *, same_rows: bool
) -> tuple[Array, ...]:
    """Return a request's tensors in the order and datatypes that the model declares.

    `same_rows`: the first dimension of all of them is the batch.

    Raises:
        InvalidInput: one is missing, unknown, or does not fit; the message names it.
    """
    by_name = {tensor.name: tensor for tensor in tensors}
    for spec in specs:
        if spec.name not in by_name:
            if len(specs) == len(tensors) == 1:
                raise InvalidInput(f"unknown input {tensors[0].name!r}; the model has {spec.name}")
            raise InvalidInput(f"input {spec.name!r} is missing: the model takes {_listed(specs)}")
    if len(by_name) > len(specs):
        known = {spec.name for spec in specs}
        unknown = next(name for name in by_name if name not in known)
        raise InvalidInput(f"unknown input {unknown!r}; the model takes {_listed(specs)}")
    found = tuple(fitted(by_name[spec.name], spec) for spec in specs)
    if same_rows:
        rows = len(found[0])
        for spec, array in zip(specs, found, strict=True):
            if len(array) != rows:
                raise InvalidInput(
                    f"input {spec.name!r} has {len(array)} rows, {specs[0].name!r} has {rows}"
                )
    return found


def _listed(specs: Sequence[TensorSpec]) -> str:
    return ", ".join(spec.name for spec in specs)


def fitted(tensor: Tensor, spec: TensorSpec) -> Array:
    """Return a tensor's array in the declared datatype, if it has the declared shape.

    Any number goes for a floating-point one, and an integer for any integer that can hold it. A
    scalar, which the protocol cannot send, comes as shape [1] and stays so.

    Raises:
        InvalidInput: it does not fit.
    """
    array = tensor.array
    shape = spec.shape or (1,)
    if len(array.shape) != len(shape) or any(
        wanted not in (-1, size) for wanted, size in zip(shape, array.shape, strict=True)
    ):
        raise InvalidInput(
            f"input {tensor.name!r}: shape {list(array.shape)}, the model takes {list(shape)}"
        )
    if tensor.datatype == spec.datatype:
        return array
    wanted_type = DATATYPES[spec.datatype]
    if not _goes_for(array.dtype, wanted_type):
        raise InvalidInput(
            f"input {tensor.name!r}: datatype {tensor.datatype}, the model takes {spec.datatype}"
        )
    with np.errstate(over="ignore"):
        values = array.astype(wanted_type)
    if _lost(array, values):
        raise InvalidInput(f"input {tensor.name!r}: a value is out of range for {spec.datatype}")
    return values


def _goes_for(given: np.dtype[np.generic], wanted: np.dtype[np.generic]) -> bool:
    if wanted.kind == "f":
        return given.kind in "fiu"
    return wanted.kind in "iu" and given.kind in "iu"


def _lost(before: Array, after: Array) -> bool:
    """Tell whether a value did not fit into its new datatype; requests hold no infinity."""
    if after.dtype.kind != "f":
        return not np.array_equal(before, after)
    return before.dtype.itemsize > after.dtype.itemsize and bool(np.isinf(after).any())


def texts(name: str, array: Array) -> Array:
    """Return the elements of a BYTES tensor as str, for models that know text only.

    Raises:
        InvalidInput: an element is no UTF-8.
    """
    if any(isinstance(element, bytes) for element in array.flat):
        raise InvalidInput(f"input {name!r}: an element is no text (UTF-8), which the model takes")
    return array


def example(specs: Sequence[TensorSpec], rows: int, fill: int) -> tuple[Array, ...]:
    """Return arrays of the declared datatypes, all of one value; open dimensions are 1.

    Of the first dimension of each, an open one is `rows`.
    """
    return tuple(_filled(spec, rows, fill) for spec in specs)


def _filled(spec: TensorSpec, rows: int, fill: int) -> Array:
    shape = spec.shape or (1,)
    first = rows if shape[0] == -1 else shape[0]
    full = (first, *(1 if size == -1 else size for size in shape[1:]))
    if spec.datatype == "BYTES":
        return np.full(full, "a text", dtype=np.object_)
    return np.full(full, fill, dtype=DATATYPES[spec.datatype])
