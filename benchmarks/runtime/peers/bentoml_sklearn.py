"""A scikit-learn service on BentoML, as its documentation says to write one.

`bentoml serve benchmarks.runtime.peers.bentoml_sklearn:Joining` (or `:OneByOne`); the environment
variable MODEL_FILE names the model.
"""

import os
from typing import Any

import bentoml
import joblib
import numpy as np

_SETTINGS: Any = {"workers": 1, "logging": {"access": {"enabled": False}}}


@bentoml.service(**_SETTINGS)
class Joining:
    """Joins requests that wait: BentoML's adaptive batching."""

    def __init__(self) -> None:
        self.estimator: Any = joblib.load(os.environ["MODEL_FILE"])

    @bentoml.api(batchable=True, batch_dim=0, max_batch_size=1024, max_latency_ms=1000)
    def infer(self, rows: np.ndarray) -> np.ndarray:
        """Return the class of each row."""
        return self.estimator.predict(rows)  # type: ignore[no-any-return]


@bentoml.service(**_SETTINGS)
class OneByOne:
    """Computes each request by itself."""

    def __init__(self) -> None:
        self.estimator: Any = joblib.load(os.environ["MODEL_FILE"])

    @bentoml.api
    def infer(self, rows: np.ndarray) -> np.ndarray:
        """Return the class of each row."""
        return self.estimator.predict(rows)  # type: ignore[no-any-return]
