"""A class of one's own: nearest class means, which explains what its answer comes from."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lockstep_runtime.errors import InvalidInput

Arrays = Mapping[str, NDArray[Any]]


class NearestMean:
    """Says which of three kinds of wine is nearest, how far it is, and which feature decides."""

    batchable = True
    examples = {"wine": [[13.0, 2.0, 5.0, 750.0]]}  # noqa: RUF012
    inputs = [{"name": "wine", "datatype": "FP64", "shape": [-1, 4]}]  # noqa: RUF012
    outputs = [  # noqa: RUF012
        {"name": "kind", "datatype": "INT64", "shape": [-1], "kind": "label", "classes": [0, 1, 2]},
        {"name": "distance", "datatype": "FP64", "shape": [-1]},
    ]

    def load(self, path: Path) -> None:
        """Read the means that train.py found."""
        with np.load(path / "means.npz") as arrays:
            self.means, self.spread = arrays["means"], arrays["spread"]

    def preprocess(self, inputs: Arrays) -> Arrays:
        """Refuse what no wine has, and standardise."""
        wine = inputs["wine"]
        if not (wine > 0).all():
            raise InvalidInput("input 'wine': all four values must be above 0")
        return {"wine": wine / self.spread}

    def predict(self, inputs: Arrays, parameters: Mapping[str, Any]) -> Arrays:
        """Find the nearest kind; the request's parameter `within` makes -1 of what is farther."""
        distances = np.linalg.norm(inputs["wine"][:, None] - self.means, axis=2)
        nearest = distances.min(axis=1)
        kinds = np.where(nearest <= parameters.get("within", np.inf), distances.argmin(axis=1), -1)
        return {"kind": kinds, "distance": nearest}

    def explain(self, inputs: Arrays) -> Arrays:
        """Return the share of each feature in the distance to the nearest kind."""
        squares = (inputs["wine"][:, None] - self.means) ** 2
        nearest = squares[np.arange(len(squares)), squares.sum(axis=2).argmin(axis=1)]
        return {"shares": nearest / nearest.sum(axis=1, keepdims=True)}

    def predict_stream(self, inputs: Arrays, parameters: Mapping[str, Any]) -> Iterator[Arrays]:
        """Answer row by row."""
        for row in range(len(inputs["wine"])):
            yield self.predict({"wine": inputs["wine"][row : row + 1]}, parameters)
