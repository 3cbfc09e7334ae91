"""What the benchmarks share: the machine, the images, the task model, the results."""

from __future__ import annotations

import gzip
import json
import os
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _machine import cpu
from torch import nn

from skdal.neural import NeuralClassifier

# table.py sends what its runs write elsewhere.
RESULTS = Path(os.environ.get("SKDAL_RESULTS", Path(__file__).parent / "results"))


def machine() -> dict[str, Any]:
    """Describe what the figures were measured on."""
    packages = ("skdal", "scikit-learn", "skorch", "torch", "numpy")
    return {
        "cpu": cpu(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def write_result(name: str, result: dict[str, Any]) -> None:
    """Keep a result in benchmarks/results, with the machine it was measured on."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": machine(), **result}, indent=1) + "\n")
    print(f"written to {path}")


def read_records(path: Path) -> list[dict[str, Any]]:
    """Read one JSON record a line; none where there is no file yet."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def print_table(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Print a table in Markdown."""
    lines = [list(header), *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    for line in lines:
        print("| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |")


def load_images(path: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Load images and labels of a training and a test set.

    Parameters
    ----------
    path : str
        An ``.npz`` file that holds ``x_train, y_train, x_test, y_test``, or a folder with the
        four gzipped idx files in which MNIST and Fashion-MNIST are handed on.

    Returns
    -------
    X, y, X_test, y_test : ndarrays
        Images as float32 in [0, 1] of shape (n_rows, 28, 28).
    """
    if path.endswith(".npz"):
        with np.load(path) as data:
            X, y, X_test, y_test = (data[k] for k in ("x_train", "y_train", "x_test", "y_test"))
    else:

        def idx(name: str, head: int) -> np.ndarray:
            with gzip.open(Path(path) / name) as file:
                return np.frombuffer(file.read(), np.uint8, offset=head)

        X = idx("train-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
        y = idx("train-labels-idx1-ubyte.gz", 8)
        X_test = idx("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
        y_test = idx("t10k-labels-idx1-ubyte.gz", 8)
    scaled = (np.asarray(part / 255, dtype=np.float32) for part in (X, X_test))
    return next(scaled), y.astype(int), next(scaled), y_test.astype(int)


class LeNet(nn.Module):
    """The paper's task model for MNIST; its last layer sees 128 features."""

    def __init__(self, input_shape: tuple[int, ...], n_outputs: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Unflatten(1, (1, input_shape[0])),
            nn.Conv2d(1, 32, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(1600, 128),
            nn.ReLU(),
        )
        self.output = nn.Sequential(nn.Dropout(0.5), nn.Linear(128, n_outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        return self.output(self.features(x))


def lenet(seed: int, epochs: int) -> NeuralClassifier:
    """Return an untrained LeNet with the paper's optimizer."""
    return NeuralClassifier(LeNet, batch_size=32, max_epochs=epochs, lr=1e-3, random_state=seed)


def lenet_features(model: NeuralClassifier, X: np.ndarray) -> np.ndarray:
    """Return what the last layer of a fitted LeNet sees of every image."""
    features = model.net_.module_.eval().features
    with torch.inference_mode():
        parts = [features(part) for part in torch.from_numpy(X).split(1000)]
    return torch.cat(parts).numpy()
