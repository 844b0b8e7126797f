"""Train a small convolutional network that reads digits and write it as an exported program.

    python examples/pytorch/train.py DIR

writes DIR/model.pt2, trained on the digits that scikit-learn ships (1,797 images of 8 by 8 pixels,
from 0 to 16). Needs torch and scikit-learn: `make test-torch` makes such an environment in
.venv/torch.
"""

import argparse
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn


class Digits(nn.Module):
    """Images [n, 1, 8, 8] in, scores and probabilities [n, 10] of the ten digits out."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(256, 10),
        )

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Classify images."""
        scores = self.layers(image / 16)
        return {"digit": scores.argmax(1), "probability": scores.softmax(1), "score": scores}


def main() -> None:
    """Train, export, write and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="folder for model.pt2")
    output: Path = parser.parse_args().output
    torch.manual_seed(0)
    images, digits = load_digits(return_X_y=True)
    pictures = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8)
    train, test, known, wanted = train_test_split(pictures, torch.tensor(digits), random_state=0)
    model = Digits()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(train)["score"], known).backward()
        optimizer.step()
    model.eval()
    accuracy = (model(test)["digit"] == wanted).float().mean()
    program = torch.export.export(model, (test[:2],), dynamic_shapes=({0: torch.export.Dim("n")},))
    output.mkdir(parents=True, exist_ok=True)
    torch.export.save(program, output / "model.pt2")
    print(f"{output / 'model.pt2'} accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
