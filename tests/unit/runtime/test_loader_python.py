"""Classes of the user's own: what they may have, and one clear line for each mistake."""

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

from lockstep_runtime.errors import InvalidInput, LoadFailure
from lockstep_runtime.inference.batches import joined, taken_apart
from lockstep_runtime.inference.warmup import warm_up
from lockstep_runtime.loaders.custom import CustomModel
from lockstep_runtime.loaders.python import load
from lockstep_runtime.model import explain_of, predict_stream_of, prepared
from lockstep_runtime.tensors import TensorSpec
from runtime.requests_of import ask, tensor


@pytest.fixture(autouse=True)
def _own_modules() -> Iterator[None]:
    """Forget what a test imported."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.split(".")[0] in ("model", "shop", "words"):
            del sys.modules[name]


def loaded(content: Path, code: str, name: str = "model.py") -> CustomModel:
    path = content / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(code))
    return load(content, trust_pickle=True)


FULL = """
    import json
    from lockstep_runtime.errors import InvalidInput
    from words import GREETING

    class Model:
        inputs = [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}]
        outputs = [
            {"name": "total", "datatype": "FP32", "shape": [-1]},
            {"name": "word", "datatype": "BYTES", "shape": [-1], "kind": "label",
             "classes": ["small", "large"]},
        ]
        batchable = True
        calls = 0

        def load(self, path):
            self.factor = json.loads((path / "settings.json").read_text())["factor"]

        def preprocess(self, inputs):
            if (inputs["x"] < 0).any():
                raise InvalidInput("input 'x': a value is negative")
            return {"x": inputs["x"] * self.factor}

        def predict(self, inputs, parameters):
            self.calls += 1
            total = inputs["x"].sum(axis=1) + parameters.get("plus", 0)
            return {"total": total, "word": ["large" if one > 10 else "small" for one in total]}

        def explain(self, inputs):
            return {"shares": inputs["x"] / inputs["x"].sum(axis=1, keepdims=True)}

        def predict_stream(self, inputs, parameters):
            for row in inputs["x"]:
                yield {"total": row.sum(keepdims=True), "word": [GREETING]}
"""


@pytest.fixture
def full(tmp_path: Path) -> CustomModel:
    (tmp_path / "settings.json").write_text('{"factor": 2}')
    (tmp_path / "words.py").write_text("GREETING = 'hello'")
    return loaded(tmp_path, FULL)


def test_all_that_a_class_may_have(full: CustomModel) -> None:
    assert full.inputs == (TensorSpec("x", "FP32", (-1, 2)),)
    assert [spec.kind for spec in full.outputs] == ["number", "label"]
    assert full.outputs[1].classes == ("small", "large")
    assert warm_up(full) is not None
    rows = tensor("x", "FP64", [[1, 2], [3, 4]])
    assert ask(full, rows) == {"total": [6, 14], "word": ["small", "large"]}
    assert ask(full, rows, plus=5, binary_data_output=True)["total"] == [11, 19]
    [only] = full.predict(full.prepare([rows]), ["word"])
    assert only.array.tolist() == ["small", "large"]
    explain, stream = explain_of(full), predict_stream_of(full)
    assert explain is not None
    assert stream is not None
    [shares] = explain(full.prepare([rows]))
    assert (shares.name, shares.array.tolist()) == (
        "shares",
        [[1 / np.float32(3), 2 / np.float32(3)], [np.float32(3) / 7, np.float32(4) / 7]],
    )
    answers = [[one.array.tolist() for one in part] for part in stream(full.prepare([rows]))]
    assert answers == [[[6.0], ["hello"]], [[14.0], ["hello"]]]


def test_its_own_refusals_are_the_clients_mistakes(full: CustomModel) -> None:
    with pytest.raises(InvalidInput, match="'x': a value is negative"):
        ask(full, tensor("x", "FP32", [[-1, 0]]))
    with pytest.raises(InvalidInput, match=r"'x': shape \[1, 3\], the model takes \[-1, 2\]"):
        ask(full, tensor("x", "FP32", [[1, 2, 3]]))


def test_joined_requests_keep_their_own_parameters(full: CustomModel) -> None:
    parameters = [{}, {}, {"plus": 1}, {"plus": 1.0}, {"plus": 2}]
    row = tensor("x", "FP32", [[1, 2]])
    batches = [prepared(full, [row], each) for each in parameters]
    instance: Any = full._predict
    before = instance.__self__.calls
    found = taken_apart(full.predict(joined(batches), ["total"]), [1] * 5)
    assert [one.array.tolist() for [one] in found] == [[6], [6], [7], [7], [8]]
    assert instance.__self__.calls - before == 3


def test_outputs_are_found_by_a_trial_with_its_own_examples(tmp_path: Path) -> None:
    model = loaded(
        tmp_path,
        """
        class Doubler:
            def load(self, path): pass
            def examples(self): return {"values": [[1.5, 2.5, 3.5]]}
            def predict(self, inputs):
                values = inputs["values"]
                return {"double": values * 2, "sign": (values.sum(axis=1) > 0).astype(int)}
        """,
    )
    assert (model.inputs, model.batchable) == ((), False)
    assert [(spec.name, spec.datatype, spec.kind) for spec in model.outputs] == [
        ("double", "FP64", "number"),
        ("sign", "INT64", "label"),
    ]
    assert explain_of(model) is predict_stream_of(model) is None
    assert warm_up(model) is not None
    assert ask(model, tensor("values", "FP64", [[1, 2, 3]]), any=1) == {
        "double": [[2, 4, 6]],
        "sign": [1],
    }


def test_a_model_that_takes_no_made_up_inputs_is_served_as_declared(tmp_path: Path) -> None:
    model = loaded(
        tmp_path,
        """
        class Logarithm:
            inputs = [{"name": "x", "datatype": "FP64", "shape": [-1]}]
            outputs = [{"name": "y", "datatype": "FP64", "shape": [-1]}]
            def load(self, path): pass
            def predict(self, inputs):
                if (inputs["x"] <= 0).any():
                    raise ArithmeticError("not positive")
                return {"y": inputs["x"]}
        """,
    )
    assert warm_up(model) is None
    assert ask(model, tensor("x", "INT64", [4])) == {"y": [4]}


def test_a_class_of_another_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKSTEP_PYTHON_CLASS", "shop.prices:Prices")
    model = loaded(
        tmp_path,
        """
        import numpy as np
        class Prices:
            inputs = [{"name": "x", "datatype": "FP64", "shape": [-1]}]
            def predict(self, inputs):
                return {"price": inputs["x"] * 3}
        """,
        "shop/prices.py",
    )
    assert ask(model, tensor("x", "FP64", [1])) == {"price": [3]}
    monkeypatch.setenv("LOCKSTEP_PYTHON_CLASS", "shop.prices:Nothing")
    with pytest.raises(LoadFailure, match=r"module shop\.prices has no class 'Nothing'"):
        load(tmp_path, trust_pickle=True)
    monkeypatch.setenv("LOCKSTEP_PYTHON_CLASS", "Prices")
    with pytest.raises(LoadFailure, match=r"is 'Prices', it must be like package\.module:Class"):
        load(tmp_path, trust_pickle=True)
    monkeypatch.setenv("LOCKSTEP_PYTHON_CLASS", "nowhere:Prices")
    with pytest.raises(LoadFailure, match="no Python module 'nowhere'"):
        load(tmp_path, trust_pickle=True)


def test_it_needs_a_word_and_runs_nothing_without(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("raise SystemExit")
    with pytest.raises(
        LoadFailure, match=r"model\.py; if you trust it, set spec.model.trust: code"
    ):
        load(tmp_path, trust_pickle=False)


GOOD = """
    class Model:
        def load(self, path): pass
        def predict(self, inputs): return {"y": inputs["x"]}
        inputs = [{"name": "x", "datatype": "FP64", "shape": [-1]}]
