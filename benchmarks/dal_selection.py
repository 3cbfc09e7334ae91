"""Which rows should DAL take? Accuracy on images after queries by different rules.

LeNet is trained on 100 random labels of the images; 400 more rows are queried in its
128-dimensional representation, in one query or in several rounds with a new LeNet each; then
LeNet is trained on the 500, twice, and the mean of the two test accuracies counts. Within a
seed all rules start from the same labels, the same first LeNet and the same last seeds.

Every run is one line of benchmarks/results/dal-selection-NAME.jsonl, written as soon as it is
done; runs that are there already are not repeated. Without --run only the table is printed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from _common import RESULTS, lenet, lenet_features, load_images, machine, print_table, read_records
from scipy.special import expit
from scipy.stats import t as student
from sklearn.linear_model import LogisticRegression

from skdal import DiscriminativeSampler, MLPDiscriminator
from skdal.base import top

N_LABELED, N_INSTANCES, N_MINI_QUERIES = 100, 400, 10


def released(
    log_odds: np.ndarray, rows: np.ndarray, n_instances: int, rng: np.random.RandomState
) -> np.ndarray:
    """Take the largest float32 probabilities, most of which tie at 1, ties at random."""
    order = rng.permutation(len(log_odds))
    return order[top(expit(log_odds.astype(np.float32))[order], n_instances)]


def upper_half(
    log_odds: np.ndarray, rows: np.ndarray, n_instances: int, rng: np.random.RandomState
) -> np.ndarray:
    """Draw among the upper half by log-odds; the default draws among the upper quarter."""
    half = top(log_odds, max(n_instances, len(log_odds) // 2))
    return rng.choice(half, n_instances, replace=False)


def dal(discriminator: Any = None, **params: Any) -> Callable[..., np.ndarray]:
    def choose(Z: np.ndarray, y: np.ndarray, n_instances: int, seed: int) -> np.ndarray:
        sampler = DiscriminativeSampler(
            discriminator, n_mini_queries=N_MINI_QUERIES, random_state=seed, **params
        )
        return sampler.fit(Z, y).query(n_instances=n_instances)

    return choose


def core_set(n_candidates: int | None) -> Callable[..., np.ndarray]:
    """Greedy farthest-first, to the letter; of a random subset of the pool if one is asked for."""

    def choose(Z: np.ndarray, y: np.ndarray, n_instances: int, seed: int) -> np.ndarray:
        rows = np.flatnonzero(y == -1)
        if n_candidates is not None:
            rows = np.random.RandomState(seed).choice(rows, n_candidates, replace=False)
        A, centers = Z[rows], Z[y != -1]
        norms = (A**2).sum(axis=1)
        distance = (norms[:, None] - 2 * A @ centers.T + (centers**2).sum(axis=1)).min(axis=1)
        chosen = []
        for _ in range(n_instances):
            chosen.append(distance.argmax())
            new = A[chosen[-1]]
            distance = np.minimum(distance, norms - 2 * A @ new + new @ new)
            distance[chosen] = -np.inf
        return rows[chosen]

    return choose


def random(Z: np.ndarray, y: np.ndarray, n_instances: int, seed: int) -> np.ndarray:
    return np.random.RandomState(seed).choice(np.flatnonzero(y == -1), n_instances, replace=False)


RULES: dict[str, Callable[..., np.ndarray]] = {
    "random": random,
    "default": dal(),
    "released rule": dal(selection=released),
    "upper half": dal(selection=upper_half),
    "top of the subsample": dal(selection="top"),
    "letter (top of the pool)": dal(selection="top", candidates="pool"),
    "released rule, shrink=1": dal(MLPDiscriminator(shrink=1), selection=released),
    "default, shrink=1": dal(MLPDiscriminator(shrink=1)),
    "default, from scratch": dal(warm_start=False),
    "recipe (Adam 1e-4, from scratch)": dal(
        MLPDiscriminator(lr=1e-4), warm_start=False, selection=released
    ),
    "default, stop at 90 %": dal(MLPDiscriminator(stop_accuracy=0.9)),
    "LogisticRegression": dal(LogisticRegression(max_iter=1000)),
    "core-set": core_set(None),
    "core-set of 3,000": core_set(3000),
}


def play(
    rule: str, data: tuple[np.ndarray, ...], first: Any, seed: int, rounds: int, epochs: int
) -> dict[str, Any]:
    """Query in rounds and return the record of the run."""
    X, truth, X_test, y_test = data
    labeled = np.random.RandomState(seed).choice(len(X), N_LABELED, replace=False)
    y = np.full(len(X), -1)
    y[labeled] = truth[labeled]
    model, seconds, batches = first, 0.0, []
    for number in range(rounds):
        if number:
            known = y != -1
            model = lenet(1000 + seed, epochs).fit(X[known], truth[known])
        Z = lenet_features(model, X)
        start = time.perf_counter()
        rows = RULES[rule](Z, y, N_INSTANCES // rounds, 100 * seed + number)
        seconds += time.perf_counter() - start
        y[rows] = truth[rows]
        batches.append(rows)
    known = y != -1
    scores = [
        lenet(10_000 + 2 * seed + last, epochs).fit(X[known], truth[known]).score(X_test, y_test)
        for last in range(2)
    ]
    shares = np.bincount(truth[np.concatenate(batches)]) / N_INSTANCES
    shares = shares[shares > 0]
    return {
        "rule": rule,
        "seed": seed,
        "rounds": rounds,
        "epochs": epochs,
        "accuracy": float(np.mean(scores)),
        "accuracies": scores,
        "class_entropy": float(-(shares * np.log(shares)).sum()),
        "query_seconds": seconds,
    }


def summarize(records: list[dict[str, Any]], baseline: str) -> None:
    """Print mean accuracies and paired differences to a rule with 95 % intervals."""
    groups: dict[tuple[int, str], dict[int, dict[str, Any]]] = defaultdict(dict)
    for record in records:
        groups[record["rounds"], record["rule"]][record["seed"]] = record
    lines = []
    for rounds, rule in sorted(groups, key=lambda key: (key[0], list(RULES).index(key[1]))):
        runs, others = groups[rounds, rule], groups.get((rounds, baseline), {})
        shared = [seed for seed in runs if seed in others]
        difference = np.array([runs[s]["accuracy"] - others[s]["accuracy"] for s in shared])
        text = "-"
        if rule != baseline and len(shared) > 1:
            error = difference.std(ddof=1) / np.sqrt(len(shared))
            half = student.ppf(0.975, len(shared) - 1) * error
            text = f"{difference.mean():+.4f} ± {half:.4f}"
        lines.append(
            [
                rounds,
                rule,
                len(runs),
                f"{np.mean([r['accuracy'] for r in runs.values()]):.4f}",
                text,
                f"{np.mean([r['class_entropy'] for r in runs.values()]):.3f}",
                f"{np.median([r['query_seconds'] for r in runs.values()]):.0f}",
            ]
        )
    print_table(
        ["rounds", "rule", "seeds", "accuracy", f"minus {baseline}", "entropy", "query s"], lines
    )


def main() -> None:
    """Run what is asked for and not done yet; print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="name of the results, such as mnist")
    parser.add_argument("--run", metavar="DATA", help=".npz file or folder of idx files")
    parser.add_argument("--rules", nargs="+", choices=list(RULES), default=list(RULES))
    parser.add_argument("--seeds", type=int, default=6, help="default: 6")
    parser.add_argument("--rounds", type=int, default=1, help="queries in a run (default: 1)")
    parser.add_argument("--epochs", type=int, default=40, help="of LeNet (default: 40)")
    parser.add_argument(
        "--baseline", choices=list(RULES), default="random", help="of differences (default: random)"
    )
    parser.add_argument("--threads", type=int, default=1, help="of torch (default: 1)")
    args = parser.parse_args()
    path = RESULTS / f"dal-selection-{args.name}.jsonl"
    RESULTS.mkdir(exist_ok=True)
    if args.run is not None:
        torch.set_num_threads(args.threads)
        data = load_images(args.run)
        here = machine()
        for seed in range(args.seeds):
            done = {(r["rule"], r["seed"], r["rounds"], r["epochs"]) for r in read_records(path)}
            todo = [r for r in args.rules if (r, seed, args.rounds, args.epochs) not in done]
            if not todo:
                continue
            labeled = np.random.RandomState(seed).choice(len(data[0]), N_LABELED, replace=False)
            first = lenet(seed, args.epochs).fit(data[0][labeled], data[1][labeled])
            for rule in todo:
                record = play(rule, data, first, seed, args.rounds, args.epochs)
                with path.open("a") as file:
                    file.write(json.dumps({**record, "machine": here}) + "\n")
                print(f"{rule}, seed {seed}: {record['accuracy']:.4f}", flush=True)
    records = [record for record in read_records(path) if record["epochs"] == args.epochs]
    summarize(records, args.baseline)


if __name__ == "__main__":
    main()
