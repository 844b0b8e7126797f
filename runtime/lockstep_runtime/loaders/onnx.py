"""Loading ONNX models with onnxruntime, on the CPU. A graph runs no code but its operators.

Inputs and outputs are the graph's own. Requests are joined where the first dimension of all inputs
and outputs is one and the same open dimension, and a trial confirms it.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, RuntimeException

from lockstep_runtime.cpu import thread_count
from lockstep_runtime.errors import InvalidInput, LoadFailure, first_line
from lockstep_runtime.loaders.declared import arrays, example, texts
from lockstep_runtime.loaders.files import model_file
from lockstep_runtime.loaders.kinds import kind_of
from lockstep_runtime.tensors import Array, Batch, Tensor, TensorSpec, from_array

_SUFFIXES = (".onnx", ".ort")
_DATATYPES = {
    "bool": "BOOL",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "float16": "FP16",
    "float": "FP32",
    "double": "FP64",
    "string": "BYTES",
}
_TENSOR = re.compile(r"tensor\((\w+)\)")
# What skl2onnx makes of predict_proba unless it is told not to: a probability by class, per row.
_ZIPMAP = re.compile(r"seq\(map\((?:string|int64),tensor\(float\)\)\)")


def load(content: Path, *, trust_pickle: bool) -> "OnnxModel":
    """Load the one model file in the folder `content`; its external data lies beside it.

    Raises:
        LoadFailure: none or several files, no ONNX model, or one that the protocol cannot carry.
    """
    return load_file(model_file(content, _SUFFIXES, "ONNX"))


def load_file(path: Path) -> "OnnxModel":
    """Load a model file.

    Raises:
        LoadFailure: it is no ONNX model, or one that the protocol cannot carry.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = thread_count()
    options.inter_op_num_threads = 1
    # Its threads would wait for work in a loop, on a CPU that others need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # what fails is told by exceptions
    try:
        session = onnxruntime.InferenceSession(
            path, sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise LoadFailure(
            f"{path.name} is no model that onnxruntime {onnxruntime.__version__} runs: "
            f"{_reason(error)}"
        ) from error
    return OnnxModel(session)


def _reason(error: Exception) -> str:
    """Return what onnxruntime says, without its own numbering."""
    return first_line(Exception(str(error).removeprefix("[ONNXRuntimeError] : ")))


class OnnxModel:
    """A graph and its session."""

    platform = "onnxruntime_onnx"

    def __init__(self, session: Any) -> None:
        """Read inputs and outputs from the graph, and try it.

        Raises:
            LoadFailure: an input or output is no tensor that the protocol can carry.
        """
        self._session = session
        nodes = session.get_inputs()
        self.inputs = tuple(TensorSpec(each.name, _datatype(each), _shape(each)) for each in nodes)
        self._texts = [index for index, each in enumerate(self.inputs) if each.datatype == "BYTES"]
        self._names = [spec.name for spec in self.inputs]
        # Sizes that the client chooses, but for the number of rows.
        self._open = any(-1 in spec.shape[1:] for spec in self.inputs)
        self._keys: dict[str, list[Any]] = {}
        self._fill: int | None = None
        self.batchable = _one_batch([each.shape for each in nodes])
        trial = self._trial()
        outputs = session.get_outputs()
        self.outputs = tuple(self._output(each, trial.get(each.name)) for each in outputs)
        self.batchable = self.batchable and all(spec.shape[:1] == (-1,) for spec in self.outputs)
        self.batchable = self.batchable and self._keeps_rows()
        self.parameters = {"classes": list(classes)} if (classes := self._classes()) else {}

    def _trial(self) -> dict[str, Array]:
        """Return the outputs for made-up inputs, if the model takes any."""
        names = [each.name for each in self._session.get_outputs()]
        for fill in (0, 1):
            try:
                found = self._run(example(self.inputs, 2, fill), names)
            except Exception:  # noqa: S112 - it may well want other values
                continue
            self._fill = fill
            for name, result in zip(names, found, strict=True):
                if isinstance(result, list) and result and isinstance(result[0], dict):
                    self._keys[name] = list(result[0])
            return {name: self._array(name, each) for name, each in zip(names, found, strict=True)}
        return {}

    def _output(self, node: Any, trial: Array | None) -> TensorSpec:
        if _ZIPMAP.fullmatch(node.type):
            if trial is None:
                raise LoadFailure(
                    f"output {node.name!r} is a list of maps, and no trial shows its classes: "
                    'convert the model with options={"zipmap": False}'
                )
            shape: tuple[int, ...] = (-1, trial.shape[1])
            return TensorSpec(node.name, "FP32", shape, "probability")
        datatype, shape = _datatype(node), _shape(node)
        if trial is None:
            kind = "number" if datatype.startswith("FP") else "label"
            return TensorSpec(node.name, datatype, shape, kind)  # type: ignore[arg-type]
        if len(shape) != trial.ndim:  # an output of unknown rank
            shape = (-1,) * trial.ndim
        kind = kind_of(trial)
        return TensorSpec(
            node.name, datatype, shape, kind, self._classes() if kind == "label" else ()
        )

    def _classes(self) -> tuple[Any, ...]:
        """Return the classes that the map of probabilities names, if there is one."""
        return tuple(next(iter(self._keys.values()), ()))

    def _keeps_rows(self) -> bool:
        """Tell whether as many rows come out as go in."""
        if self._fill is None:
            return False
        names = [spec.name for spec in self.outputs]
        return all(
            len(tensor.array) == rows
            for rows in (1, 3)
            for tensor in self.predict(example(self.inputs, rows, self._fill), names)
        )

    def prepare(self, tensors: Sequence[Tensor]) -> Batch:
        """Return the inputs in the graph's order."""
        batch = arrays(tensors, self.inputs, same_rows=self.batchable)
        for index in self._texts:
            texts(self._names[index], batch[index])
        return batch

    def predict(self, batch: Batch, outputs: Sequence[str]) -> list[Tensor]:
        """Run the graph for these outputs."""
        try:
            found = self._run(batch, outputs)
        except InvalidArgument as error:
            raise InvalidInput(f"the model refuses the input: {_reason(error)}") from error
        except (Fail, RuntimeException) as error:
            if not self._open:
                raise
            raise InvalidInput(f"the model refuses these shapes: {_reason(error)}") from error
        return [
            from_array(name, self._array(name, each))
            for name, each in zip(outputs, found, strict=True)
        ]

    def _run(self, batch: Batch, outputs: Sequence[str]) -> list[Any]:
        feed = {
            spec.name: array if spec.shape else array.reshape(())
            for spec, array in zip(self.inputs, batch, strict=True)
        }
        found: list[Any] = self._session.run(outputs, feed)
        return found

    def _array(self, name: str, result: Any) -> Array:
        """Return an output as an array: of maps, a column per class."""
        keys = self._keys.get(name)
        if keys is None:
            return np.atleast_1d(result)
        return np.array([[row[key] for key in keys] for row in result], dtype=np.float32)

    def example(self, rows: int) -> Batch | None:
        """Return made-up inputs that the model takes, if a trial found some."""
        return None if self._fill is None else example(self.inputs, rows, self._fill)


def _datatype(node: Any) -> str:
    found = _TENSOR.fullmatch(node.type)
    if found is None or found[1] not in _DATATYPES:
        raise LoadFailure(
            f"{node.name!r} has the type {node.type}, which the Open Inference Protocol cannot "
            "carry: inputs and outputs must be tensors of numbers, booleans or strings"
        )
    return _DATATYPES[found[1]]


def _shape(node: Any) -> tuple[int, ...]:
    """Return the shape; names of open dimensions, and none at all, become -1."""
    return tuple(size if isinstance(size, int) and size >= 0 else -1 for size in node.shape)


def _one_batch(shapes: Sequence[Sequence[Any]]) -> bool:
    """Tell whether all inputs begin with one and the same open dimension."""
    first = {shape[0] if shape else 0 for shape in shapes}
    return len(first) == 1 and not isinstance(next(iter(first)), int)
