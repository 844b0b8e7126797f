"""Train a wine classifier and save it as an MLflow model folder with a signature.

    python examples/mlflow/train.py DIR

writes the folder DIR/model (anew, if it is there), trained on four columns of the wine data set
that scikit-learn ships (178 rows, 3 classes). Its estimator is a skops file, so it is served
without a word of trust.
"""

import argparse
import shutil
from pathlib import Path

import mlflow
from mlflow.models import infer_signature
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

COLUMNS = ["alcohol", "flavanoids", "color_intensity", "proline"]


def main() -> None:
    """Train, save and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="folder for the folder model")
    folder: Path = parser.parse_args().output / "model"
    features, classes = load_wine(return_X_y=True, as_frame=True)
    train, test, known, wanted = train_test_split(features[COLUMNS], classes, random_state=0)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(train, known)
    if folder.exists():
        shutil.rmtree(folder)
    mlflow.sklearn.save_model(
        model,
        folder,
        signature=infer_signature(train, model.predict(train)),
        serialization_format="skops",
        pip_requirements=["scikit-learn", "skops"],
    )
    print(f"{folder} accuracy {model.score(test, wanted):.3f}")


if __name__ == "__main__":
    main()
