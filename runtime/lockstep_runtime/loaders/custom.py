"""A user's own class as a `model.Model`.

Of its instance, all but `predict` optional (each method may leave out `parameters`):

- `predict(inputs, parameters) -> dict`: numpy arrays by name in and out;
- `preprocess(inputs, parameters) -> dict`: what predict, explain and predict_stream get instead;
- `explain(inputs, parameters) -> dict`, `predict_stream(inputs, parameters) -> iterator of dicts`;
- `inputs`, `outputs`: lists of tensors as in `loaders.declarations`, or methods that give them;
- `examples`: a request's inputs by name, or a method; used for a trial and for warming up;
- `batchable = True`: rows are independent, and rows of several requests may come at once.

It may raise `lockstep_runtime.errors.InvalidInput` for a request that is wrong; any other exception
is a fault of the server.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lockstep_runtime.errors import LoadFailure, RequestError, first_line
from lockstep_runtime.loaders import declared
from lockstep_runtime.loaders.answers import checked_outputs, observed_specs
from lockstep_runtime.loaders.declarations import declared_specs
from lockstep_runtime.loaders.methods import Method, method_of
from lockstep_runtime.model import Explain, PredictStream
from lockstep_runtime.tensors import Array, Batch, Tensor, TensorSpec, from_array

# Of the protocol's own parameters; the same request by JSON and by binary data is the same.
_TRANSPORT = frozenset({"binary_data_output"})


@dataclass(frozen=True, slots=True)
class _Call:
    """How a request's rows are to be computed: rows with equal calls can be one call."""

    names: tuple[str, ...]
    parameters: Mapping[str, Any]


