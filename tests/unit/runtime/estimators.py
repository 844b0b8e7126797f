"""Small real models of many kinds, trained on the spot."""

import time
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import skops.io
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

WINE_FEATURES = 13
SHOP_COLUMNS = ("age", "income", "city")


def wine() -> Any:
    """Three classes of 13 numbers."""
    features, classes = load_wine(return_X_y=True)
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(features, classes)


def named_wine() -> Any:
    """The same on four columns with names, and string classes."""
    return deepcopy(_named_wine())


@cache
def _named_wine() -> Any:
    features, classes = load_wine(return_X_y=True)
    model = LogisticRegression(max_iter=5000).fit(
        features[:, :4], np.array(["red", "white", "rose"])[classes]
    )
    model.feature_names_in_ = np.array(["alcohol", "malic", "ash", "alcalinity"], dtype=object)
    return model


def diabetes() -> Any:
    """A regression on 10 numbers."""
    return LinearRegression().fit(*load_diabetes(return_X_y=True))


def forest() -> Any:
    """Trees, which skops does not vouch for."""
    return RandomForestClassifier(5, random_state=0).fit(*load_wine(return_X_y=True))


def texts() -> Any:
    """A classifier of texts."""
    words = ["good wine", "great wine", "bad beer", "awful beer"]
    return make_pipeline(CountVectorizer(), LogisticRegression()).fit(words, [1, 1, 0, 0])


def shop() -> Any:
    """Numbers and strings in one table; the column names are x0, x1, x2."""
    rows = np.array([[20.0, 1.0, "Bonn"], [40.0, 3.0, "Oslo"], [60.0, 2.0, "Bonn"]], dtype=object)
    columns = ColumnTransformer(
        [("numbers", StandardScaler(), [0, 1]), ("city", OneHotEncoder(), [2])]
    )
    return make_pipeline(columns, LogisticRegression()).fit(rows, [0, 1, 1])


def cities() -> Any:
    """Strings only."""
    rows = np.array([["Bonn", "a"], ["Oslo", "b"], ["Bonn", "b"]], dtype=object)
    return make_pipeline(OneHotEncoder(), LogisticRegression()).fit(rows, [0, 1, 1])


def logarithms() -> Any:
    """Refuses zeros, so the plausible example must be another."""
    features = np.abs(load_wine(return_X_y=True)[0]) + 1
    classes = load_wine(return_X_y=True)[1]
    return make_pipeline(FunctionTransformer(np.log), LogisticRegression(max_iter=500)).fit(
        features, classes
    )


def two_targets() -> Any:
    """Predicts two columns; its predict_proba is a list, so it is not offered."""
    features, classes = load_wine(return_X_y=True)
    both = np.column_stack([classes, classes % 2])
    both_of = MultiOutputClassifier(LogisticRegression(max_iter=500))
    return make_pipeline(StandardScaler(), both_of).fit(features, both)


def wine_of_float_classes() -> Any:
    """A classifier whose classes are 0.0, 1.0 and 2.0."""
    features, classes = load_wine(return_X_y=True)
    return LogisticRegression(max_iter=5000).fit(features[:, :2], classes.astype(float))


def clusters() -> Any:
    """Predicts numbers of clusters."""
    return KMeans(3, n_init=1, random_state=0).fit(load_wine().data)


def outliers() -> Any:
    """Predicts 1 or -1."""
    return IsolationForest(n_estimators=5, random_state=0).fit(load_wine().data)


class Counts(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A regression that gives integers."""

    def __init__(self) -> None:
        self.n_features_in_ = 1

    def predict(self, rows: Any) -> Any:
        """Return the first column as integers."""
        return rows[:, 0].astype(int)


class Duck:
    """Predicts like an estimator and is none."""

    n_features_in_ = 1

    def predict(self, rows: Any) -> Any:
        """Return the same integer for each row."""
        return np.ones(len(rows), dtype=int)


class Sleeper(BaseEstimator):  # type: ignore[misc]
    """Takes as many seconds as the first value says."""

    def __init__(self) -> None:
        self.n_features_in_ = 1

    def predict(self, rows: Any) -> Any:
        """Sleep, then return the first column."""
        time.sleep(float(rows[0, 0]))
        return rows[:, 0]


def save_skops(estimator: Any, path: Path) -> Path:
    """Write a skops file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    skops.io.dump(estimator, path)
    return path


def save_joblib(estimator: Any, path: Path) -> Path:
    """Write a pickle."""
    path.parent.mkdir(parents=True, exist_ok=True)
    joblib.dump(estimator, path)
    return path
