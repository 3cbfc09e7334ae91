"""How fast is a query by DiscriminativeSampler, and what does it take in memory?

recipe    60,000 rows in 128 dimensions (PCA of the images), 1,000 labeled, a query of 1,000 in
          20 mini-queries: beside a plain torch loop of the paper's recipe (Adam 1e-4, batches
          of 128, every mini-query from scratch, 98 %, features as they are), of which the first
          three mini-queries are timed and scaled to 20 by the rows they train on.
epoch     one epoch of the default discriminator beside a bare torch loop.
peer      5,000 rows in 64 dimensions, a batch of 100, logistic regression: beside
          scikit-activeml's DiscriminativeAL, which refits for every row (needs
          `pip install scikit-activeml`).
memory    what the query of `recipe` adds to the peak memory of the process, in bytes of X.

Seconds are CPU seconds of the process: with --threads 1 they are time.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _common import load_images, print_table, write_result
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from torch.nn.functional import cross_entropy

from skdal import DiscriminativeSampler, MLPDiscriminator
from skdal.neural import MLP

N_MINI_QUERIES, N_INSTANCES, N_LABELED = 20, 1000, 1000


def median_seconds(run: Callable[[], Any], times: int) -> float:
    """Return the median of the times of several runs, after one that warms up."""
    run()
    return float(np.median([clock(run) for _ in range(times)]))


def clock(run: Callable[[], Any]) -> float:
    # Of this process, all its threads: the wall clock of a shared machine times the neighbors.
    start = time.process_time()
    run()
    return time.process_time() - start


def pca_features(path: str) -> np.ndarray:
    X = load_images(path)[0]
    return PCA(128, random_state=0).fit_transform(X.reshape(len(X), -1)).astype(np.float32)


def start(n_rows: int, n_labeled: int) -> np.ndarray:
    y = np.full(n_rows, -1)
    y[np.random.RandomState(0).choice(n_rows, n_labeled, replace=False)] = 0
    return y


def train_bare(
    X: torch.Tensor, y: torch.Tensor, *, lr: float, epochs: int, stop: float | None = None
) -> tuple[torch.nn.Module, int]:
    """Train the paper's network in a bare torch loop; return it and its epochs."""
    torch.manual_seed(0)
    net = MLP(X.shape[1:], 2)
    optimizer = torch.optim.Adam(net.parameters(), lr=lr, fused=True)
    weight = len(y) / (2 * torch.bincount(y).float())
    n_epochs, n_correct = 0, 0
    while n_epochs < epochs and (stop is None or n_correct <= stop * len(y)):
        n_epochs, n_correct = n_epochs + 1, 0
        net.train()
        order = torch.randperm(len(X))
        for rows in order.split(128):
            optimizer.zero_grad()
            logits, target = net(X[rows]), y[rows]
            cross_entropy(logits, target, weight=weight).backward()
            optimizer.step()
            n_correct += int((logits.argmax(dim=1) == target).sum())
    return net, n_epochs


