"""ONNX models: metadata from the graph, batching only where it is sound, answers as computed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, save
from skl2onnx import to_onnx
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression

from lockstep_runtime.errors import InvalidInput, LoadFailure
from lockstep_runtime.inference.warmup import warm_up
from lockstep_runtime.loaders.onnx import OnnxModel, load
from lockstep_runtime.tensors import TensorSpec
from runtime.requests_of import ask, tensor

FLOAT, DOUBLE, INT64, STRING, BOOL = (
    TensorProto.FLOAT,
    TensorProto.DOUBLE,
    TensorProto.INT64,
    TensorProto.STRING,
    TensorProto.BOOL,
)
Value = tuple[str, int, Sequence[Any] | None]


def graph(
    content: Path, nodes: Sequence[tuple[str, str, str]], inputs: list[Value], outputs: list[Value]
) -> OnnxModel:
    """Save and load a graph of nodes like ("Add", "a b", "sum")."""
    made = helper.make_graph(
        [helper.make_node(kind, given.split(), taken.split()) for kind, given, taken in nodes],
        "test",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
    )
    opset = helper.make_opsetid("", 18)
    save(helper.make_model(made, opset_imports=[opset], ir_version=9), content / "model.onnx")
    return load(content, trust_pickle=False)


def classifier(names: Sequence[Any], **options: Any) -> tuple[Any, bytes]:
    features, classes = load_wine(return_X_y=True)
    model = LogisticRegression(max_iter=5000).fit(features[:, :2], np.array(names)[classes])
    converted = to_onnx(model, features[:1, :2].astype(np.float32), options=options or None)
    return model, converted.SerializeToString()


def rows() -> Any:
    return load_wine().data[::40, :2].astype(np.float32)


def test_a_classifier(tmp_path: Path) -> None:
    expected, data = classifier([10, 20, 30], zipmap=False)
    (tmp_path / "model.onnx").write_bytes(data)
    model = load(tmp_path, trust_pickle=False)
    assert model.inputs == (TensorSpec("X", "FP32", (-1, 2)),)
    assert model.outputs == (
        TensorSpec("label", "INT64", (-1,), "label"),
        TensorSpec("probabilities", "FP32", (-1, 3), "probability"),
    )
    assert model.batchable
    assert warm_up(model) is not None
    answer = ask(model, tensor("X", "FP32", rows()))
    assert answer["label"] == expected.predict(rows()).tolist()
    np.testing.assert_allclose(answer["probabilities"], expected.predict_proba(rows()), atol=1e-5)
    [only] = model.predict((rows(),), ["probabilities"])
    assert only.array.tolist() == answer["probabilities"]


@pytest.mark.parametrize("names", [["red", "white", "rose"], [10, 20, 30]])
def test_maps_of_probabilities_become_columns(tmp_path: Path, names: list[Any]) -> None:
    expected, data = classifier(names)
    (tmp_path / "model.onnx").write_bytes(data)
    model = load(tmp_path, trust_pickle=False)
    label, probability = model.outputs
    assert (probability.datatype, probability.shape, probability.kind) == (
        "FP32",
        (-1, 3),
        "probability",
    )
    assert label.classes == tuple(expected.classes_)
    assert model.parameters["classes"] == expected.classes_.tolist()
    answer = ask(model, tensor("X", "FP32", rows()))
    assert answer["output_label"] == expected.predict(rows()).tolist()
    np.testing.assert_allclose(
        answer["output_probability"], expected.predict_proba(rows()), atol=1e-5
    )


def test_several_inputs_of_several_types(tmp_path: Path) -> None:
    model = graph(
        tmp_path,
        [("Add", "a b", "sum"), ("Not", "flag", "other"), ("Identity", "word", "echo")],
        [
            ("a", FLOAT, ["n", 2]),
            ("b", FLOAT, ["n", 2]),
            ("flag", BOOL, ["n"]),
            ("word", STRING, ["n"]),
        ],
        [("sum", FLOAT, ["n", 2]), ("other", BOOL, ["n"]), ("echo", STRING, ["n"])],
    )
    assert [(spec.datatype, spec.shape) for spec in model.inputs] == [
        ("FP32", (-1, 2)),
        ("FP32", (-1, 2)),
        ("BOOL", (-1,)),
        ("BYTES", (-1,)),
    ]
    assert model.batchable
    a, b = tensor("a", "FP64", [[1, 2]]), tensor("b", "INT64", [[3, 4]])
    flag, word = tensor("flag", "BOOL", [True]), tensor("word", "BYTES", ["ö"])
    answer = ask(model, word, b, a, flag)
    assert answer == {"sum": [[4.0, 6.0]], "other": [False], "echo": ["ö"]}
    for tensors, words in [
        ((a, b, flag), "input 'word' is missing: the model takes a, b, flag, word"),
        ((a, b, flag, word, tensor("c", "FP32", [1])), "unknown input 'c'"),
        ((a, tensor("b", "FP32", [[1, 2], [3, 4]]), flag, word), "'b' has 2 rows, 'a' has 1"),
        (
            (a, tensor("b", "FP32", [1, 2]), flag, word),
            r"'b': shape \[2\], the model takes \[-1, 2",
        ),
        ((a, b, tensor("flag", "INT64", [1]), word), "'flag': datatype INT64, .* takes BOOL"),
        ((a, b, flag, tensor("word", "BYTES", [b"\xff"])), "'word': an element is no text"),
        ((tensor("a", "FP64", [[1e300, 0]]), b, flag, word), "'a': a value is out of range for FP"),
    ]:
        with pytest.raises(InvalidInput, match=words):
            model.prepare(tensors)


@pytest.mark.parametrize(
    ("inputs", "output"),
    [
        ([("a", FLOAT, [1, 2]), ("b", FLOAT, [1, 2])], [1, 2]),
        ([("a", FLOAT, ["n", 2]), ("b", FLOAT, ["m", 2])], [None, 2]),
        ([("a", FLOAT, ["n", 2]), ("b", FLOAT, [2])], ["n", 2]),
        ([("a", FLOAT, [2]), ("b", FLOAT, [])], [2]),
    ],
)
def test_what_is_no_batch_is_not_joined(
    tmp_path: Path, inputs: list[Value], output: list[Any]
) -> None:
    model = graph(tmp_path, [("Add", "a b", "sum")], inputs, [("sum", FLOAT, output)])
    assert not model.batchable
    example = model.example(1)
    assert example is not None
    [answer] = model.predict(example, ["sum"])
    assert not answer.array.any()


def test_a_scalar_comes_as_one_element(tmp_path: Path) -> None:
    inputs: list[Value] = [("a", FLOAT, ["n"]), ("b", FLOAT, [])]
    model = graph(tmp_path, [("Add", "a b", "sum")], inputs, [("sum", FLOAT, ["n"])])
    assert ask(model, tensor("a", "FP32", [1, 2]), tensor("b", "FP32", [5])) == {"sum": [6, 7]}


def test_rows_that_are_not_kept_are_not_joined(tmp_path: Path) -> None:
    model = graph(
        tmp_path,
        [("NonZero", "a", "places")],
        [("a", INT64, ["n"])],
        [("places", INT64, ["n", "m"])],
    )
    assert not model.batchable
    assert ask(model, tensor("a", "INT8", [0, 7, 9])) == {"places": [[1, 2]]}


def test_integers_keep_their_values_or_are_refused(tmp_path: Path) -> None:
    model = graph(
        tmp_path,
        [("Identity", "a", "b")],
        [("a", TensorProto.INT32, ["n"])],
        [("b", TensorProto.INT32, ["n"])],
    )
    assert ask(model, tensor("a", "INT64", [2**31 - 1])) == {"b": [2**31 - 1]}
    with pytest.raises(InvalidInput, match="'a': a value is out of range for INT32"):
        model.prepare([tensor("a", "INT64", [2**31])])
    with pytest.raises(InvalidInput, match="'a': datatype FP32, the model takes INT32"):
        model.prepare([tensor("a", "FP32", [1])])


def test_values_and_sizes_that_an_operator_refuses_are_the_clients_mistake(tmp_path: Path) -> None:
    model = graph(
        tmp_path,
        [("Gather", "table index", "found")],
        [("table", FLOAT, [3]), ("index", INT64, ["n"])],
        [("found", FLOAT, ["n"])],
    )
    with pytest.raises(InvalidInput, match="the model refuses the input"):
        ask(model, tensor("table", "FP32", [1, 2, 3]), tensor("index", "INT64", [7]))
    model = graph(
        tmp_path,
        [("MatMul", "a b", "c")],
        [("a", FLOAT, [2, "k"]), ("b", FLOAT, ["l", 2])],
        [("c", FLOAT, [2, 2])],
    )
    with pytest.raises(InvalidInput, match="the model refuses"):
        ask(model, tensor("a", "FP32", [[1] * 3] * 2), tensor("b", "FP32", [[1, 2]] * 4))


def test_threads_are_those_we_may_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (tmp_path / "model.onnx").write_bytes(classifier([1, 2, 3])[1])
    model = load(tmp_path, trust_pickle=False)
    options = model._session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)


def test_types_that_the_protocol_cannot_carry(tmp_path: Path) -> None:
    with pytest.raises(LoadFailure, match=r"'a' has the type tensor\(bfloat16\)"):
        graph(
            tmp_path,
            [("Identity", "a", "b")],
            [("a", TensorProto.BFLOAT16, [1])],
            [("b", TensorProto.BFLOAT16, [1])],
        )


@pytest.mark.parametrize("data", [b"", b"garbage", b"\x08\x09"])
def test_no_model(tmp_path: Path, data: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model.onnx").write_bytes(data)
    with pytest.raises(LoadFailure, match=r"model\.onnx is no model that onnxruntime") as caught:
        load(tmp_path, trust_pickle=False)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
