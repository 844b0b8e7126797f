"""Linear models without scikit-learn's ceremony, which costs fifty times the arithmetic.

A call of LogisticRegression.predict on one row takes 120 to 240 µs of checks around a product that
takes 4. So for the few estimators whose formulas are plain, the formulas are read off the fitted
estimator once, and used only where they agree with it on trial rows.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import expit

from lockstep_runtime.tensors import Array

# By name, so that nothing is imported that the model does not need.
_CLASSIFIERS = ("LogisticRegression", "RidgeClassifier", "SGDClassifier", "LinearSVC")
_REGRESSORS = ("LinearRegression", "Ridge", "Lasso", "ElasticNet", "SGDRegressor", "LinearSVR")
_TRIALS = 256
# Sums of products differ in their last bits with the number of rows, in scikit-learn too.
_RELATIVE, _ABSOLUTE = 1e-9, 1e-12

Step = Callable[[Array], Array]


class LinearKernel:
    """Calculates what the estimator would: rows in, [n] or [n, columns] out, by method name."""

    def __init__(self, steps: Sequence[Step], methods: Mapping[str, Step]) -> None:
        """Take the scalers' formulas in their order, and each method's."""
        self._steps = steps
        self._methods = methods

    def takes(self, rows: Array, names: Sequence[str]) -> bool:
        """Tell whether it can calculate these methods for these rows as scikit-learn would."""
        known = rows.dtype == np.float64 and all(name in self._methods for name in names)
        return known and bool(np.isfinite(rows).all())

    def call(self, rows: Array, names: Sequence[str]) -> list[Array]:
        """Return the result of each method; `takes` must have said yes."""
        for step in self._steps:
            rows = step(rows)
        return [self._methods[name](rows) for name in names]


def linear_kernel(estimator: Any) -> LinearKernel | None:
    """Return the formulas of a fitted estimator; None: it has others, or they do not agree."""
    whole = _kind(estimator) == "Pipeline"
    *before, last = [step for _, step in estimator.steps] if whole else [estimator]
    steps = [_scaler(step) for step in before]
    methods = _methods(last)
    columns = getattr(estimator, "n_features_in_", None)
    if not methods or columns is None or None in steps:
        return None
    formulas = [step for step in steps if step is not None]
    trial = _trial_rows(before, columns)
    agreed = {
        name: method
        for name, method in methods.items()
        if _agrees(LinearKernel(formulas, methods), estimator, name, trial)
    }
    return LinearKernel(formulas, agreed) if agreed else None


def _kind(estimator: Any) -> str:
    """Return the name of scikit-learn's own class; of one derived from it, nothing."""
    own = type(estimator)
    return own.__name__ if own.__module__.partition(".")[0] == "sklearn" else ""


def _trial_rows(scalers: Sequence[Any], columns: int) -> Array:
    """Return rows around the data that the model was trained on, as far as a scaler tells."""
    draw = np.random.default_rng(0)
    first = scalers[0] if scalers else None
    centre = getattr(first, "mean_", getattr(first, "center_", None))
    spread = getattr(first, "scale_", None)
    rows = draw.normal(size=(_TRIALS, columns)) * draw.choice([0.1, 1, 10], size=(_TRIALS, 1))
    spread_rows: Array = rows * (1.0 if spread is None else spread)
    return spread_rows + (0.0 if centre is None else centre)


def _agrees(kernel: LinearKernel, estimator: Any, name: str, rows: Array) -> bool:
    """Tell whether formula and estimator give the same, for many rows and for one."""
    for some in (rows, rows[:1]):
        [ours] = kernel.call(some, [name])
        theirs = np.asarray(getattr(estimator, name)(some))
        if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
            return False
        same = (
            np.allclose(ours, theirs, rtol=_RELATIVE, atol=_ABSOLUTE)
            if ours.dtype.kind == "f"
            else np.array_equal(ours, theirs)
        )
        if not same:
            return False
    return True


def _scaler(step: Any) -> Step | None:
    """Return a scaler's formula; None: it is no scaler that we know."""
    if step is None or step == "passthrough":
        return lambda rows: rows
    if _kind(step) == "StandardScaler":
        return _affine(step.mean_ if step.with_mean else None, step.scale_)
    if _kind(step) == "RobustScaler":
        return _affine(step.center_ if step.with_centering else None, step.scale_)
    if _kind(step) == "MaxAbsScaler":
        return _affine(None, step.scale_)
    if _kind(step) == "MinMaxScaler" and not step.clip:
        scale, offset = step.scale_, step.min_
        return lambda rows: rows * scale + offset
    return None


def _affine(shift: Array | None, scale: Array | None) -> Step:
    def calculate(rows: Array) -> Array:
        moved = rows if shift is None else rows - shift
        return moved if scale is None else moved / scale

    return calculate


def _methods(estimator: Any) -> dict[str, Step]:
    coefficients = getattr(estimator, "coef_", None)
    if not isinstance(coefficients, np.ndarray):  # not fitted, or made sparse
        return {}
    if _kind(estimator) in _REGRESSORS:
        return {"predict": _regression(coefficients, estimator.intercept_)}
    if _kind(estimator) not in _CLASSIFIERS or not isinstance(estimator.classes_, np.ndarray):
        return {}
    scores = _scores(coefficients, estimator.intercept_)
    methods = {"predict": _classes(scores, estimator.classes_)}
    if _kind(estimator) == "LogisticRegression":
        methods["predict_proba"] = _probabilities(scores)
    return methods


def _regression(coefficients: Array, intercept: Any) -> Step:
    weights = np.ascontiguousarray(coefficients.T)
    return lambda rows: rows @ weights + intercept


def _scores(coefficients: Array, intercept: Any) -> Step:
    weights = np.ascontiguousarray(np.atleast_2d(coefficients).T)
    return lambda rows: rows @ weights + intercept


def _classes(scores: Step, classes: Array) -> Step:
    def calculate(rows: Array) -> Array:
        found = scores(rows)
        two = found.shape[1] == 1
        places = (found[:, 0] > 0).astype(np.intp) if two else found.argmax(axis=1)
        labels: Array = classes.take(places)
        return labels

    return calculate


def _probabilities(scores: Step) -> Step:
    """Multinomial logistic regression; of two classes the score is that of the second."""

    def calculate(rows: Array) -> Array:
        found = scores(rows)
        if found.shape[1] == 1:
            second = expit(found)
            return np.hstack([1 - second, second])
        found -= found.max(axis=1, keepdims=True)
        np.exp(found, out=found)
        found /= found.sum(axis=1, keepdims=True)
        return found

    return calculate
