"""Is core-set of a random subset of the pool better than core-set of the whole pool?

MNIST, 60,000 rows, of which 100 random ones are labeled at the start; then rounds of 100 rows
(--instances) each, by greedy core-set of all of the pool or of `max_candidates` random rows of it,
in two representations: the first 64 principal components of the pixels (pca64), and what the last
layer of the task model sees (learned). The task model is a multi-layer perceptron on pca64,
trained anew in every round. Within a seed all rules start from the same labels, and their task
models have the same seeds.

The "mean" is that of the test accuracies after every round. "Sparse" is the share of the chosen
rows among the sparsest 5 % of all rows: those farthest from the fifth nearest of 10,000 random rows
in pca64. "Entropy" is that of the classes of the chosen rows, 2.303 at most.

Every run is one line of benchmarks/results/core-set-candidates.jsonl, written as soon as it is
done; runs that are there already are not repeated. Without --run only the tables are printed.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from typing import Any, NamedTuple

import numpy as np
from _common import RESULTS, load_images, machine, print_table, read_records
from scipy.stats import t as student
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import NearestNeighbors
from sklearn.neural_network import MLPClassifier

from skdal import CoreSetSampler, RandomSampler
from skdal.base import BaseSampler

RESULT = RESULTS / "core-set-candidates.jsonl"
N_LABELED, SPARSE = 100, 0.05
# Parameters of CoreSetSampler; None is random.
RULES: dict[str, dict[str, Any] | None] = {
    "random": None,
    "core-set": {},
    "core-set of 20,000": {"max_candidates": 20_000},
    "core-set of 5,000": {"max_candidates": 5000},
    "core-set of 2,000": {"max_candidates": 2000},
    "core-set of 1,000": {"max_candidates": 1000},
    "core-set of 500": {"max_candidates": 500},
    "core-set of 200": {"max_candidates": 200},
}


class Data(NamedTuple):
    """MNIST in 64 principal components, and which rows are in sparse surroundings."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    sparse: np.ndarray


def load(path: str) -> Data:
    images, y, test_images, y_test = load_images(path)
    pca = PCA(64, random_state=0).fit(images.reshape(len(images), -1))
    X, X_test = (
        pca.transform(part.reshape(len(part), -1)).astype(np.float32)
        for part in (images, test_images)
    )
    some = np.random.RandomState(0).choice(len(X), 10_000, replace=False)
    # The sixth nearest, as a row may be its own nearest.
    neighbors = NearestNeighbors(n_neighbors=6, algorithm="brute").fit(X[some])
    distance = neighbors.kneighbors(X)[0][:, -1]
    return Data(X, y, X_test, y_test, distance > np.quantile(distance, 1 - SPARSE))


