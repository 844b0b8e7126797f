"""Train a small neural network that reads digits and write it as an ONNX graph.

    python examples/onnx/train.py DIR

writes DIR/model.onnx, trained on the digits that scikit-learn ships (1,797 images of 8 by 8 pixels,
from 0 to 16). Without `zipmap` the probabilities are a tensor.
"""

import argparse
from pathlib import Path

import numpy as np
from skl2onnx import to_onnx
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier


def main() -> None:
    """Train, convert, write and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="folder for model.onnx")
    output: Path = parser.parse_args().output
    images, digits = load_digits(return_X_y=True)
    train, test, known, wanted = train_test_split(images.astype(np.float32), digits, random_state=0)
    model = MLPClassifier((32,), max_iter=100, random_state=0).fit(train, known)
    graph = to_onnx(model, train[:1], options={"zipmap": False})
    output.mkdir(parents=True, exist_ok=True)
    (output / "model.onnx").write_bytes(graph.SerializeToString())
    print(f"{output / 'model.onnx'} accuracy {model.score(test, wanted):.3f}")


if __name__ == "__main__":
    main()
