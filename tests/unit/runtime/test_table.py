"""Missing values: who takes them, found by trying, and told by column."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lockstep_runtime.errors import InvalidInput
from lockstep_runtime.loaders.estimator import EstimatorModel
from lockstep_runtime.loaders.missing import refusing
from lockstep_runtime.loaders.table import Column, Table
from lockstep_runtime.tensors import Tensor
from runtime import estimators
from runtime.requests_of import ask, tensor

pytestmark = pytest.mark.filterwarnings("ignore")
NAN = float("nan")


def some_imputed() -> Any:
    """Takes missing values in its first column alone."""
    features, classes = load_wine(return_X_y=True)
    table = ColumnTransformer(
        [("filled", SimpleImputer(), [0]), ("whole", StandardScaler(), [1, 2])]
    )
    return make_pipeline(table, LogisticRegression(max_iter=500)).fit(features[:, :3], classes)


def test_the_refusal_names_input_and_column() -> None:
    model = EstimatorModel(estimators.named_wine())
    with pytest.raises(InvalidInput) as caught:
        model.prepare([tensor("table", "FP64", [[1, 2, 3, 4], [1, 2, NAN, 4]])])
    assert str(caught.value) == (
        "input 'table', column 'ash': the model takes no missing values (null)"
    )
    named = {"alcohol": [1.0], "malic": [NAN], "ash": [1.0], "alcalinity": [1.0]}
    with pytest.raises(InvalidInput, match=r"^input 'malic': the model takes no missing"):
        model.prepare([tensor(name, "FP64", column) for name, column in named.items()])


def test_columns_with_an_imputer_take_them() -> None:
    model = EstimatorModel(some_imputed())
    assert len(ask(model, tensor("x", "FP64", [[NAN, 1, 1]]))["predict"]) == 1
    with pytest.raises(InvalidInput, match="column 'x2'"):
        model.prepare([tensor("x", "FP64", [[NAN, 1, NAN]])])


def test_models_that_know_missing_values_take_them() -> None:
    features, classes = load_wine(return_X_y=True)
    model = EstimatorModel(HistGradientBoostingClassifier(max_iter=3).fit(features, classes))
    assert len(ask(model, tensor("x", "FP64", [[NAN] * 13]))["predict"]) == 1


def test_numbers_beside_strings() -> None:
    model = EstimatorModel(estimators.shop())
    city = tensor("x2", "BYTES", ["Bonn"])
    with pytest.raises(InvalidInput, match=r"^input 'x1': the model takes no missing values"):
        model.prepare([tensor("x0", "FP64", [1]), tensor("x1", "FP64", [NAN]), city])


def test_trying_is_bounded_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lockstep_runtime.loaders.missing._SECONDS", -1)
    assert refusing(np.zeros((1, 3)), [0, 1, 2], lambda _: False) == ()
    assert refusing(np.zeros((1, 3)), [0, 1, 2], lambda _: True) == ()


def test_a_model_computes_in_one_datatype_whatever_comes() -> None:
    model = EstimatorModel(estimators.wine())
    rows = np.round(load_wine().data[:3])
    whole = [
        ask(model, Tensor("x", datatype, rows.astype(dtype)))
        for datatype, dtype in [("FP64", np.float64), ("INT64", np.int64), ("FP32", np.float32)]
    ]
    assert whole[0] == whole[1] == whole[2]


@pytest.mark.parametrize(
    ("make", "count"),
    [
        (lambda: RandomForestClassifier(3, random_state=0), 1),
        (lambda: make_pipeline(StandardScaler(), RandomForestClassifier(3, random_state=0)), 1),
    ],
)
def test_what_two_outputs_share_is_computed_once(
    make: Callable[[], Any], count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    features, classes = load_wine(return_X_y=True)
    estimator = make().fit(features, classes)
    expected = estimator.predict(features), estimator.predict_proba(features)
    calls = []
    plain = RandomForestClassifier.predict_proba
    monkeypatch.setattr(
        RandomForestClassifier,
        "predict_proba",
        lambda self, rows: calls.append(len(rows)) or plain(self, rows),
    )
    model = EstimatorModel(estimator)
    calls.clear()
    for names in (["predict", "predict_proba"], ["predict_proba", "predict"]):
        tensors = {each.name: each.array for each in model.predict((features,), names)}
        np.testing.assert_array_equal(tensors["predict"], expected[0])
        np.testing.assert_array_equal(tensors["predict_proba"], expected[1])
    assert calls == [len(features)] * 2 * count


def test_categories_of_numbers_go_by_their_value() -> None:
    table = Table([Column("floor", codes={10.0: 0, 30.0: 1}), Column("age")], "FP32")
    rows = table.rows([tensor("x", "FP64", [[30, 5], [NAN, 6]])])
    np.testing.assert_array_equal(rows, [[1, 5], [NAN, 6]])
    with pytest.raises(InvalidInput, match=r"column 'floor': 20\.0 is no category .* 10\.0, 30\.0"):
        table.rows([tensor("x", "FP64", [[20, 5]])])
