"""How fast is skdal beside packages that live in environments of their own?

small-text  its DiscriminativeActiveLearning with the logistic regression and the mini-queries of
            ours, 5,000 rows in 64 columns, 100 of them labeled, a batch of 100; and its greedy
            core-set, 5,000 rows in 64 columns, 100 picks.
alipy       its greedy core-set, 20,000 rows in 64 columns, 100 picks.
modal       20 rounds of 10 labels on digits by its ActiveLearner and by ours, uncertainty
            sampling, the same logistic regression.
distil      greedy core-set as decile-distil and the paper's code have it, the distances of all rows
            to a new center, written anew: theirs take a network and its data sets, not points.

Both sides take the same arrays, after a run that warms up, in turn, in one process. Seconds are
CPU seconds of it, and the least of several counts. Only numpy and scikit-learn are needed.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import pairwise_distances

from skdal import ActiveLearner, DiscriminativeSampler, UncertaintySampler
from skdal.core_set import covering_radius, greedy_k_center


def in_turns(times: int, **runs: Callable[[], Any]) -> dict[str, Any]:
    """Return the least CPU seconds of each run, what it returned, and the ratio."""
    found: dict[str, Any] = {}
    for number in range(times + 1):
        for name, run in runs.items():
            start = time.process_time()
            result = run()
            seconds = time.process_time() - start
            if number:  # the first warms up
                least = min(seconds, found.get(name, (np.inf,))[0])
                found[name] = least, result
    ours, theirs = found["ours"], found["theirs"]
    return {
        "ours_seconds": ours[0],
        "peer_seconds": theirs[0],
        "ratio": theirs[0] / ours[0],
        "ours": ours[1],
        "theirs": theirs[1],
    }


def points(n_rows: int) -> np.ndarray:
    return np.random.RandomState(0).randn(n_rows, 64)


def core_set(n_rows: int, times: int, theirs: Callable[..., np.ndarray]) -> dict[str, Any]:
    """Compare greedy core-sets; the last 100 rows are labeled."""
    X = points(n_rows)
    pool, labeled = np.arange(n_rows - 100), np.arange(n_rows - 100, n_rows)
    found = in_turns(
        times,
        ours=lambda: greedy_k_center(X[pool], X[labeled], 100)[0],
        theirs=lambda: theirs(X, pool, labeled, 100),
    )
    ours, peer = found.pop("ours"), found.pop("theirs")
    found["same_rows"] = float(np.isin(ours, peer).mean())
    for name, rows in (("radius", ours), ("peer_radius", peer)):
        found[name] = float(covering_radius(X, X[np.concatenate([labeled, rows])]))
    return {"n_rows": n_rows, "k": 100, **found}


def small_text() -> dict[str, Any]:
    from small_text import (
        DiscriminativeActiveLearning,
        SklearnClassifierFactory,
        SklearnDataset,
        greedy_coreset,
    )

    X = points(5000)
    y = np.full(len(X), -1)
    y[:100] = 0
    factory = SklearnClassifierFactory(LogisticRegression(), 2)
    strategy = DiscriminativeActiveLearning(factory, 10, pbar=None)
    dataset = SklearnDataset(X, np.arange(len(X)) % 2)
    labeled, pool = np.arange(100), np.arange(100, len(X))

    def ours() -> None:
        sampler = DiscriminativeSampler(
            LogisticRegression(), n_mini_queries=10, candidates="pool", random_state=0
        )
        sampler.fit(X, y).query(n_instances=100)

    found = in_turns(
        5,
        ours=ours,
        theirs=lambda: strategy.query(None, dataset, pool, labeled, y[labeled], n=100),
    )
    seconds = {key: found[key] for key in ("ours_seconds", "peer_seconds", "ratio")}
    picked = core_set(
        5000,
        1,
        lambda X, pool, labeled, k: greedy_coreset(
            X, pool, labeled, k, distance_metric="euclidean", batch_size=1000
        ),
    )
    return {"dal": seconds, "core_set": picked}


def alipy() -> dict[str, Any]:
    from alipy.query_strategy import QueryInstanceCoresetGreedy

    def theirs(X: np.ndarray, pool: np.ndarray, labeled: np.ndarray, k: int) -> np.ndarray:
        strategy = QueryInstanceCoresetGreedy(X, np.zeros(len(X)), np.arange(len(X)))
        # It looks for every chosen row in the pool: a set answers at once.
        return np.array(strategy.select(labeled, set(pool.tolist()), batch_size=k))

    return {"core_set": core_set(20_000, 3, theirs)}


def distil() -> dict[str, Any]:
    def theirs(X: np.ndarray, pool: np.ndarray, labeled: np.ndarray, k: int) -> np.ndarray:
        nearest = pairwise_distances(X, X[labeled]).min(axis=1)
        rows = []
        for _ in range(k):
            rows.append(int(nearest.argmax()))
            nearest = np.minimum(nearest, pairwise_distances(X, X[rows[-1:]])[:, 0])
        return np.array(rows)

    return {"core_set": core_set(60_000, 2, theirs)}


def modal() -> dict[str, Any]:
    from modAL.models import ActiveLearner as Theirs
    from modAL.uncertainty import entropy_sampling

    X, truth = load_digits(return_X_y=True)
    X /= 16
    model = LogisticRegression(max_iter=1000)

    def ours() -> float:
        y = np.where(np.arange(len(X)) < 20, truth, -1)
        learner = ActiveLearner(model, UncertaintySampler(measure="entropy"), random_state=0)
        learner.fit(X, y)
        for _ in range(20):
            rows = learner.query(n_instances=10)
            learner.teach(rows, truth[rows])
        return float(learner.score(X, truth))

    def theirs() -> float:
        learner = Theirs(
            LogisticRegression(max_iter=1000),
            query_strategy=entropy_sampling,
            X_training=X[:20],
            y_training=truth[:20],
        )
        pool, labels = X[20:], truth[20:]
        for _ in range(20):
            rows, _ = learner.query(pool, n_instances=10)
            learner.teach(pool[rows], labels[rows])
            pool, labels = np.delete(pool, rows, axis=0), np.delete(labels, rows)
        return float(learner.score(X, truth))

    return {"loop": in_turns(5, ours=ours, theirs=theirs)}


PEERS = {"small-text": small_text, "alipy": alipy, "distil": distil, "modal": modal}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("peer", choices=PEERS)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    result = PEERS[args.peer]()
    print(json.dumps(result, indent=1))
    folder = Path(os.environ.get("SKDAL_RESULTS", "."))
    (folder / f"peer-{args.peer}.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
