"""LightGBM models: what they take, and that answers are LightGBM's own."""

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from lockstep_runtime.errors import InvalidInput, LoadFailure
from lockstep_runtime.inference.warmup import warm_up
from lockstep_runtime.loaders.boosted import BoostedModel
from lockstep_runtime.loaders.lightgbm import load
from lockstep_runtime.tensors import TensorSpec
from runtime.requests_of import ask, tensor

QUIET = {"n_estimators": 4, "verbose": -1, "n_jobs": 1}


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return tmp_path


def loaded(content: Path, booster: Any) -> BoostedModel:
    booster.save_model(content / "model.txt")
    return load(content, trust_pickle=False)


@pytest.mark.parametrize(("data", "count"), [(load_wine, 3), (load_breast_cancer, 2)])
def test_classifiers(content: Path, data: Any, count: int) -> None:
    features, classes = data(return_X_y=True)
    classifier = lightgbm.LGBMClassifier(**QUIET).fit(features, classes)
    model = loaded(content, classifier.booster_)
    assert model.inputs == (TensorSpec("input", "FP64", (-1, features.shape[1])),)
    assert model.outputs == (
        TensorSpec("predict", "INT64", (-1,), "label"),
        TensorSpec("predict_proba", "FP64", (-1, count), "probability"),
    )
    assert model.outputs[0].classes == tuple(range(count))
    rows = features[::20].copy()
    rows[0, :3] = np.nan  # a missing value
    answer = ask(model, tensor("x", "FP64", rows))
    assert answer["predict"] == classifier.predict(rows).tolist()
    np.testing.assert_array_equal(answer["predict_proba"], classifier.predict_proba(rows))
    assert warm_up(model) is not None


def test_a_regression(content: Path) -> None:
    features, values = load_diabetes(return_X_y=True)
    regression = lightgbm.LGBMRegressor(**QUIET).fit(features, values)
    model = loaded(content, regression.booster_)
    assert model.outputs == (TensorSpec("predict", "FP64", (-1,)),)
    assert model.parameters["objective"] == "regression"
    answer = ask(model, tensor("x", "FP64", features[:3]))
    np.testing.assert_array_equal(answer["predict"], regression.predict(features[:3]))
    with pytest.raises(InvalidInput, match="9 columns, the model takes 10"):
        ask(model, tensor("x", "FP64", features[:3, :9]))


def shop(*, ordered: bool = False) -> tuple[pd.DataFrame, list[int]]:
    table = pd.DataFrame(
        {
            "age": np.arange(60.0),
            "city": pd.Categorical(["Köln", "Oslo", "Rome"] * 20),
            "size": pd.Categorical(["S", "M", "L"] * 20, ordered=ordered),
        }
    )
    return table, [0, 1, 0] * 20


def test_categories_go_by_their_names_and_new_ones_are_missing(content: Path) -> None:
    table, answers = shop()
    classifier = lightgbm.LGBMClassifier(min_child_samples=2, **QUIET).fit(table, answers)
    model = loaded(content, classifier.booster_)
    assert [spec.datatype for spec in model.inputs] == ["FP64", "BYTES", "BYTES"]
    rows = pd.DataFrame({"age": [3.0, 4.0, 5.0]})
    rows["city"] = pd.Categorical(["Oslo", "Paris", "Köln"])
    rows["size"] = pd.Categorical(["M", "S", "L"])
    answer = ask(
        model,
        *[tensor(name, "FP64" if name == "age" else "BYTES", rows[name].tolist()) for name in rows],
    )
    np.testing.assert_array_equal(answer["predict_proba"], classifier.predict_proba(rows))


def test_ordered_categories_cannot_be_told(content: Path) -> None:
    table, answers = shop(ordered=True)
    classifier = lightgbm.LGBMClassifier(**QUIET).fit(table, answers)
    with pytest.raises(LoadFailure, match="which columns its categories belong to"):
        loaded(content, classifier.booster_)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("model.txt", b"", "model.txt is no model that LightGBM"),
        ("model.txt", b"a list of things to buy", "model.txt is no model that LightGBM"),
        ("model.ubj", b"x", "expected .txt, .lgb, .model; there is model.ubj"),
    ],
)
def test_no_model(
    content: Path, name: str, data: bytes, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (content / name).write_bytes(data)
    with pytest.raises(LoadFailure) as caught:
        load(content, trust_pickle=False)
    assert words in str(caught.value)
    assert capfd.readouterr().out == ""
