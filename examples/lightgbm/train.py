"""Train a LightGBM regression of diabetes progression and write it in LightGBM's own format.

    python examples/lightgbm/train.py DIR

writes DIR/model.txt, trained on the diabetes data set that scikit-learn ships (442 rows, 10
features).
"""

import argparse
from pathlib import Path

from lightgbm import LGBMRegressor
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split


def main() -> None:
    """Train, write and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="folder for model.txt")
    output: Path = parser.parse_args().output
    features, values = load_diabetes(return_X_y=True, as_frame=True)
    train, test, known, wanted = train_test_split(features, values, random_state=0)
    model = LGBMRegressor(n_estimators=40, num_leaves=6, verbose=-1).fit(train, known)
    output.mkdir(parents=True, exist_ok=True)
    model.booster_.save_model(output / "model.txt")
    print(f"{output / 'model.txt'} R² {model.score(test, wanted):.3f}")


if __name__ == "__main__":
    main()