"""


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import no_such_package", "model needs the Python package 'no_such_package'"),
        ("1 / 0", "model cannot be imported: ZeroDivisionError: division by zero (model.py:1)"),
        ("def predict(: pass", "model cannot be imported: SyntaxError"),
        ("class Thing: pass", "no class with the methods load and predict; its classes: Thing"),
        (GOOD + "\n    class Other(Model): pass", "several classes that could be the model: Model"),
        (
            GOOD.replace("path): pass", "path):\n            open(path / 'no')"),
            "Model.load failed: FileNotFoundError",
        ),
        (
            GOOD.replace("def predict(self, inputs)", "async def predict(self, inputs)"),
            "not be async",
        ),
        (
            GOOD.replace("predict(self, inputs)", "predict(self)"),
            "predict must take inputs and par",
        ),
        (GOOD.replace("FP64", "float"), "inputs[0]: datatype is 'float', it must be one of BOOL"),
        (GOOD.replace("[-1]", "-1"), "inputs[0]: shape is -1, it must be a list of sizes"),
        (GOOD.replace('"shape"', '"dims"'), "inputs[0]: unknown field 'dims'"),
        (GOOD.replace("inputs = [", "inputs = 'x' or ["), "inputs must be a list of at least one"),
        (GOOD.replace("inputs = [", "other = ["), "declare outputs or examples in the class"),
        (
            GOOD.replace("inputs = [", "batchable = True\n        o = ["),
            "batchable = True needs in",
        ),
        (GOOD + "        examples = [1]", "examples must be the inputs of a request"),
        (GOOD + "        examples = {'z': [1.0]}", "examples do not fit: unknown input 'z'"),
        (
            GOOD.replace('{"y": inputs["x"]}', "[1]") + "        examples = {'x': [1.0]}",
            "own examples: TypeError: predict must give arrays by name, it gave list",
        ),
        (
            GOOD + "        outputs = [{'name': 'y', 'datatype': 'FP64', 'shape': [-1, 2]}]\n"
            "        examples = {'x': [1.0]}",
            "gave output 'y' with shape [1], declared is [-1, 2]",
        ),
    ],
)
def test_one_line_for_each_mistake(tmp_path: Path, code: str, words: str) -> None:
    with pytest.raises(LoadFailure) as caught:
        loaded(tmp_path, code)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(LoadFailure, match=r"the model has no model\.py"):
        load(tmp_path, trust_pickle=True)


def test_what_an_answer_must_be(tmp_path: Path) -> None:
    model = loaded(tmp_path, GOOD)
    model._predict = lambda inputs, _: {"z": np.zeros(1)}
    with pytest.raises(ValueError, match="no output 'y'"):
        ask(model, tensor("x", "FP64", [1]))
