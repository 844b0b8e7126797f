"""An inference request, whichever protocol it came by."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from lockstep_runtime.errors import InvalidInput
from lockstep_runtime.tensors import Tensor

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class InferRequest(NamedTuple):
    """A checked request.

    Attributes:
        outputs: names of the outputs that the client wants; empty: all of them.
        binary: whether outputs are to be sent as raw bytes; `binary_of` has the exceptions.
        parameters: of the request, for models that read them.
    """

    id: str | None
    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...] = ()
    binary: bool = False
    binary_of: Mapping[str, bool] = _NOTHING
    parameters: Mapping[str, Any] = _NOTHING

    def wants_binary(self, output: str) -> bool:
        """Tell whether this output is to be sent as raw bytes."""
        return self.binary_of.get(output, self.binary)


def select_outputs(requested: tuple[str, ...], available: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the outputs to compute: the requested ones, or all.

    Raises:
        InvalidInput: the model has no such output.
    """
    for name in requested:
        if name not in available:
            raise InvalidInput(f"unknown output {name!r}; this model has {', '.join(available)}")
    return requested or available
