"""Train a scikit-learn classifier of breast tumours and write it as a skops file.

    python examples/sklearn/train.py DIR

writes DIR/model.skops: logistic regression on standardised features, trained on the breast cancer
data set that scikit-learn ships (569 rows, 30 features, 2 classes).
"""

import argparse
from pathlib import Path

import skops.io
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def main() -> None:
    """Train, write and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="folder for model.skops")
    output: Path = parser.parse_args().output
    data = load_breast_cancer()
    train, test, known, wanted = train_test_split(
        data.data, data.target_names[data.target], random_state=0
    )
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(train, known)
    output.mkdir(parents=True, exist_ok=True)
    skops.io.dump(model, output / "model.skops")
    print(f"{output / 'model.skops'} accuracy {model.score(test, wanted):.3f}")


if __name__ == "__main__":
    main()
