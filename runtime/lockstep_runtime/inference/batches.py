"""Batches joined and taken apart again."""

from collections.abc import Sequence

import numpy as np

from lockstep_runtime.tensors import Batch, Tensor


def rows_of(batch: Batch) -> int:
    """Return the number of rows."""
    return len(batch[0])


def alike(one: Batch, other: Batch) -> bool:
    """Tell whether two batches can be joined: same types, and same shapes but for the rows."""
    if len(one) != len(other):
        return False
    for first, second in zip(one, other, strict=True):
        if first.dtype != second.dtype or first.shape[1:] != second.shape[1:]:
            return False
    return True


def joined(batches: Sequence[Batch]) -> Batch:
    """Return one batch with the rows of all, in their order."""
    if len(batches) == 1:
        return batches[0]
    return tuple(np.concatenate(parts) for parts in zip(*batches, strict=True))


def taken_apart(tensors: Sequence[Tensor], sizes: Sequence[int]) -> list[list[Tensor]]:
    """Return the outputs of a joined batch by request, each with as many rows as it sent.

    Raises:
        ValueError: an output has another number of rows than went in.
    """
    total = sum(sizes)
    for tensor in tensors:
        if tensor.array.ndim == 0 or len(tensor.array) != total:
            raise ValueError(
                f"output {tensor.name!r} has shape {tensor.array.shape} for {total} rows"
            )
    found, start = [], 0
    for size in sizes:
        end = start + size
        found.append([Tensor(one.name, one.datatype, one.array[start:end]) for one in tensors])
        start = end
    return found
