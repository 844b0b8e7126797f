"""MLflow model folders: our own loaders inside, the signature before them, python_function last."""

import sys
from pathlib import Path
from typing import Any

import lightgbm
import mlflow
import numpy as np
import pandas as pd
import pytest
import xgboost
import yaml
from mlflow.models import infer_signature
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
from skl2onnx import to_onnx
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression

from lockstep_runtime.errors import InvalidInput, LoadFailure
from lockstep_runtime.inference.warmup import warm_up
from lockstep_runtime.loaders.mlflow import load
from lockstep_runtime.model import Model
from lockstep_runtime.tensors import Tensor, TensorSpec
from runtime.requests_of import ask, tensor

pytestmark = pytest.mark.filterwarnings("ignore")
COLUMNS = ["alcohol", "malic_acid", "ash"]


@pytest.fixture(scope="module")
def wine() -> tuple[pd.DataFrame, Any]:
    table, classes = load_wine(return_X_y=True, as_frame=True)
    return table[COLUMNS], classes


@pytest.fixture(scope="module")
def signature(wine: tuple[pd.DataFrame, Any]) -> Any:
    return infer_signature(wine[0], wine[1].to_numpy())


@pytest.fixture(scope="module")
def linear(
    wine: tuple[pd.DataFrame, Any], signature: Any, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A scikit-learn model in a skops file."""
    path = tmp_path_factory.mktemp("mlflow") / "model"
    mlflow.sklearn.save_model(
        LogisticRegression(max_iter=5000).fit(*wine),
        path,
        signature=signature,
        serialization_format="skops",
        pip_requirements=[],
    )
    return path


def columns(rows: pd.DataFrame, datatype: str = "FP64") -> list[Tensor]:
    return [tensor(name, datatype, rows[name].tolist()) for name in rows]


def reason(path: Path, *, trust_pickle: bool = False) -> str:
    with pytest.raises(LoadFailure) as caught:
        load(path, trust_pickle=trust_pickle)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def refusal(model: Model, *tensors: Tensor) -> str:
    with pytest.raises(InvalidInput) as caught:
        model.prepare(tensors)
    return str(caught.value)


def test_the_signature_is_the_inputs_and_our_loader_the_rest(
    linear: Path, wine: tuple[pd.DataFrame, Any]
) -> None:
    model = load(linear, trust_pickle=False)
    assert model.platform == "mlflow_scikit-learn"
    assert model.inputs == tuple(TensorSpec(name, "FP64", (-1,)) for name in COLUMNS)
    assert [spec.name for spec in model.outputs] == ["predict", "predict_proba"]
    assert model.batchable
    assert warm_up(model) is not None
    rows = wine[0].iloc[::40]
    answer = ask(model, *reversed(columns(rows)))
    assert answer["predict"] == LogisticRegression(max_iter=5000).fit(*wine).predict(rows).tolist()
    assert ask(model, tensor("table", "FP64", rows.to_numpy())) == answer
    shaped = [Tensor(each.name, each.datatype, each.array[:, None]) for each in columns(rows)]
    assert ask(model, *shaped) == answer


def test_what_the_signature_refuses(linear: Path, wine: tuple[pd.DataFrame, Any]) -> None:
    model = load(linear, trust_pickle=False)
    alcohol, malic, ash = columns(wine[0].iloc[:2])
    for tensors, words in [
        ((alcohol, malic), "input 'ash' is missing: the model's signature requires it"),
        (
            (alcohol, malic, ash, tensor("sugar", "FP64", [1, 2])),
            "unknown input 'sugar': it is not",
        ),
        (
            (alcohol, malic, tensor("ash", "BYTES", ["1", "2"])),
            "input 'ash': datatype BYTES, the model takes FP64",
        ),
        (
            (alcohol, malic, tensor("ash", "FP64", [[1, 2], [3, 4]])),
            "input 'ash': shape [2, 2], the model takes [-1]",
        ),
        ((alcohol, malic, tensor("ash", "FP64", [1])), "different numbers of rows"),
        ((tensor("table", "FP64", [[1, 2]]),), "2 columns, the model's signature has 3"),
        ((alcohol, malic, tensor("ash", "FP64", [1, np.nan])), "'ash': the model takes no missing"),
    ]:
        assert words in refusal(model, *tensors)


def test_boosted_models_know_columns_by_place_or_name(
    tmp_path: Path, wine: tuple[pd.DataFrame, Any], signature: Any
) -> None:
    named = xgboost.XGBClassifier(n_estimators=3).fit(wine[0][COLUMNS[::-1]], wine[1])
    mlflow.xgboost.save_model(named, tmp_path / "x", signature=signature, pip_requirements=[])
    plain = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(wine[0].to_numpy(), wine[1])
    mlflow.lightgbm.save_model(
        plain.booster_, tmp_path / "l", signature=signature, pip_requirements=[]
    )
    rows = wine[0].iloc[::40]
    answer = ask(load(tmp_path / "x", trust_pickle=False), *columns(rows))
    expected = named.predict_proba(rows[COLUMNS[::-1]])
    np.testing.assert_array_equal(answer["predict_proba"], expected)
    answer = ask(load(tmp_path / "l", trust_pickle=False), *columns(rows))
    np.testing.assert_array_equal(answer["predict_proba"], plain.predict_proba(rows.to_numpy()))


def test_an_onnx_model_with_a_tensor(tmp_path: Path, wine: tuple[pd.DataFrame, Any]) -> None:
    array = wine[0].to_numpy(dtype=np.float32)
    classifier = LogisticRegression(max_iter=5000).fit(array, wine[1])
    mlflow.onnx.save_model(
        to_onnx(classifier, array[:1], options={"zipmap": False}),
        tmp_path / "model",
        signature=infer_signature(array),
        pip_requirements=[],
    )
    model = load(tmp_path / "model", trust_pickle=False)
    assert model.inputs == (TensorSpec("input", "FP32", (-1, 3)),)
    assert ask(model, tensor("input", "FP32", array[:3]))["label"] == (
        classifier.predict(array[:3]).tolist()
    )
    assert "shape [3], the model takes [-1, 3]" in refusal(model, tensor("input", "FP32", array[0]))


def test_pickles_need_a_word(
    tmp_path: Path, wine: tuple[pd.DataFrame, Any], signature: Any
) -> None:
    mlflow.sklearn.save_model(
        LogisticRegression(max_iter=5000).fit(*wine),
        tmp_path / "model",
        signature=signature,
        serialization_format="cloudpickle",
        pip_requirements=[],
    )
    assert "model.pkl is a pickle" in reason(tmp_path / "model")
    assert load(tmp_path / "model", trust_pickle=True).platform == "mlflow_scikit-learn"


class Shop(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Columns of several types, one of them optional, and a parameter."""

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Say what came."""
        price = model_input["price"] * (params or {}).get("factor", 1.0)
        note = model_input["note"] if "note" in model_input else ["none"] * len(price)
        days = pd.to_datetime(model_input["day"]).dt.day
        return pd.DataFrame({"price": price, "note": note, "day": days.astype("int64")})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop") / "model"
    schema = Schema(
        [
            ColSpec("double", "price"),
            ColSpec("datetime", "day"),
            ColSpec("string", "note", required=False),
        ]
    )
    parameters = ParamSchema([ParamSpec("factor", "double", 1.0)])
    signature = mlflow.models.ModelSignature(schema, None, parameters)
    mlflow.pyfunc.save_model(path, python_model=Shop(), signature=signature, pip_requirements=[])
    return path


def test_a_python_function(shop: Path) -> None:
    assert "python_function, which may run any code" in reason(shop)
    model = load(shop, trust_pickle=True)
    assert [(spec.name, spec.datatype) for spec in model.inputs] == [
        ("price", "FP64"),
        ("day", "BYTES"),
        ("note", "BYTES"),
    ]
    assert {spec.name: spec.datatype for spec in model.outputs} == {
        "price": "FP64",
        "note": "BYTES",
        "day": "INT64",
    }
    assert not model.batchable
    assert warm_up(model) is not None
    price, day = tensor("price", "FP64", [2.0]), tensor("day", "BYTES", ["2024-05-06T07:08:09"])
    assert ask(model, price, day) == {"price": [2.0], "note": ["none"], "day": [6]}
    note = tensor("note", "BYTES", ["hi"])
    answer = ask(model, price, note, day, factor=3.0, binary_data_output=True)
    assert answer == {"price": [6.0], "note": ["hi"], "day": [6]}
    with pytest.raises(InvalidInput, match="'day': no date and time like"):
        ask(model, price, tensor("day", "BYTES", ["tomorrow"]))
    with pytest.raises(InvalidInput, match="factor"):
        ask(model, price, day, factor="three")


def test_mlflow_is_not_imported_for_what_our_loaders_read(
    linear: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    assert load(linear, trust_pickle=False).batchable


def changed(source: Path, target: Path, **changes: Any) -> Path:
    """Copy a model folder, with other fields in MLmodel."""
    target.mkdir()
    for path in source.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    document = yaml.safe_load((source / "MLmodel").read_text()) | changes
    (target / "MLmodel").write_text(yaml.safe_dump(document))
    return target


def test_one_line_for_each_mistake(linear: Path, shop: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "there is no file MLmodel" in reason(tmp_path / "empty")
    (tmp_path / "empty" / "MLmodel").write_text("flavors: [")
    assert "MLmodel is no YAML" in reason(tmp_path / "empty")
    (tmp_path / "empty" / "MLmodel").write_text("a: 1")
    assert "MLmodel has no flavors" in reason(tmp_path / "empty")
    flavors = {"sklearn": {"pickled_model": "../../secret.skops"}}
    path = changed(linear, tmp_path / "outside", flavors=flavors)
    assert "'../../secret.skops', which is not in the model's folder" in reason(path)
    path = changed(shop, tmp_path / "unsigned", signature=None)
    assert "has no signature" in reason(path, trust_pickle=True)
    other = {"inputs": '[{"name": "a", "type": "double"}, {"name": "b", "type": "double"}]'}
    path = changed(linear, tmp_path / "other", signature=other)
    assert "the signature's columns (a, b) are not the model's" in reason(path)
    nested = {"inputs": '[{"name": "a", "type": "array", "items": {"type": "double"}}]'}
    path = changed(linear, tmp_path / "nested", signature=nested)
    assert "input 'a' of the signature has the type array" in reason(path)
    path = changed(linear, tmp_path / "malformed", signature={"inputs": "[{]"})
    assert "the signature in MLmodel is malformed" in reason(path)


def test_a_model_without_a_signature_is_what_our_loader_makes_of_it(
    linear: Path, tmp_path: Path
) -> None:
    model = load(changed(linear, tmp_path / "unsigned", signature=None), trust_pickle=False)
    assert model.inputs == (TensorSpec("input", "FP64", (-1, 3)),)
