"""Tensors that a user's own class declares, as plain dictionaries, checked."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from lockstep_runtime.errors import LoadFailure
from lockstep_runtime.tensors import DATATYPES, TensorSpec, ValueKind

_FIELDS = frozenset({"name", "datatype", "shape", "kind", "classes"})
_KINDS = get_args(ValueKind)


def declared_specs(where: str, value: Any) -> tuple[TensorSpec, ...]:
    """Return the tensors that `value` describes: a list of objects like
    {"name": "score", "datatype": "FP32", "shape": [-1]}, of outputs also `kind` and `classes`.

    Raises:
        LoadFailure: naming the place and what would be right.
    """
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise LoadFailure(f"{where} must be a list of at least one tensor, it is {value!r}")
    specs = tuple(_spec(f"{where}[{index}]", item) for index, item in enumerate(value))
    if len({spec.name for spec in specs}) != len(specs):
        raise LoadFailure(f"{where}: two tensors have the same name")
    return specs


def _spec(where: str, item: Any) -> TensorSpec:
    if isinstance(item, TensorSpec):
        return item
    if not isinstance(item, Mapping):
        raise LoadFailure(f"{where} must be an object with name, datatype and shape")
    if unknown := sorted(map(str, item.keys() - _FIELDS)):
        raise LoadFailure(
            f"{where}: unknown field {unknown[0]!r}; known: {', '.join(sorted(_FIELDS))}"
        )
    name, datatype, shape = item.get("name"), item.get("datatype"), item.get("shape")
    if not isinstance(name, str) or not name:
        raise LoadFailure(f"{where}: name must be a string")
    if datatype not in DATATYPES:
        raise LoadFailure(
            f"{where}: datatype is {datatype!r}, it must be one of {', '.join(DATATYPES)}"
        )
    kind = item.get("kind", "number")
    if kind not in _KINDS:
        raise LoadFailure(f"{where}: kind is {kind!r}, it must be one of {', '.join(_KINDS)}")
    return TensorSpec(
        name, str(datatype), _shape(where, shape), kind, tuple(item.get("classes", ()))
    )


def _shape(where: str, shape: Any) -> tuple[int, ...]:
    good = isinstance(shape, Sequence) and not isinstance(shape, str) and shape
    if not good or not all(type(size) is int and (size == -1 or size > 0) for size in shape):
        raise LoadFailure(
            f"{where}: shape is {shape!r}, it must be a list of sizes, -1 for any, like [-1, 4]"
        )
    return tuple(shape)
