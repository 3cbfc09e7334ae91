"""Does a query bring a missing cluster up to its share? (Section 3.3 of the paper.)

A pool of 10,000 rows in 32 dimensions: six unit Gaussians around centers drawn from N(0, 1),
31 % of the rows in one of them, from which the 100 labeled rows have none. After a query of
100 rows the share of that cluster among the 200 labeled rows should be its share of the pool.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from _common import print_table, write_result
from sklearn.linear_model import LogisticRegression

from skdal import DiscriminativeSampler, MLPDiscriminator

N_ROWS, N_FEATURES, N_LABELED, N_INSTANCES = 10_000, 32, 100, 100
SHARES = [0.31] + [0.138] * 5


def make_pool(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, whether each is in the missing cluster, and y, -1 where unlabeled."""
    rng = np.random.RandomState(seed)
    centers = rng.randn(len(SHARES), N_FEATURES)
    cluster = rng.choice(len(SHARES), N_ROWS, p=SHARES)
    X = (centers[cluster] + rng.randn(N_ROWS, N_FEATURES)).astype(np.float32)
    y = np.full(N_ROWS, -1)
    labeled = rng.choice(np.flatnonzero(cluster != 0), N_LABELED, replace=False)
    y[labeled] = cluster[labeled]
    return X, cluster == 0, y


def samplers(seed: int) -> dict[str, DiscriminativeSampler]:
    """Return what is compared."""

    def dal(discriminator: Any = None, **params: Any) -> DiscriminativeSampler:
        return DiscriminativeSampler(discriminator, random_state=seed, **params)

    return {
        "default": dal(),
        "default, a single mini-query": dal(n_mini_queries=1),
        "default, 50 mini-queries": dal(n_mini_queries=50),
        "weights carried over whole (shrink=1)": dal(MLPDiscriminator(shrink=1)),
        "from scratch (warm_start=False)": dal(warm_start=False),
        "Algorithm 1 to the letter": dal(candidates="pool", selection="top", warm_start=False),
        "the same, a single mini-query": dal(candidates="pool", selection="top", n_mini_queries=1),
        "LogisticRegression": dal(LogisticRegression(max_iter=1000)),
        "LogisticRegression, letter": dal(
            LogisticRegression(max_iter=1000), candidates="pool", selection="top"
        ),
    }


def main() -> None:
    """Run the comparison and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="number of pools (default: 10)")
    args = parser.parse_args()
    shares: dict[str, list[float]] = {}
    epochs: dict[str, list[float]] = {}
    for seed in range(args.seeds):
        X, missing, y = make_pool(seed)
        for name, sampler in samplers(seed).items():
            rows, details = sampler.fit(X, y).query(n_instances=N_INSTANCES, return_details=True)
            labeled = np.r_[np.flatnonzero(y != -1), rows]
            shares.setdefault(name, []).append(missing[labeled].mean() - missing.mean())
            epochs.setdefault(name, []).append(details.n_epochs.sum())
    print_table(
        ["sampler", "mean abs. difference of shares", "mean difference", "epochs"],
        [
            [
                name,
                f"{np.abs(values).mean():.3f}",
                f"{np.mean(values):+.3f}",
                f"{np.mean(epochs[name]):.0f}",
            ]
            for name, values in shares.items()
        ],
    )
    write_result("fidelity", {"seeds": args.seeds, "difference_of_shares": shares})


if __name__ == "__main__":
    main()
