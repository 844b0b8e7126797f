"""What models of other kinds take and give."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from lockstep_runtime.errors import InvalidInput, LoadFailure
from lockstep_runtime.inference.warmup import warm_up
from lockstep_runtime.loaders.estimator import EstimatorModel
from lockstep_runtime.tensors import DATATYPES, Tensor, TensorSpec
from runtime import estimators

# The loader silences it for a server: columns were matched by name before.
pytestmark = pytest.mark.filterwarnings("ignore:X does not have valid feature names")


def tensor(name: str, datatype: str, values: Any) -> Tensor:
    return Tensor(name, datatype, np.array(values, dtype=DATATYPES[datatype]))


def predict(model: EstimatorModel, *tensors: Tensor) -> list[Any]:
    [output] = model.predict(model.prepare(tensors), ["predict"])
    return list(output.array.tolist())


def columns(values: dict[str, list[float]]) -> list[Tensor]:
    return [tensor(name, "FP64", column) for name, column in values.items()]


WINE = {
    "alcohol": [14.2, 12.4],
    "malic": [1.7, 0.9],
    "ash": [2.4, 1.4],
    "alcalinity": [15.6, 10.6],
}


def test_one_tensor_per_column_in_any_order() -> None:
    model = EstimatorModel(estimators.named_wine())
    table = tensor("any", "FP64", list(zip(*WINE.values(), strict=True)))
    expected = predict(model, table)
    assert predict(model, *reversed(columns(WINE))) == expected
    assert predict(model, *[Tensor(t.name, "FP64", t.array[:, None]) for t in columns(WINE)]) == (
        expected
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ash": None}, "input 'ash' is missing"),
        ({"sugar": [1.0, 2.0]}, "unknown input 'sugar'"),
        ({"ash": [1.0]}, "'ash' has 1 rows, 'alcohol' has 2"),
        ({"ash": [[1.0, 2.0], [3.0, 4.0]]}, "'ash': shape [2, 2]"),
    ],
)
def test_columns_that_do_not_fit(change: dict[str, Any], words: str) -> None:
    model = EstimatorModel(estimators.named_wine())
    values = {key: value for key, value in (WINE | change).items() if value is not None}
    with pytest.raises(InvalidInput) as caught:
        model.prepare(columns(values))
    assert words in str(caught.value)


def test_one_column_of_several_is_missing_the_others() -> None:
    model = EstimatorModel(estimators.named_wine())
    with pytest.raises(InvalidInput, match="'malic' is missing"):
        model.prepare([tensor("alcohol", "FP64", [[1.0]])])


@pytest.mark.parametrize(
    ("estimator", "kinds"),
    [
        (estimators.wine, {"predict": "label", "predict_proba": "probability"}),
        (estimators.named_wine, {"predict": "label", "predict_proba": "probability"}),
        (estimators.diabetes, {"predict": "number"}),
        (estimators.wine_of_float_classes, {"predict": "label", "predict_proba": "probability"}),
        (estimators.clusters, {"predict": "label"}),
        (estimators.outliers, {"predict": "label"}),
        (estimators.Counts, {"predict": "number"}),
        (estimators.Duck, {"predict": "label"}),
    ],
)
def test_what_outputs_are(estimator: Callable[[], Any], kinds: dict[str, str]) -> None:
    model = EstimatorModel(estimator())
    assert {spec.name: spec.kind for spec in model.outputs} == kinds
    classes = tuple(model.parameters.get("classes", ()))
    assert model.outputs[0].classes == classes


def test_a_regression_has_no_probabilities() -> None:
    model = EstimatorModel(estimators.diabetes())
    assert model.outputs == (TensorSpec("predict", "FP64", (-1,)),)
    assert "classes" not in model.parameters


def test_texts() -> None:
    model = EstimatorModel(estimators.texts())
    assert model.inputs == (TensorSpec("input", "BYTES", (-1,)),)
    assert predict(model, tensor("input", "BYTES", ["great wine", "bad beer"])) == [1, 0]
    for bad in (tensor("input", "FP64", [1.0]), tensor("input", "BYTES", [["a", "b"]])):
        with pytest.raises(InvalidInput, match="BYTES tensor of shape"):
            model.prepare([bad])


def test_numbers_and_strings_go_in_by_column() -> None:
    model = EstimatorModel(estimators.shop())
    assert [(spec.name, spec.datatype) for spec in model.inputs] == [
        ("x0", "FP64"),
        ("x1", "FP64"),
        ("x2", "BYTES"),
    ]
    numbers = [tensor("x0", "FP64", [20.0]), tensor("x1", "INT64", [1])]
    assert predict(model, *numbers, tensor("x2", "BYTES", ["Bonn"])) == [0]
    with pytest.raises(InvalidInput, match="one tensor per column"):
        model.prepare([tensor("x", "BYTES", [["1", "2", "Bonn"]])])
    with pytest.raises(InvalidInput, match="'x2': datatype FP64, the model takes strings"):
        model.prepare([*numbers, tensor("x2", "FP64", [1.0])])


def test_strings_only_and_an_unknown_category() -> None:
    model = EstimatorModel(estimators.cities())
    assert model.inputs == (TensorSpec("input", "BYTES", (-1, 2)),)
    assert predict(model, tensor("input", "BYTES", [["Oslo", "b"]])) == [1]
    with pytest.raises(InvalidInput, match="unknown categories"):
        predict(model, tensor("input", "BYTES", [["Rome", "b"]]))


def test_a_model_that_refuses_zeros_is_warmed_with_ones() -> None:
    model = EstimatorModel(estimators.logarithms())
    assert [spec.name for spec in model.outputs] == ["predict", "predict_proba"]
    assert warm_up(model) is not None


def test_several_targets() -> None:
    model = EstimatorModel(estimators.two_targets())
    assert model.outputs == (TensorSpec("predict", "INT64", (-1, 2), "label"),)


class Picky(BaseEstimator):  # type: ignore[misc]
    """Takes no row that we would guess."""

    def __init__(self) -> None:
        self.n_features_in_ = 2
        self.classes_ = np.array(["a", "b"])

    def predict(self, rows: Any) -> Any:
        if (rows[:, 0] < 5).any():
            raise ValueError("data must be strictly positive data above 5")
        return self.classes_[np.zeros(len(rows), dtype=int)]


def test_a_model_without_a_plausible_example_is_served_unwarmed() -> None:
    model = EstimatorModel(Picky())
    assert warm_up(model) is None
    assert model.outputs == (TensorSpec("predict", "BYTES", (-1,), "label"),)
    assert predict(model, tensor("x", "FP64", [[7.0, 1.0]])) == ["a"]


class Broken(Picky):
    """Always fails, which is no client's mistake."""

    def predict(self, rows: Any) -> Any:
        raise ValueError("matmul: shapes do not match")


@pytest.mark.parametrize(
    ("estimator", "words"),
    [
        (StandardScaler(), "StandardScaler cannot be served: it has no predict method"),
        ("a string", "str cannot be served"),
        (LogisticRegression(), "not fitted"),
        (Broken(), "failed its trial prediction: ValueError: matmul"),
    ],
)
def test_what_cannot_predict_is_refused(estimator: Any, words: str) -> None:
    with pytest.raises(LoadFailure) as caught:
        EstimatorModel(estimator)
    assert words in str(caught.value)
