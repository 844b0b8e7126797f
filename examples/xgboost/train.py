"""Train an XGBoost classifier of breast tumours and write it in XGBoost's own format.

    python examples/xgboost/train.py DIR

writes DIR/model.ubj, trained on the breast cancer data set that scikit-learn ships (569 rows, 30
features, 2 classes: 0 malignant, 1 benign). Missing values are fine: send null.
"""

import argparse
from pathlib import Path

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from xgboost import XGBClassifier


def main() -> None:
    """Train, write and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="folder for model.ubj")
    output: Path = parser.parse_args().output
    features, classes = load_breast_cancer(return_X_y=True, as_frame=True)
    train, test, known, wanted = train_test_split(features, classes, random_state=0)
    model = XGBClassifier(n_estimators=50, max_depth=3).fit(train, known)
    output.mkdir(parents=True, exist_ok=True)
    model.save_model(output / "model.ubj")
    print(f"{output / 'model.ubj'} accuracy {model.score(test, wanted):.3f}")


if __name__ == "__main__":
    main()
