"""What a user's class answers, checked against what it declares."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lockstep_runtime.loaders.kinds import kind_of
from lockstep_runtime.tensors import DATATYPES, Array, TensorSpec, from_array


def checked_outputs(answer: Any, specs: Sequence[TensorSpec], method: str) -> dict[str, Array]:
    """Return an answer's arrays by name, each at least one-dimensional.

    Outputs that are declared are brought to their datatype.

    Raises:
        TypeError: the answer is no dictionary of arrays by name.
        ValueError: an output has another shape than declared.
    """
    if not isinstance(answer, Mapping) or not all(isinstance(name, str) for name in answer):
        raise TypeError(f"{method} must give arrays by name, it gave {type(answer).__name__}")
    known = {spec.name: spec for spec in specs}
    return {name: _array(method, name, value, known.get(name)) for name, value in answer.items()}


def _array(method: str, name: str, value: Any, spec: TensorSpec | None) -> Array:
    array = np.atleast_1d(np.asarray(value))
    if spec is None:
        return from_array(name, array).array
    wrong = array.ndim != len(spec.shape) or any(
        wanted not in (-1, size) for wanted, size in zip(spec.shape, array.shape, strict=False)
    )
    if wrong:
        raise ValueError(
            f"{method} gave output {name!r} with shape {list(array.shape)}, "
            f"declared is {list(spec.shape)}"
        )
    if spec.datatype == "BYTES":
        return from_array(name, array).array
    return array.astype(DATATYPES[spec.datatype], casting="same_kind", copy=False)


def observed_specs(one: Mapping[str, Array], other: Mapping[str, Array]) -> tuple[TensorSpec, ...]:
    """Describe outputs that nobody declared by those of two trials, of one row and of two.

    The first dimension, and one that differs, may have any size.
    """
    return tuple(_observed(name, array, other.get(name, array)) for name, array in one.items())


def _observed(name: str, one: Array, other: Array) -> TensorSpec:
    if one.ndim != other.ndim:
        raise ValueError(f"output {name!r} has now {one.ndim}, now {other.ndim} dimensions")
    shape = tuple(
        size if size == again else -1
        for size, again in zip(one.shape[1:], other.shape[1:], strict=True)
    )
    return TensorSpec(name, from_array(name, one).datatype, (-1, *shape), kind_of(one))
