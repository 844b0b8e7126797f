"""What is served: models trained on data that scikit-learn ships, and what they must answer."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import skops.io
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from lockstep_runtime.loaders import FORMATS

Rows = np.ndarray[Any, np.dtype[Any]]
# One call takes about 5 ms, whether for 1 row or for 64.
_TREES = 50


@dataclass(frozen=True)
class Served:
    """A model as files in one or more formats.

    Attributes:
        files: path by kind: `skops`, `joblib`, `onnx`, `xgboost`.
    """

    name: str
    files: dict[str, Path]


def rows_of(count: int) -> Rows:
    """Return that many rows of iris; one row is of the last class, more are of all three."""
    features, _ = load_iris(return_X_y=True)
    # 7 and 150 have no common divisor: neighbours are of different classes.
    return np.ascontiguousarray(features[(149 + 7 * np.arange(count)) % len(features)])


def train(folder: Path) -> dict[str, Served]:
    """Train and save every model that the installed runtime can serve; return them by name."""
    features, classes = load_iris(return_X_y=True)
    iris = LogisticRegression(max_iter=1000).fit(features, classes)
    forest = RandomForestClassifier(_TREES, random_state=0, n_jobs=1).fit(features, classes)
    served = [
        _sklearn("iris", iris, folder),
        _sklearn("forest", forest, folder),
        *(_onnx(iris, folder) if "onnx" in FORMATS else ()),
        *(_xgboost(folder) if "xgboost" in FORMATS else ()),
    ]
    return {one.name: one for one in served}


def expected(served: Served) -> Callable[[Rows], list[int]]:
    """Return a function that computes what the model must answer, without any server."""
    if "xgboost" in served.files:
        from xgboost import XGBClassifier  # noqa: PLC0415  # only where it is served

        boosted = XGBClassifier()
        boosted.load_model(served.files["xgboost"])
        return lambda rows: [int(one) for one in boosted.predict(rows)]
    estimator = joblib.load(served.files["joblib"])
    return lambda rows: [int(one) for one in estimator.predict(rows)]


def _sklearn(name: str, estimator: Any, folder: Path) -> Served:
    files = {"joblib": folder / name / f"{name}.joblib", "skops": folder / f"{name}.skops"}
    files["joblib"].parent.mkdir()
    joblib.dump(estimator, files["joblib"])
    skops.io.dump(estimator, files["skops"])
    return Served(name, files)


def _onnx(estimator: Any, folder: Path) -> list[Served]:
    """The same logistic regression: joblib's file says what it must answer."""
    from skl2onnx import to_onnx  # noqa: PLC0415  # only where it is served

    path = folder / "iris-onnx.onnx"
    sample = rows_of(1).astype(np.float32)
    graph = to_onnx(estimator, sample, options={"zipmap": False})
    path.write_bytes(graph.SerializeToString())
    files = {"onnx": path, "joblib": folder / "iris" / "iris.joblib"}
    return [Served("iris-onnx", files)]


def _xgboost(folder: Path) -> list[Served]:
    from xgboost import XGBClassifier  # noqa: PLC0415  # only where it is served

    features, classes = load_iris(return_X_y=True)
    path = folder / "iris-xgboost.json"
    XGBClassifier(n_estimators=20, max_depth=3, n_jobs=1).fit(features, classes).save_model(path)
    return [Served("iris-xgboost", {"xgboost": path})]
