"""A scikit-learn server on KServe's Python SDK, as its documentation says to write one.

`python kserve_sklearn.py FILE [--model_name … --http_port … and the SDK's other flags]`
"""

import sys
from typing import Any

import joblib
from kserve import Model, ModelServer
from kserve.utils.utils import get_predict_input, get_predict_response


class SklearnModel(Model):  # type: ignore[misc]  # checked without KServe
    """Loads one file; the SDK decodes requests and encodes answers."""

    def __init__(self, name: str, path: str) -> None:
        super().__init__(name)
        self._path = path
        self._estimator: Any = None

    def load(self) -> bool:
        """Read the file."""
        self._estimator = joblib.load(self._path)
        self.ready = True
        return True

    def predict(self, payload: Any, headers: dict[str, str] | None = None) -> Any:
        """Answer with the classes."""
        rows = get_predict_input(payload)
        return get_predict_response(payload, self._estimator.predict(rows), self.name)


if __name__ == "__main__":
    model = SklearnModel("model", sys.argv.pop(1))
    model.load()
    ModelServer().start([model])