def train(data: Data, known: np.ndarray, seed: int) -> MLPClassifier:
    model = MLPClassifier((128,), alpha=0.01, batch_size=32, max_iter=60, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # Sixty epochs are enough.
        return model.fit(data.X[known], data.y[known])


def play(
    rule: str, psi: str, data: Data, seed: int, rounds: int, n_instances: int
) -> dict[str, Any]:
    """Query in rounds and return the record of the run."""
    y = np.full(len(data.X), -1)
    labeled = np.random.RandomState(seed).choice(len(y), N_LABELED, replace=False)
    y[labeled] = data.y[labeled]
    params = RULES[rule]
    model = train(data, y != -1, 1000 * seed)
    accuracies, chosen, seconds = [model.score(data.X_test, data.y_test)], [], 0.0
    for number in range(rounds):
        random_state = 1000 * seed + number
        sampler: BaseSampler = RandomSampler(random_state=random_state)
        if params is not None:
            estimator = FrozenEstimator(model) if psi == "learned" else None
            sampler = CoreSetSampler(estimator, random_state=random_state, **params)
        start = time.perf_counter()
        rows = sampler.fit(data.X, y).query(n_instances=n_instances)
        seconds += time.perf_counter() - start
        y[rows] = data.y[rows]
        chosen.append(rows)
        model = train(data, y != -1, random_state + 1)
        accuracies.append(model.score(data.X_test, data.y_test))
    rows = np.concatenate(chosen)
    classes = np.bincount(data.y[rows]) / len(rows)
    classes = classes[classes > 0]
    return {
        "rule": rule,
        "psi": psi,
        "seed": seed,
        "rounds": rounds,
        "n_instances": n_instances,
        "mean_accuracy": float(np.mean(accuracies[1:])),
        "accuracies": accuracies,
        "sparse_share": float(data.sparse[rows].mean()),
        "class_entropy": float(-(classes * np.log(classes)).sum()),
        "query_seconds": seconds / rounds,
    }


def paired(values: dict[int, float], others: dict[int, float]) -> str:
    """Return the mean difference over the shared seeds with its 95 % interval."""
    shared = sorted(values.keys() & others.keys())
    if len(shared) < 2:
        return "-"
    difference = np.array([values[seed] - others[seed] for seed in shared])
    error = difference.std(ddof=1) / np.sqrt(len(shared))
    return f"{difference.mean():+.4f} ± {student.ppf(0.975, len(shared) - 1) * error:.4f}"


def report(records: list[dict[str, Any]], baseline: str) -> None:
    """Print a table for every representation."""
    for psi in ("pca64", "learned"):
        # Random looks at no representation, so it ran once for both.
        runs = {
            rule: {r["seed"]: r for r in records if r["rule"] == rule and r["psi"] in (psi, "none")}
            for rule in RULES
        }
        found: dict[str, tuple[dict[int, float], dict[int, float]]] = {
            rule: (
                {seed: r["mean_accuracy"] for seed, r in by_seed.items()},
                {seed: r["accuracies"][-1] for seed, r in by_seed.items()},
            )
            for rule, by_seed in runs.items()
            if by_seed
        }
        if not found:
            continue
        none: tuple[dict[int, float], dict[int, float]] = ({}, {})
        lines = []
        for rule, (mean, last) in found.items():
            base = none if rule == baseline else found.get(baseline, none)
            by_seed = runs[rule].values()
            lines.append(
                [
                    rule,
                    len(mean),
                    f"{np.mean(list(mean.values())):.4f}",
                    paired(mean, base[0]),
                    f"{np.mean(list(last.values())):.4f}",
                    paired(last, base[1]),
                    f"{np.mean([r['sparse_share'] for r in by_seed]):.2f}",
                    f"{np.mean([r['class_entropy'] for r in by_seed]):.3f}",
                    f"{np.median([r['query_seconds'] for r in by_seed]):.2f}",
                ]
            )
        minus = f"minus {baseline}"
        print(f"\n{psi}:\n")
        print_table(
            ["rule", "seeds", "mean", minus, "last", minus, "sparse", "entropy", "query s"], lines
        )


def main() -> None:
    """Run what is asked for and not done yet; print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", metavar="DATA", help=".npz file or folder of idx files")
    parser.add_argument("--rules", nargs="+", choices=list(RULES), default=list(RULES))
    parser.add_argument("--seeds", type=int, default=6, help="default: 6")
    parser.add_argument("--rounds", type=int, default=10, help="queries in a run (default: 10)")
    parser.add_argument("--instances", type=int, default=100, help="rows in a query (default: 100)")
    parser.add_argument(
        "--baseline", choices=list(RULES), default="random", help="of differences (default: random)"
    )
    args = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    setting = {"rounds": args.rounds, "n_instances": args.instances}
    records = [r for r in read_records(RESULT) if setting.items() <= r.items()]
    if args.run is not None:
        data, here = load(args.run), machine()
        done = {(r["rule"], r["psi"], r["seed"]) for r in records}
        for seed in range(args.seeds):
            for rule in args.rules:
                for psi in ("none",) if RULES[rule] is None else ("pca64", "learned"):
                    if (rule, psi, seed) in done:
                        continue
                    record = play(rule, psi, data, seed, args.rounds, args.instances)
                    with RESULT.open("a") as file:
                        file.write(json.dumps({**record, "machine": here}) + "\n")
                    records.append(record)
                    print(f"{rule}, {psi}, seed {seed}: {record['mean_accuracy']:.4f}", flush=True)
    report(records, args.baseline)


if __name__ == "__main__":
    main()