class CustomModel:
    """Calls the user's instance. The last array of a batch holds each row's `_Call`."""

    platform = "python"

    def __init__(self, instance: Any) -> None:
        """Read what the class declares, and try it.

        Raises:
            LoadFailure: a declaration is wrong, the class fails with its own examples, or nothing
                tells its outputs.
        """
        self._predict = _required(instance)
        self._preprocess = method_of(instance, "preprocess")
        self._explain = method_of(instance, "explain")
        self._stream = method_of(instance, "predict_stream")
        self.explain: Explain | None = self._explained if self._explain else None
        self.predict_stream: PredictStream | None = self._streamed if self._stream else None
        self.parameters: Mapping[str, Any] = {}
        self.inputs = _specs(instance, "inputs")
        self._declared = _specs(instance, "outputs")
        self.batchable = _value(instance, "batchable") is True
        if self.batchable and not self.inputs:
            raise LoadFailure("batchable = True needs inputs: declare them in the class")
        self._examples = self._own_examples(_value(instance, "examples"))
        self.outputs = self._found_outputs()

    def _own_examples(self, value: Any) -> tuple[Tensor, ...] | None:
        if value is None:
            return None
        if not isinstance(value, Mapping) or not value:
            raise LoadFailure("examples must be the inputs of a request, arrays by name")
        known = {spec.name: spec.datatype for spec in self.inputs}
        try:
            tensors = tuple(
                _example_tensor(name, each, known.get(name)) for name, each in value.items()
            )
            self.prepare(tensors)
        except (RequestError, TypeError, ValueError) as error:
            raise LoadFailure(f"examples do not fit: {first_line(error)}") from error
        return tensors

    def _found_outputs(self) -> tuple[TensorSpec, ...]:
        """Return the declared outputs, or those of a trial."""
        try:
            trials = [self._trial(rows) for rows in (1, 2)]
        except (Exception, RequestError) as error:
            reason = f"{type(error).__name__}: {first_line(error)}"
            if self._examples is not None:
                raise LoadFailure(
                    f"predict fails with the class's own examples: {reason}"
                ) from error
            if not self._declared:
                raise LoadFailure(
                    "declare outputs or examples in the class: it declares no outputs, and a trial "
                    f"with made-up inputs failed: {reason}"
                ) from error
            self._made_up = False
            return self._declared
        self._made_up = True
        if self._declared:
            return self._declared
        return observed_specs(*trials)

    def _trial(self, rows: int) -> dict[str, Array]:
        if not self.inputs and self._examples is None:
            raise LoadFailure("there are none, as it declares no inputs")
        batch = self._example(rows)
        return checked_outputs(self._predict(*self._arguments(batch)), self._declared, "predict")

    def prepare(self, tensors: Sequence[Tensor]) -> Batch:
        """Return the inputs, in declared order, and how they are to be computed."""
        return self.prepare_with(tensors, {})

    def prepare_with(self, tensors: Sequence[Tensor], parameters: Mapping[str, Any]) -> Batch:
        """Return the same, with the request's parameters."""
        arrays = (
            declared.arrays(tensors, self.inputs, same_rows=self.batchable)
            if self.inputs
            else tuple(tensor.array for tensor in tensors)
        )
        names = tuple(spec.name for spec in self.inputs) or tuple(each.name for each in tensors)
        own = {name: value for name, value in parameters.items() if name not in _TRANSPORT}
        calls = np.empty(len(arrays[0]), dtype=np.object_)
        calls.fill(_Call(names, own))
        return (*arrays, calls)

    def predict(self, batch: Batch, outputs: Sequence[str]) -> list[Tensor]:
        """Call the instance: once, or once for each run of rows with the same parameters."""
        parts = [self._predicted(part) for part in _parts(batch)]
        whole = (
            parts[0]
            if len(parts) == 1
            else {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        )
        missing = [name for name in outputs if name not in whole]
        if missing:
            raise ValueError(f"predict gave no output {missing[0]!r}")
        return [from_array(name, whole[name]) for name in outputs]

    def _predicted(self, batch: Batch) -> dict[str, Array]:
        return checked_outputs(self._predict(*self._arguments(batch)), self.outputs, "predict")

    def _arguments(self, batch: Batch) -> tuple[Mapping[str, Array], Mapping[str, Any]]:
        call: _Call = batch[-1][0]
        inputs = dict(zip(call.names, batch[:-1], strict=True))
        if self._preprocess is not None:
            inputs = self._preprocess(inputs, call.parameters)
        return inputs, call.parameters

    def _explained(self, batch: Batch) -> list[Tensor]:
        assert self._explain is not None  # noqa: S101 - who calls this was told that there is one
        found = checked_outputs(self._explain(*self._arguments(batch)), (), "explain")
        return [from_array(name, array) for name, array in found.items()]

    def _streamed(self, batch: Batch) -> Iterator[list[Tensor]]:
        assert self._stream is not None  # noqa: S101 - as above
        for each in self._stream(*self._arguments(batch)):
            found = checked_outputs(each, self._declared, "predict_stream")
            yield [from_array(name, array) for name, array in found.items()]

    def example(self, rows: int) -> Batch | None:
        """Return the class's own examples, repeated, or made-up inputs, if a trial took them."""
        return self._example(rows) if self._made_up else None

    def _example(self, rows: int) -> Batch:
        if self._examples is None:
            arrays = declared.example(self.inputs, rows, 0)
            pairs = zip(self.inputs, arrays, strict=True)
            return self.prepare([Tensor(spec.name, spec.datatype, each) for spec, each in pairs])
        if not self.batchable:
            return self.prepare(self._examples)
        return self.prepare(
            [
                Tensor(each.name, each.datatype, _repeated(each.array, rows))
                for each in self._examples
            ]
        )


def _required(instance: Any) -> Method:
    method = method_of(instance, "predict")
    if method is None:
        raise LoadFailure(f"class {type(instance).__name__} has no method predict")
    return method


def _value(instance: Any, name: str) -> Any:
    """Return an attribute; of a method, what it gives."""
    value = getattr(instance, name, None)
    if not callable(value):
        return value
    try:
        return value()
    except Exception as error:
        raise LoadFailure(
            f"{name}() failed: {type(error).__name__}: {first_line(error)}"
        ) from error


def _specs(instance: Any, name: str) -> tuple[TensorSpec, ...]:
    value = _value(instance, name)
    return () if value is None else declared_specs(name, value)


def _example_tensor(name: str, value: Any, datatype: str | None) -> Tensor:
    tensor = from_array(name, np.asarray(value))
    if datatype is None or tensor.datatype == datatype:
        return tensor
    spec = TensorSpec(name, datatype, (-1,) * tensor.array.ndim)
    return Tensor(name, datatype, declared.fitted(tensor, spec))


def _parts(batch: Batch) -> list[Batch]:
    """Split a joined batch where the next row is to be computed otherwise."""
    calls = batch[-1].tolist()
    if all(call is calls[0] or call == calls[0] for call in calls):
        return [batch]
    starts = [0, *(row for row in range(1, len(calls)) if calls[row] != calls[row - 1])]
    ends = [*starts[1:], len(calls)]
    return [
        tuple(array[start:end] for array in batch) for start, end in zip(starts, ends, strict=True)
    ]


def _repeated(array: Array, rows: int) -> Array:
    """Return the first rows of an array, or the array over and over."""
    return np.concatenate([array] * -(-rows // len(array)))[:rows]
