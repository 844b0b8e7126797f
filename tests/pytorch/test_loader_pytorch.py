"""PyTorch models: what they take, when they are joined, and who must trust them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lockstep_runtime.errors import InvalidInput, LoadFailure
from lockstep_runtime.inference.warmup import warm_up
from lockstep_runtime.loaders.pytorch import load
from lockstep_runtime.loaders.torch_model import TorchModel
from lockstep_runtime.tensors import Tensor, TensorSpec
from runtime.requests_of import ask, tensor

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # TorchScript is deprecated
torch.manual_seed(0)
N = torch.export.Dim("n")
ROWS = [[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 1.0]]
DECLARED = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]}


def classifier() -> Any:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3), nn.Softmax(-1)).eval()


class Two(nn.Module):
    """Two inputs, two outputs."""

    def forward(self, a: Any, b: Any) -> Any:
        return {"sum": a + b, "larger": a[:, 0] > b[:, 0]}


class Words(nn.Module):
    """Indices into a table of four."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(4, 2)

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        return self.table(index).sum(1)


def exported(
    path: Path, module: Any, inputs: tuple[Any, ...], shapes: Any, **more: Any
) -> TorchModel:
    program = torch.export.export(module, inputs, more or None, dynamic_shapes=shapes)
    torch.export.save(program, path / "model.pt2")
    return load(path, trust_pickle=True)


def declared(path: Path, document: Any) -> None:
    (path / "tensors.json").write_text(json.dumps(document))


def expected(module: Any) -> Any:
    with torch.inference_mode():
        return module(torch.tensor(ROWS)).numpy()


def test_an_exported_program_tells_its_inputs(tmp_path: Path) -> None:
    module = classifier()
    model = exported(tmp_path, module, (torch.zeros(2, 4),), ({0: N},))
    assert model.inputs == (TensorSpec("input", "FP32", (-1, 4)),)
    assert model.outputs == (TensorSpec("output", "FP32", (-1, 3), "probability"),)
    assert model.batchable
    assert warm_up(model) is not None
    answer = ask(model, tensor("input", "FP64", ROWS))
    np.testing.assert_allclose(answer["output"], expected(module), rtol=1e-6)
    with pytest.raises(InvalidInput, match=r"'input': shape \[1, 3\], the model takes \[-1, 4\]"):
        ask(model, tensor("input", "FP32", [[1, 2, 3]]))


def test_a_fixed_batch_is_not_joined(tmp_path: Path) -> None:
    model = exported(tmp_path, classifier(), (torch.zeros(2, 4),), None)
    assert (model.inputs[0].shape, model.batchable) == ((2, 4), False)
    assert len(ask(model, tensor("input", "FP32", ROWS))["output"]) == 2


def test_several_inputs_and_outputs_by_name(tmp_path: Path) -> None:
    shapes = {"a": {0: N}, "b": {0: N}}
    model = exported(tmp_path, Two(), (torch.zeros(2, 1),), shapes, b=torch.zeros(2, 1))
    assert [spec.name for spec in model.inputs] == ["a", "b"]
    assert [(spec.name, spec.kind) for spec in model.outputs] == [
        ("sum", "number"),
        ("larger", "label"),
    ]
    answer = ask(model, tensor("b", "FP32", [[1]]), tensor("a", "FP32", [[2]]))
    assert answer == {"sum": [[3]], "larger": [True]}


def test_torchscript_with_declared_inputs(tmp_path: Path) -> None:
    module = classifier()
    torch.jit.save(torch.jit.trace(module, torch.zeros(2, 4)), tmp_path / "model.pt")
    with pytest.raises(LoadFailure, match=r"put a file tensors\.json beside it"):
        load(tmp_path, trust_pickle=True)
    declared(tmp_path, DECLARED)
    model = load(tmp_path, trust_pickle=True)
    assert model.batchable
    answer = ask(model, tensor("x", "FP32", ROWS))
    np.testing.assert_allclose(answer["output"], expected(module), rtol=1e-6)
    declared(tmp_path, DECLARED | {"batchable": False})
    assert not load(tmp_path, trust_pickle=True).batchable


def test_a_pickled_module(tmp_path: Path) -> None:
    module = classifier().train()
    torch.save(module, tmp_path / "model.pth")
    declared(
        tmp_path,
        DECLARED
        | {
            "outputs": [
                {"name": "output", "datatype": "FP32", "shape": [-1, 3], "kind": "probability"}
            ]
        },
    )
    model = load(tmp_path, trust_pickle=True)
    answer = ask(model, tensor("x", "FP32", ROWS))
    np.testing.assert_allclose(answer["output"], expected(module.eval()), rtol=1e-6)


def test_weights_alone_are_no_model(tmp_path: Path) -> None:
    torch.save(classifier().state_dict(), tmp_path / "model.pt")
    with pytest.raises(LoadFailure, match="state dict, weights alone: save the whole model"):
        load(tmp_path, trust_pickle=True)


class Payload:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("pickle-ran"),)  # type: ignore[return-value]


@pytest.mark.parametrize("name", ["model.pt", "model.pt2"])
def test_nothing_runs_without_a_word(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(Payload(), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        LoadFailure, match=rf"{name} is a PyTorch program.*spec\.model\.trust: code"
    ):
        load(tmp_path, trust_pickle=False)
    assert not (tmp_path / "pickle-ran").exists()


def test_an_index_out_of_range_is_the_clients_mistake(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(Words()), tmp_path / "model.pt")
    declared(tmp_path, {"inputs": [{"name": "i", "datatype": "INT64", "shape": [-1, -1]}]})
    model = load(tmp_path, trust_pickle=True)
    assert len(ask(model, tensor("i", "INT32", [[0, 3]]))["output"]) == 1
    with pytest.raises(InvalidInput, match="the model refuses"):
        ask(model, tensor("i", "INT64", [[4]]))


def test_read_only_arrays_are_not_written_to(tmp_path: Path) -> None:
    model = exported(tmp_path, classifier(), (torch.zeros(2, 4),), ({0: N},))
    view = np.frombuffer(np.array(ROWS, dtype=np.float32).tobytes(), np.float32).reshape(2, 4)
    assert len(ask(model, Tensor("input", "FP32", view))["output"]) == 2


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("model.pt2", b"garbage", "cannot load model.pt2 with PyTorch"),
        ("model.pt", b"garbage", "cannot load model.pt with PyTorch"),
        ("model.bin", b"x", "expected .pt2, .pt, .pth; there is model.bin"),
    ],
)
def test_no_model(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(LoadFailure) as caught:
        load(tmp_path, trust_pickle=True)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_texts_and_wrong_declarations(tmp_path: Path) -> None:
    torch.save(classifier(), tmp_path / "model.pt")
    for document, words in [
        ([], "must be an object"),
        ({}, "tensors.json: inputs must be a list"),
        ({"inputs": [{"name": "x", "datatype": "BYTES", "shape": [-1]}]}, "PyTorch has no strings"),
        ({"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 9]}]}, "failed its trial"),
    ]:
        declared(tmp_path, document)
        with pytest.raises(LoadFailure, match=words):
            load(tmp_path, trust_pickle=True)
