"""Does the limit of h_divergence_test hold, and in which space is something to be seen?

--run test: random labeled rows in five dimensions, where there is nothing to find, and shifted
ones. --run space: MNIST, random labels, an MLP: the divergence in its hidden layer and in its
predictions. One line of benchmarks/results/divergence-test.jsonl each; what is there already is
not repeated. Without --run only the tables are printed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from _common import RESULTS, load_images, machine, print_table, read_records
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skdal import DivergenceStop
from skdal.divergence import h_divergence_test

# Rows a side, and the shift of the unlabeled ones in standard deviations.
TESTS = [(n_rows, 0.0) for n_rows in (30, 100, 400)] + [(100, shift) for shift in (0.2, 0.5, 1.0)]
DISCRIMINATORS = {
    "default": None,
    "SVM": make_pipeline(StandardScaler(), SVC()),
    "trees": ExtraTreesClassifier(50),
}


def draws(n_rows: int, shift: float, n_draws: int) -> list[tuple[float, float, float]]:
    results = []
    for seed in range(n_draws):
        Z = np.random.RandomState(seed).normal(size=(2 * n_rows, 5))
        is_unlabeled = np.arange(2 * n_rows) >= n_rows
        Z[is_unlabeled, 0] += shift
        results.append(h_divergence_test(Z, is_unlabeled, random_state=seed)[:3])
    return results


def spaces(data: tuple[np.ndarray, ...], n_labels: int, seed: int) -> Iterator[tuple[str, float]]:
    X, y, X_test, y_test = data
    rng = np.random.RandomState(seed)
    hidden = np.full(len(y), -1)
    labeled = rng.choice(len(y), n_labels, replace=False)
    hidden[labeled] = y[labeled]
    model = MLPClassifier((64,), solver="lbfgs", alpha=1e-3, max_iter=150, random_state=seed)
    model.fit(X[labeled], y[labeled])
    yield "accuracy", model.score(X_test, y_test)
    for space in ("representation", "prediction"):
        for name, discriminator in DISCRIMINATORS.items():
            # The divergence alone is wanted, so as few permutations as there may be.
            rule = DivergenceStop(
                space=space,
                discriminator=discriminator,
                tolerance=2,
                n_permutations=1,
                confidence=0.5,
                random_state=seed,
            )
            yield f"{space}, {name}", rule.bind(model).fit(X, hidden).divergence_


def summarize(records: list[dict[str, Any]]) -> None:
    lines = []
    for record in records:
        if record["run"] == "test":
            divergence, limit, p = np.array(record["draws"]).T
            lines.append(
                [
                    record["n_rows"],
                    record["shift"],
                    f"{np.mean(p <= 0.05):.1%}",
                    f"{divergence.mean():.3f}",
                    f"{np.mean(limit >= divergence.mean()):.1%}",
                    *[f"{f(limit) * np.sqrt(record['n_rows']):.1f}" for f in (np.median, np.mean)],
                ]
            )
    header = ["rows", "shift", "rejected", "divergence", "covered", "median limit", "mean limit"]
    print_table([*header[:5], *[f"{name} x sqrt(n)" for name in header[5:]]], lines)
    found = [record for record in records if record["run"] == "space"]
    if found:
        lines = []
        for n_labels in sorted({record["n_labels"] for record in found}):
            same = [record["found"] for record in found if record["n_labels"] == n_labels]
            lines.append([n_labels, *[f"{np.mean([f[k] for f in same]):.2f}" for k in same[0]]])
        print()
        print_table(["labels", *found[0]["found"]], lines)


def main() -> None:
    """Measure what is asked for and not done yet; print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", nargs="*", choices=["test", "space"], default=[])
    parser.add_argument("--data", help="MNIST, as .npz file or folder of idx files")
    parser.add_argument("--draws", type=int, default=200, help="default: 200")
    parser.add_argument("--seeds", type=int, default=2, help="default: 2")
    args = parser.parse_args()
    path = RESULTS / "divergence-test.jsonl"
    done = read_records(path)

    def write(key: dict[str, Any], **result: Any) -> None:
        done.append({**key, **result, "machine": machine()})
        with path.open("a") as file:
            file.write(json.dumps(done[-1]) + "\n")

    if "test" in args.run:
        for n_rows, shift in TESTS:
            key = {"run": "test", "n_rows": n_rows, "shift": shift}
            if not any(key.items() <= record.items() for record in done):
                write(key, draws=draws(n_rows, shift, args.draws))
    if "space" in args.run:
        X, y, X_test, y_test = load_images(args.data)
        rows = np.random.RandomState(0).choice(len(X), 8000, replace=False)
        data = X[rows].reshape(8000, -1), y[rows], X_test.reshape(len(X_test), -1), y_test
        for seed in range(args.seeds):
            for n_labels in (50, 100, 200, 400, 800, 1600):
                key = {"run": "space", "n_labels": n_labels, "seed": seed}
                if not any(key.items() <= record.items() for record in done):
                    write(key, found=dict(spaces(data, n_labels, seed)))
    summarize(done)


if __name__ == "__main__":
    main()
