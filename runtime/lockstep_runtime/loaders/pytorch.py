"""Loading PyTorch models: exported programs, TorchScript, and pickled modules, on the CPU.

All of them are programs, and PyTorch is no sandbox for them: `torch.export.load` unpickles what it
cannot load as weights, looks operators up by any name, and evaluates expressions; TorchScript may
write files. So they need the user's word.

An exported program tells its inputs. TorchScript and modules do not: a file `tensors.json` beside
them declares `inputs`, and may declare `outputs`, as in `loaders.declarations`.
"""

import json
import pickle
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from lockstep_runtime.cpu import thread_count
from lockstep_runtime.errors import LoadFailure, first_line
from lockstep_runtime.loaders.declarations import declared_specs
from lockstep_runtime.loaders.files import model_file
from lockstep_runtime.loaders.torch_model import TorchModel, datatype_of
from lockstep_runtime.tensors import TensorSpec

_SUFFIXES = (".pt2", ".pt", ".pth")
_DECLARATIONS = "tensors.json"


def load(content: Path, *, trust_pickle: bool) -> TorchModel:
    """Load the one model file in the folder `content`.

    Raises:
        LoadFailure: none or several files, not trusted, or nothing that can be called.
    """
    path = model_file(content, _SUFFIXES, "PyTorch")
    if not trust_pickle:
        raise LoadFailure(
            f"{path.name} is a PyTorch program, and PyTorch can run any code from such a file; if "
            "you trust it, set spec.model.trust: code (--trust code), else convert it to ONNX"
        )
    torch.set_num_threads(thread_count())
    try:
        if path.suffix == ".pt2":
            return _exported(torch.export.load(path))
        return _module(_loaded(path), path.with_name(_DECLARATIONS))
    except (LoadFailure, MemoryError):
        raise
    except Exception as error:
        raise LoadFailure(
            f"cannot load {path.name} with PyTorch {torch.__version__}: "
            f"{type(error).__name__}: {first_line(error)}"
        ) from error


def _exported(program: Any) -> TorchModel:
    signature = program.graph_signature
    values = {node.name: node.meta.get("val") for node in program.graph.nodes}
    arguments, named = program.example_inputs or ((), {})
    inputs, first = [], set()
    for name in signature.user_inputs:
        value = values.get(name)
        if not isinstance(value, torch.Tensor):
            raise LoadFailure(f"input {name!r} of the exported program is no tensor: {value!r}")
        inputs.append(TensorSpec(name, datatype_of(name, value.dtype), _shape(value)))
        first.add(str(value.shape[0]) if value.ndim else "")
    if len(arguments) + len(named) != len(inputs):
        raise LoadFailure("the exported program takes nested inputs: it must take plain tensors")
    one_batch = len(first) == 1 and all(spec.shape[:1] == (-1,) for spec in inputs)
    return TorchModel(program.module(), inputs, keywords=tuple(named), outputs=(), batch=one_batch)


def _shape(value: Any) -> tuple[int, ...]:
    """Return sizes; symbolic ones are open."""
    return tuple(size if isinstance(size, int) else -1 for size in value.shape)


def _loaded(path: Path) -> Any:
    """Load TorchScript, or what was pickled."""
    if _is_script(path):
        return torch.jit.load(path, map_location="cpu")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:  # more than weights
        found = torch.load(path, map_location="cpu", weights_only=False)
    if not isinstance(found, torch.nn.Module):
        what = "a state dict, weights alone" if isinstance(found, dict) else type(found).__name__
        raise LoadFailure(
            f"{path.name} holds {what}: save the whole model, with torch.export.save(torch.export."
            'export(model, inputs), "model.pt2")'
        )
    return found


def _is_script(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())


def _module(module: Any, declarations: Path) -> TorchModel:
    if not declarations.is_file():
        raise LoadFailure(
            f"the model does not tell its inputs: put a file {_DECLARATIONS} beside it, like "
            '{"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]}, or export it with '
            "torch.export, which keeps them"
        )
    try:
        document = json.loads(declarations.read_text(encoding="utf-8"))
    except ValueError as error:
        raise LoadFailure(f"{_DECLARATIONS} is no JSON: {first_line(error)}") from error
    if not isinstance(document, dict):
        raise LoadFailure(f"{_DECLARATIONS} must be an object with the field inputs")
    inputs = declared_specs(f"{_DECLARATIONS}: inputs", document.get("inputs"))
    outputs: Sequence[TensorSpec] = ()
    if document.get("outputs") is not None:
        outputs = declared_specs(f"{_DECLARATIONS}: outputs", document["outputs"])
    module.eval()
    batch = document.get("batchable", True) is True and all(
        spec.shape[:1] == (-1,) for spec in inputs
    )
    return TorchModel(module, inputs, keywords=(), outputs=outputs, batch=batch)
