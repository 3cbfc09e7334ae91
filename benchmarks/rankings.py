"""Do the samplers rank a pool alike? Section 5.5 of the paper, and the task model's accuracy.

LeNet under the paper's settings is trained on labeled images drawn at random; then each sampler
scores the same rows of the pool. Printed is the Spearman correlation of every pair of them, and
the test accuracy of the models. One record a seed is appended to the results as soon as it is
there; a run that was broken off goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np
import torch
from _common import RESULTS, load_images, machine, print_table, read_records

from skdal import (
    DeepFoolSampler,
    DiscriminativeSampler,
    ExpectedGradientLengthSampler,
    MCDropoutSampler,
    UncertaintySampler,
)
from skdal.experiments.ranking import score_rows
from skdal.experiments.seeds import seed_of
from skdal.metrics import spearman
from skdal.neural import LeNetClassifier


def samplers(seed: int) -> dict[str, Any]:
    return {
        "uncertainty": UncertaintySampler(),
        "DBAL": MCDropoutSampler(random_state=seed),
        "DFAL": DeepFoolSampler(),
        "EGL": ExpectedGradientLengthSampler(),
        "DAL": DiscriminativeSampler(random_state=seed),
    }


def run(data: Any, seed: int, n_labeled: int, n_scored: int) -> dict[str, Any]:
    X, y, X_test, y_test = data
    order = np.random.RandomState(seed).permutation(len(X))
    labeled, scored = order[:n_labeled], order[n_labeled : n_labeled + n_scored]
    model = LeNetClassifier(random_state=seed, device="cpu").fit(X[labeled], y[labeled])
    record: dict[str, Any] = {
        "seed": seed,
        "n_labeled": n_labeled,
        "n_scored": n_scored,
        "test_accuracy": float(model.score(X_test, y_test)),
        "best_epoch": int(model.best_epoch_),
        "machine": machine(),
    }
    if n_scored:
        scores = {
            name: score_rows(sampler, model, X, y, labeled, scored, random_state=seed_of(0, name))
            for name, sampler in samplers(seed).items()
        }
        record["spearman"] = {f"{a} / {b}": value for (a, b), value in spearman(scores).items()}
    return record


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="MNIST: an .npz file or a folder of idx files")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--labeled", type=int, default=1000)
    parser.add_argument("--scored", type=int, default=5000, help="rows of the pool; 0: none")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    path = RESULTS / "rankings-mnist.jsonl"
    wanted = {"n_labeled": args.labeled, "n_scored": args.scored}
    data = load_images(args.data)

    def records() -> list[dict[str, Any]]:
        return [r for r in read_records(path) if wanted.items() <= r.items()]

    done = {record["seed"] for record in records()}
    for seed in sorted(set(range(args.seeds)) - done):
        record = run(data, seed, args.labeled, args.scored)
        with path.open("a") as file:
            file.write(json.dumps(record) + "\n")
        print(f"seed {seed}: test accuracy {record['test_accuracy']:.4f}", flush=True)
    found = records()
    accuracy = [record["test_accuracy"] for record in found]
    print(
        f"{len(found)} seeds, {args.labeled} labels: test accuracy {np.mean(accuracy):.4f}, "
        f"standard deviation {np.std(accuracy, ddof=1):.4f}"
    )
    if args.scored:
        pairs = found[0]["spearman"]
        by_pair = {pair: [record["spearman"][pair] for record in found] for pair in pairs}
        rows = [
            (pair, f"{np.mean(v):.2f}", f"{np.min(v):.2f} to {np.max(v):.2f}")
            for pair, v in by_pair.items()
        ]
        print_table(["pair", "Spearman", "range"], rows)


if __name__ == "__main__":
    main()
