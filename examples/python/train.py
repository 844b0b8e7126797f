"""Find the class means of wines and put them beside the class that uses them.

    python examples/python/train.py DIR

writes DIR/means.npz, from four columns of the wine data set that scikit-learn ships (178 rows, 3
classes), and copies model.py to DIR.
"""

import argparse
import shutil
from pathlib import Path

import numpy as np
from sklearn.datasets import load_wine

COLUMNS = ["alcohol", "flavanoids", "color_intensity", "proline"]


def main() -> None:
    """Calculate, write and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="folder for model.py and means.npz")
    output: Path = parser.parse_args().output
    features, kinds = load_wine(return_X_y=True, as_frame=True)
    wines = features[COLUMNS].to_numpy()
    spread = wines.std(axis=0)
    means = np.array([(wines[kinds == kind] / spread).mean(axis=0) for kind in range(3)])
    output.mkdir(parents=True, exist_ok=True)
    np.savez(output / "means.npz", means=means, spread=spread)
    shutil.copy(Path(__file__).with_name("model.py"), output)
    distances = np.linalg.norm((wines / spread)[:, None] - means, axis=2)
    print(f"{output} accuracy {(distances.argmin(axis=1) == kinds).mean():.3f}")


if __name__ == "__main__":
    main()