def recipe_query(X: np.ndarray, y: np.ndarray, n_mini_queries: int) -> int:
    """Play the paper's recipe for some mini-queries; return the epochs it took."""
    rng = np.random.RandomState(0)
    labeled, pool = np.flatnonzero(y != -1), np.flatnonzero(y == -1)
    features = torch.from_numpy(X)
    epochs = 0
    for _ in range(n_mini_queries):
        subsample = rng.choice(pool, 10 * len(labeled), replace=False)
        rows = torch.from_numpy(np.concatenate([labeled, subsample]))
        target = (torch.arange(len(rows)) >= len(labeled)).long()
        net, n = train_bare(features[rows], target, lr=1e-4, epochs=1000, stop=0.98)
        epochs += n
        with torch.inference_mode():
            p = net.eval()(features[torch.from_numpy(subsample)]).softmax(dim=1)[:, 1].numpy()
        taken = subsample[np.argsort(-p, kind="stable")[: N_INSTANCES // N_MINI_QUERIES]]
        labeled, pool = np.concatenate([labeled, taken]), np.setdiff1d(pool, taken)
    return epochs


def default_query(X: np.ndarray, y: np.ndarray) -> Any:
    sampler = DiscriminativeSampler(n_mini_queries=N_MINI_QUERIES, random_state=0)
    return sampler.fit(X, y).query(n_instances=N_INSTANCES, return_details=True)[1]


def status_bytes(field: str) -> int:
    """Read a figure of this process that Linux keeps in kB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(field)).split()[1])


def memory(X: np.ndarray, y: np.ndarray) -> dict[str, float]:
    default_query(X[:5000].copy(), start(5000, 100))  # what torch itself takes
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew from here
    before = status_bytes("VmRSS")
    default_query(X, y)
    extra = status_bytes("VmHWM") - before
    return {"extra_bytes": extra, "bytes_of_X": X.nbytes, "ratio": extra / X.nbytes}


def recipe(X: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    recipe_query(X[:5000], start(5000, 100), 1)  # warms up
    found: dict[str, Any] = {}
    ours = clock(lambda: found.update(ours=default_query(X, y)))
    three = clock(lambda: found.update(theirs=recipe_query(X, y, 3)))
    # A mini-query trains on rows in proportion to |L|, which grows from one to the next.
    labeled = N_LABELED + N_INSTANCES // N_MINI_QUERIES * np.arange(N_MINI_QUERIES)
    theirs = three * labeled.sum() / labeled[:3].sum()
    return {
        "ours_seconds": ours,
        "ours_epochs": int(found["ours"].n_epochs.sum()),
        "recipe_seconds_of_three": three,
        "recipe_epochs_of_three": found["theirs"],
        "recipe_seconds": theirs,
        "ratio": theirs / ours,
        "ratio_if_scaled_by_20_thirds": three * N_MINI_QUERIES / 3 / ours,
    }


def epoch(X: np.ndarray, times: int) -> dict[str, Any]:
    rows, target = X[:11_000], (np.arange(11_000) >= 1000).astype(int)
    n_epochs = 5
    model = MLPDiscriminator(
        max_epochs=n_epochs, batch_size=128, stop_accuracy=None, random_state=0
    )
    tensors = torch.from_numpy((rows - rows.mean(axis=0)) / rows.std(axis=0))
    labels = torch.from_numpy(target)
    ours, bare = [], []
    for number in range(times + 1):  # in turn, and the first pair only warms up
        pair = (
            clock(lambda: model.fit(rows, target)),
            clock(lambda: train_bare(tensors, labels, lr=1e-3, epochs=n_epochs)),
        )
        if number:
            ours.append(pair[0])
            bare.append(pair[1])
    ours_median, bare_median = float(np.median(ours)), float(np.median(bare))
    return {
        "ours_seconds": ours_median / n_epochs,
        "bare_seconds": bare_median / n_epochs,
        "ratio": ours_median / bare_median,
    }


def peer(times: int) -> dict[str, Any]:
    from skactiveml.classifier import SklearnClassifier
    from skactiveml.pool import DiscriminativeAL

    X = np.random.RandomState(0).randn(5000, 64)
    y = start(5000, 100)
    hidden = np.where(y == -1, np.nan, y)

    def theirs() -> None:
        DiscriminativeAL(random_state=0).query(
            X,
            hidden,
            discriminator=SklearnClassifier(LogisticRegression(), classes=[0, 1]),
            batch_size=100,
        )

    def ours() -> None:
        sampler = DiscriminativeSampler(LogisticRegression(), random_state=0)
        sampler.fit(X, y).query(n_instances=100)

    def per_row() -> None:
        sampler = DiscriminativeSampler(
            LogisticRegression(), n_mini_queries=100, candidates="pool", random_state=0
        )
        sampler.fit(X, y).query(n_instances=100)

    seconds = {
        "ours_seconds": median_seconds(ours, times),
        "ours_refit_for_every_row_over_the_pool_seconds": median_seconds(per_row, times),
        "peer_seconds": median_seconds(theirs, times),
    }
    return {**seconds, "ratio": seconds["peer_seconds"] / seconds["ours_seconds"]}


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help=".npz file or folder of idx files with MNIST")
    parts = ["memory", "epoch", "recipe", "peer"]
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--times", type=int, default=5, help="runs of the short parts (default: 5)")
    parser.add_argument("--threads", type=int, default=None, help="of torch (default: its own)")
    args = parser.parse_args()
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    X = pca_features(args.data)
    y = start(len(X), N_LABELED)
    run = {
        "memory": lambda: memory(X, y),
        "epoch": lambda: epoch(X, args.times),
        "recipe": lambda: recipe(X, y),
        "peer": lambda: peer(args.times),
    }
    for part in args.parts:
        result = run[part]()
        print_table(["figure", part], [[k, f"{v:.4g}"] for k, v in result.items()])
        write_result(f"speed-{part}", result)


if __name__ == "__main__":
    main()
