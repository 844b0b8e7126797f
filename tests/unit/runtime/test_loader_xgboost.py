"""XGBoost models: what they take, and that answers are XGBoost's own."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from lockstep_runtime.errors import InvalidInput, LoadFailure
from lockstep_runtime.inference.warmup import warm_up
from lockstep_runtime.loaders.boosted import BoostedModel
from lockstep_runtime.loaders.xgboost import load
from lockstep_runtime.tensors import TensorSpec
from runtime.requests_of import ask, tensor


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return tmp_path


def loaded(content: Path, model: Any, name: str = "model.ubj") -> BoostedModel:
    model.save_model(content / name)
    return load(content, trust_pickle=False)


def trained(form: type[Any], data: Any, **options: Any) -> Any:
    return form(n_estimators=4, max_depth=3, n_jobs=1, **options).fit(*data(return_X_y=True))


@pytest.mark.parametrize("name", ["model.ubj", "model.json", "model.xgb"])
def test_a_classifier_of_three_classes(content: Path, name: str) -> None:
    classifier = trained(xgboost.XGBClassifier, load_wine)
    model = loaded(content, classifier, name)
    assert model.inputs == (TensorSpec("input", "FP32", (-1, 13)),)
    assert model.outputs == (
        TensorSpec("predict", "INT64", (-1,), "label"),
        TensorSpec("predict_proba", "FP32", (-1, 3), "probability"),
    )
    assert model.outputs[0].classes == (0, 1, 2)
    assert model.parameters["classes"] == [0, 1, 2]
    rows = load_wine().data[::20]
    answer = ask(model, tensor("any", "FP64", rows))
    assert answer["predict"] == classifier.predict(rows).tolist()
    np.testing.assert_array_equal(answer["predict_proba"], classifier.predict_proba(rows))
    assert warm_up(model) is not None


def test_a_classifier_of_two_classes(content: Path) -> None:
    classifier = trained(xgboost.XGBClassifier, load_breast_cancer)
    model = loaded(content, classifier)
    rows = load_breast_cancer().data[:5]
    answer = ask(model, tensor("input", "FP32", rows))
    assert answer["predict"] == classifier.predict(rows).tolist()
    np.testing.assert_array_equal(answer["predict_proba"], classifier.predict_proba(rows))


def test_a_regression(content: Path) -> None:
    regression = trained(xgboost.XGBRegressor, load_diabetes)
    model = loaded(content, regression)
    assert model.outputs == (TensorSpec("predict", "FP32", (-1,)),)
    rows = load_diabetes().data[:3]
    answer = ask(model, tensor("input", "FP64", rows))
    np.testing.assert_array_equal(answer["predict"], regression.predict(rows))


def test_several_labels(content: Path) -> None:
    features, classes = load_wine(return_X_y=True)
    labels = np.column_stack([classes == 0, classes < 2]).astype(int)
    classifier = xgboost.XGBClassifier(n_estimators=3).fit(features, labels)
    model = loaded(content, classifier)
    assert [spec.shape for spec in model.outputs] == [(-1, 2), (-1, 2)]
    assert "classes" not in model.parameters
    answer = ask(model, tensor("input", "FP64", features[::30]))
    assert answer["predict"] == classifier.predict(features[::30]).tolist()


@pytest.mark.parametrize(
    ("parameters", "outputs"),
    [
        ({"objective": "multi:softmax", "num_class": 3}, ["label", "probability"]),
        ({"objective": "binary:hinge"}, ["label"]),
        ({"objective": "binary:logitraw"}, ["number"]),
        ({"objective": "count:poisson"}, ["number"]),
        ({"objective": "reg:squarederror", "booster": "gblinear"}, ["number"]),
        (
            {"objective": "multi:softmax", "num_class": 3, "booster": "gblinear"},
            ["label", "probability"],
        ),
    ],
)
def test_boosters_of_other_objectives(
    content: Path, parameters: dict[str, Any], outputs: list[str]
) -> None:
    features, classes = load_wine(return_X_y=True)
    if "num_class" not in parameters:
        classes = (classes > 0).astype(int)
    data = xgboost.DMatrix(features, classes)
    booster = xgboost.train(parameters, data, 3)
    model = loaded(content, booster)
    assert [spec.kind for spec in model.outputs] == outputs
    answer = ask(model, tensor("input", "FP64", features[::30]))
    expected = booster.predict(xgboost.DMatrix(features[::30]))
    np.testing.assert_allclose(answer["predict"], expected, rtol=1e-6)


def test_the_best_iteration_is_used_as_xgboost_does(content: Path) -> None:
    features, classes = load_breast_cancer(return_X_y=True)
    classifier = xgboost.XGBClassifier(n_estimators=60, early_stopping_rounds=2, learning_rate=1)
    classifier.fit(features[:300], classes[:300], eval_set=[(features[300:], classes[300:])])
    assert classifier.best_iteration < 50
    answer = ask(loaded(content, classifier), tensor("x", "FP64", features[:5]))
    np.testing.assert_array_equal(answer["predict_proba"], classifier.predict_proba(features[:5]))


def test_missing_values_and_what_is_too_large(content: Path) -> None:
    classifier = trained(xgboost.XGBClassifier, load_wine)
    model = loaded(content, classifier)
    rows = load_wine().data[:2].copy()
    rows[0, 3] = rows[1, 0] = np.nan
    answer = ask(model, tensor("x", "FP64", rows))
    np.testing.assert_array_equal(answer["predict_proba"], classifier.predict_proba(rows))
    with pytest.raises(InvalidInput, match="'x': a value is out of range for FP32"):
        ask(model, tensor("x", "FP64", [[1e300] * 13]))
    with pytest.raises(InvalidInput, match="12 columns, the model takes 13"):
        ask(model, tensor("x", "FP64", [[1.0] * 12]))
    with pytest.raises(InvalidInput, match="'x': datatype BYTES, the model takes numbers"):
        ask(model, tensor("x", "BYTES", [["1"] * 13]))


def shop(names: tuple[str, ...]) -> tuple[pd.DataFrame, list[int]]:
    table = pd.DataFrame(
        {
            "city": pd.Categorical(names * 20),
            "age": np.arange(60.0),
            "floor": pd.Categorical([10, 30, 20] * 20),
        }
    )
    return table, [0, 1, 0] * 20


def test_categories_go_by_their_names(content: Path) -> None:
    table, answers = shop(("Bonn", "Oslo", "Rome"))
    classifier = xgboost.XGBClassifier(n_estimators=4, enable_categorical=True)
    model = loaded(content, classifier.fit(table, answers))
    assert [(spec.name, spec.datatype) for spec in model.inputs] == [
        ("city", "BYTES"),
        ("age", "FP32"),
        ("floor", "FP32"),
    ]
    city = tensor("city", "BYTES", ["Oslo", "Rome"])
    rest = [tensor("age", "FP64", [3.0, 4.0]), tensor("floor", "INT64", [30, 10])]
    answer = ask(model, city, *rest)
    rows = table.iloc[[1, 0]].assign(age=[3.0, 4.0])
    rows["city"] = pd.Categorical(["Oslo", "Rome"], categories=table["city"].cat.categories)
    np.testing.assert_array_equal(answer["predict_proba"], classifier.predict_proba(rows))
    with pytest.raises(InvalidInput, match=r"'city': 'Paris' is no category .*'Bonn', 'Oslo'"):
        ask(model, tensor("city", "BYTES", ["Paris", "Rome"]), *rest)


def test_categories_that_xgboost_saves_damaged(content: Path) -> None:
    table, answers = shop(("Köln", "Oslo", "Rome"))
    classifier = xgboost.XGBClassifier(n_estimators=1, enable_categorical=True)
    with pytest.raises(LoadFailure, match="train the model with ASCII names"):
        loaded(content, classifier.fit(table, answers))


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("model.ubj", b"", "model.ubj is no model that XGBoost"),
        ("model.json", b"{}", "model.json is no model that XGBoost"),
        ("model.json", b"binf", "model.json is no model that XGBoost"),
        ("model.pkl", b"x", "expected .json, .ubj, .bst, .xgb, .model; there is model.pkl"),
    ],
)
def test_no_model(content: Path, name: str, data: bytes, words: str) -> None:
    (content / name).write_bytes(data)
    with pytest.raises(LoadFailure) as caught:
        load(content, trust_pickle=False)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "Stack trace" not in str(caught.value)
