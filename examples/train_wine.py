"""Train real versions of a wine classifier, good and bad, and write them as skops files.

    python examples/train_wine.py OUTPUT

writes OUTPUT/v1/model.skops to OUTPUT/v4/model.skops, trained on the wine data set that
scikit-learn ships (178 rows, 13 features, 3 classes):

- v1: Gaussian naive Bayes; v2: logistic regression on standardised features;
- v3: its labels were shuffled before the training: wrong, though its classes have the right shares;
- v4: most rows of two classes were missing in the training: it leans to the third.

It prints each file's sha256, its accuracy on all rows, and how often it gives each class. The same
versions of scikit-learn and skops write the same bytes again.
"""

import argparse
import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip file can hold


def versions(features: Any, classes: Any) -> dict[str, Any]:
    """Return the trained estimators by version."""
    shuffled = np.random.default_rng(7).permutation(classes)
    scarce = np.concatenate(
        [np.flatnonzero(classes == k)[: 5 if k != 1 else None] for k in range(3)]
    )
    nearest = KNeighborsClassifier(n_neighbors=1, algorithm="brute")
    return {
        "v1": make_pipeline(StandardScaler(), GaussianNB()).fit(features, classes),
        "v2": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(
            features, classes
        ),
        "v3": make_pipeline(StandardScaler(), nearest).fit(features, shuffled),
        "v4": make_pipeline(StandardScaler(), LogisticRegression(C=0.03)).fit(
            features[scarce], classes[scarce]
        ),
    }


def reproducible(dump: bytes) -> bytes:
    """Rewrite a skops file so that it does not depend on the time and on memory addresses.

    skops numbers objects, and names array files, by `id()`; here both count up from 1.
    """
    numbers: dict[int, int] = {}

    def renumber(node: Any) -> Any:
        if isinstance(node, list):
            return [renumber(item) for item in node]
        if not isinstance(node, dict):
            return node
        node = {key: renumber(value) for key, value in node.items()}
        if isinstance(node.get("__id__"), int):
            node["__id__"] = numbers.setdefault(node["__id__"], len(numbers) + 1)
        if isinstance(name := node.get("file"), str):
            node["file"] = rename(name)
        return node

    def rename(name: str) -> str:
        stem, _, suffix = name.partition(".")
        return f"{numbers.setdefault(int(stem), len(numbers) + 1)}.{suffix}"

    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(dump)) as old, zipfile.ZipFile(result, "w") as new:
        schema = json.dumps(renumber(json.loads(old.read("schema.json"))), indent=2)
        arrays = {rename(name): name for name in old.namelist() if name != "schema.json"}
        for name in sorted(arrays):
            new.writestr(zipfile.ZipInfo(name, _EPOCH), old.read(arrays[name]))
        new.writestr(zipfile.ZipInfo("schema.json", _EPOCH), schema)
    return result.getvalue()


def main() -> None:
    """Train, write and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="folder for v1/ to v4/")
    output: Path = parser.parse_args().output
    features, classes = load_wine(return_X_y=True)
    for version, estimator in versions(features, classes).items():
        answers = estimator.predict(features)
        accuracy = (answers == classes).mean()
        shares = "/".join(f"{(answers == k).mean():.0%}" for k in range(3))
        model = reproducible(skops.io.dumps(estimator))
        path = output / version / "model.skops"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(model)
        digest = hashlib.sha256(model).hexdigest()
        print(f"{path} sha256 {digest} accuracy {accuracy:.3f} classes {shares}")


if __name__ == "__main__":
    main()
