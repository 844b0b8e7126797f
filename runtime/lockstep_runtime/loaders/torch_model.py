"""A PyTorch module as a `model.Model`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from lockstep_runtime.errors import InvalidInput, LoadFailure, first_line
from lockstep_runtime.loaders.answers import checked_outputs, observed_specs
from lockstep_runtime.loaders.declared import arrays, example
from lockstep_runtime.tensors import Array, Batch, Tensor, TensorSpec, from_array

_DATATYPES = {
    torch.bool: "BOOL",
    torch.uint8: "UINT8",
    torch.uint16: "UINT16",
    torch.uint32: "UINT32",
    torch.uint64: "UINT64",
    torch.int8: "INT8",
    torch.int16: "INT16",
    torch.int32: "INT32",
    torch.int64: "INT64",
    torch.float16: "FP16",
    torch.float32: "FP32",
    torch.float64: "FP64",
}


def datatype_of(name: str, dtype: Any) -> str:
    """Return the protocol's datatype.

    Raises:
        LoadFailure: it has none.
    """
    if dtype not in _DATATYPES:
        raise LoadFailure(f"input {name!r} is {dtype}, which the protocol cannot carry")
    return _DATATYPES[dtype]


class TorchModel:
    """Calls a module with tensors by position, the last ones by keyword.

    Its outputs are `output`, or `output_0`, `output_1`, … of a tuple, or the keys of a dictionary.
    """

    platform = "pytorch"

    def __init__(
        self,
        module: Any,
        inputs: Sequence[TensorSpec],
        *,
        keywords: Sequence[str],
        outputs: Sequence[TensorSpec],
        batch: bool,
    ) -> None:
        """Try the module. `batch`: the first dimension of all inputs may be the batch.

        Raises:
            LoadFailure: an input is text, or nothing tells the outputs.
        """
        if texts := [spec.name for spec in inputs if spec.datatype == "BYTES"]:
            raise LoadFailure(f"input {texts[0]!r} is BYTES: PyTorch has no strings")
        self._module = module
        self._keywords = tuple(keywords)
        self.inputs = tuple(inputs)
        self.parameters: Mapping[str, Any] = {}
        # Sizes that the client chooses, but for the number of rows.
        self._open = any(-1 in spec.shape[1:] for spec in inputs)
        self._declared = tuple(outputs)
        self.batchable = batch
        self._made_up = True
        self.outputs = self._found_outputs()
        self.batchable = batch and self._keeps_rows()

    def _found_outputs(self) -> tuple[TensorSpec, ...]:
        try:
            trials = [self._run(example(self.inputs, rows, 0)) for rows in (2, 3)]
            return self._declared or observed_specs(*trials)
        except Exception as error:
            if self._declared:
                self._made_up = False
                return self._declared
            raise LoadFailure(
                "the model failed its trial prediction with zeros, and its outputs are not "
                f"declared: {type(error).__name__}: {first_line(error)}"
            ) from error

    def _keeps_rows(self) -> bool:
        """Tell whether as many rows come out as go in."""
        try:
            return self._made_up and all(
                len(array) == rows
                for rows in (1, 3)
                for array in self._run(example(self.inputs, rows, 0)).values()
            )
        except Exception:  # a single row is another shape to some exported programs
            return False

    def prepare(self, tensors: Sequence[Tensor]) -> Batch:
        """Return the inputs in their order."""
        return arrays(tensors, self.inputs, same_rows=self.batchable)

    def predict(self, batch: Batch, outputs: Sequence[str]) -> list[Tensor]:
        """Call the module, for whichever outputs."""
        try:
            found = self._run(batch)
        except (AssertionError, IndexError) as error:  # a guard on shapes; an index in the data
            raise InvalidInput(f"the model refuses the input: {first_line(error)}") from error
        except RuntimeError as error:
            if not self._open:
                raise
            raise InvalidInput(f"the model refuses these shapes: {first_line(error)}") from error
        missing = [name for name in outputs if name not in found]
        if missing:
            raise ValueError(f"the model gave no output {missing[0]!r}")
        return [from_array(name, found[name]) for name in outputs]

    def _run(self, batch: Batch) -> dict[str, Array]:
        given = [
            _tensor(array if spec.shape else array.reshape(()))
            for spec, array in zip(self.inputs, batch, strict=True)
        ]
        count = len(given) - len(self._keywords)
        with torch.inference_mode():
            answer = self._module(
                *given[:count], **dict(zip(self._keywords, given[count:], strict=True))
            )
        return checked_outputs(_by_name(answer), self._declared, "the model")

    def example(self, rows: int) -> Batch | None:
        """Return zeros, if a trial took them."""
        return example(self.inputs, rows, 0) if self._made_up else None


def _tensor(array: Array) -> Any:
    # Binary data is a read-only view of a request's body, which PyTorch does not know.
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))


def _by_name(answer: Any) -> dict[str, Array]:
    if isinstance(answer, torch.Tensor):
        return {"output": _array(answer)}
    if isinstance(answer, Mapping):
        return {str(name): _array(each) for name, each in answer.items()}
    if isinstance(answer, tuple | list):
        return {f"output_{place}": _array(each) for place, each in enumerate(answer)}
    raise TypeError(f"the model gave {type(answer).__name__}, not tensors")


def _array(tensor: Any) -> Array:
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"the model gave {type(tensor).__name__} in place of a tensor")
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    array: Array = tensor.detach().cpu().numpy()
    return array
