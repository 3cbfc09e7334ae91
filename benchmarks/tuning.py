"""Does GridSearchCV over the sampler's parameters find a setting that is better on held-out data?

Digits. Every split keeps half of the rows for the test. On the other half GridSearchCV plays a
BudgetedLearner (100 labels, 20 a query) for every combination of n_mini_queries and discriminator,
in so many folds, and chooses by label_efficiency_score. Then the chosen setting, the default, and
random rows are each played on that half, from so many starts, and scored on the test half.

Every split is one line of benchmarks/results/tuning.jsonl, written as soon as it is done; splits
that are there already are not repeated.

    OMP_NUM_THREADS=1 python tuning.py
"""

from __future__ import annotations

import argparse
import json
import warnings
from typing import Any

import numpy as np
from _common import RESULTS, machine, print_table, read_records
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neighbors import KNeighborsClassifier

from skdal import (
    BudgetedLearner,
    DiscriminativeSampler,
    MLPDiscriminator,
    RandomSampler,
    label_efficiency_score,
)

RESULT = RESULTS / "tuning.jsonl"
DISCRIMINATORS = {
    "MLP": MLPDiscriminator(),
    "logistic": LogisticRegression(max_iter=1000),
    "forest": RandomForestClassifier(50, min_samples_leaf=2),
    "neighbors": KNeighborsClassifier(15),
}
N_MINI_QUERIES = [1, 5, 10, 20]


def learner(sampler: Any, random_state: int) -> BudgetedLearner:
    return BudgetedLearner(
        LogisticRegression(max_iter=1000),
        sampler,
        budget=100,
        n_initial=20,
        n_instances=20,
        keep_models=True,
        random_state=random_state,
    )


def run(seed: int, n_folds: int, n_starts: int) -> dict[str, Any]:
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.5, stratify=y, random_state=seed)
    search = GridSearchCV(
        learner(DiscriminativeSampler(), seed),
        {
            "sampler__discriminator": list(DISCRIMINATORS.values()),
            "sampler__n_mini_queries": N_MINI_QUERIES,
        },
        scoring=label_efficiency_score,
        cv=n_folds,
        refit=False,
        error_score="raise",
    ).fit(X, y)
    results = search.cv_results_
    names = {repr(value): name for name, value in DISCRIMINATORS.items()}
    grid = [
        {
            "discriminator": names[repr(params["sampler__discriminator"])],
            "n_mini_queries": params["sampler__n_mini_queries"],
            "cv": float(score),
        }
        for params, score in zip(results["params"], results["mean_test_score"], strict=True)
    ]
    chosen = clone(learner(DiscriminativeSampler(), seed)).set_params(**search.best_params_).sampler
    held_out = {}
    for name, sampler in {
        "chosen": chosen,
        "default": DiscriminativeSampler(),
        "random": RandomSampler(),
    }.items():
        fitted = [learner(sampler, start).fit(X, y) for start in range(n_starts)]
        held_out[name] = {
            "efficiency": float(
                np.mean([label_efficiency_score(one, X_test, y_test) for one in fitted])
            ),
            "accuracy": float(np.mean([one.score(X_test, y_test) for one in fitted])),
        }
    return {"seed": seed, "grid": grid, "best": grid[search.best_index_], "held_out": held_out}


def report(records: list[dict[str, Any]]) -> None:
    cells: dict[tuple[str, int], list[float]] = {}
    for record in records:
        for cell in record["grid"]:
            key = (cell["discriminator"], cell["n_mini_queries"])
            cells.setdefault(key, []).append(cell["cv"])
    print(f"Mean score over the labels in cross-validation, mean of {len(records)} splits:\n")
    print_table(
        ["discriminator", *(f"{n} mini-queries" for n in N_MINI_QUERIES)],
        (
            [name, *(f"{np.mean(cells[name, n]):.3f}" for n in N_MINI_QUERIES)]
            for name in DISCRIMINATORS
        ),
    )
    print("\nOn held-out data:\n")
    rows = []
    for record in records:
        best, held_out = record["best"], record["held_out"]
        rows.append(
            [
                record["seed"],
                f"{best['discriminator']}, {best['n_mini_queries']}",
                *(f"{held_out[n]['efficiency']:.3f}" for n in ("chosen", "default", "random")),
                *(f"{held_out[n]['accuracy']:.3f}" for n in ("chosen", "default", "random")),
            ]
        )
    print_table(
        ["split", "chosen", "mean score", "default", "random", "at 100", "default", "random"], rows
    )
    for other in ("default", "random"):
        for what in ("efficiency", "accuracy"):
            gains = [r["held_out"]["chosen"][what] - r["held_out"][other][what] for r in records]
            error = np.std(gains, ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else np.nan
            print(
                f"{what}: chosen - {other} = {np.mean(gains):+.4f} +- {error:.4f} (standard error)"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--splits", type=int, default=5, help="0 only prints the tables")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--starts", type=int, default=5)
    args = parser.parse_args()
    # Digits are not always separable with 100 labels.
    warnings.simplefilter("ignore", ConvergenceWarning)
    records = read_records(RESULT)
    for seed in range(args.splits):
        if any(record["seed"] == seed for record in records):
            continue
        record = {**run(seed, args.folds, args.starts), "machine": machine()}
        records.append(record)
        with RESULT.open("a") as file:
            file.write(json.dumps(record) + "\n")
        print(f"split {seed}: {record['best']} {record['held_out']}", flush=True)
    report(records)


if __name__ == "__main__":
    main()
