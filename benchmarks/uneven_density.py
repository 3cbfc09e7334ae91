"""Which samplers over-represent sparse regions? (Section 3.3 of the paper.)

Pools of 10,000 rows in 2 and in 32 columns, 10 % of them in a sparse region:

blobs      a unit Gaussian, and a sparse one of standard deviation 2 beside it;
Gaussian   one unit Gaussian, whose sparse region are the rows farthest from its center.

20 random rows are labeled, 100 are queried. Told is the share of the chosen rows in the sparse
region, and its ratio to the region's share of the pool; 1 is in proportion to the density. A
picture shows the blobs in 2 columns.

Every query is one line of benchmarks/results/uneven-density.jsonl, written as soon as it is done;
those that are there already are not repeated. With --seeds 0 only the table is printed, and the
picture drawn.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from _common import RESULTS, machine, print_table, read_records
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from sklearn.exceptions import ConvergenceWarning

from skdal import CoreSetSampler, DiscriminativeSampler, RandomSampler
from skdal.base import BaseSampler

N_ROWS, N_LABELED, N_INSTANCES, SPARSE = 10_000, 20, 100, 0.1
RESULT = RESULTS / "uneven-density.jsonl"
POOLS = [("blobs", 2), ("blobs", 32), ("Gaussian", 2), ("Gaussian", 32)]
PICTURED = ("blobs", 2, 0)
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "core-set-density.png"


def make_pool(kind: str, n_features: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, whether each is in the sparse region, and y, -1 where unlabeled."""
    rng = np.random.RandomState(seed)
    X = rng.randn(N_ROWS, n_features)
    if kind == "blobs":
        sparse = rng.rand(N_ROWS) < SPARSE
        X[sparse] *= 2
        X[sparse, 0] += 11
    else:
        distance = np.linalg.norm(X, axis=1)
        sparse = distance > np.quantile(distance, 1 - SPARSE)
    y = np.full(N_ROWS, -1)
    y[rng.choice(N_ROWS, N_LABELED, replace=False)] = 0  # No sampler reads which label it is.
    return X.astype(np.float32), sparse, y


SAMPLERS: dict[str, tuple[type[BaseSampler], dict[str, Any]]] = {
    "random": (RandomSampler, {}),
    "DAL": (DiscriminativeSampler, {}),
    "DAL to the letter": (
        DiscriminativeSampler,
        {"candidates": "pool", "selection": "top", "warm_start": False},
    ),
    "core-set": (CoreSetSampler, {}),
    "core-set, 1 % outliers": (
        CoreSetSampler,
        {"method": "mip", "n_outliers": N_ROWS // 100, "time_limit": 5},
    ),
    "core-set of 500": (CoreSetSampler, {"max_candidates": 500}),
}


def play(kind: str, n_features: int, seed: int, name: str) -> dict[str, Any]:
    """Query once and return the record of it."""
    X, sparse, y = make_pool(kind, n_features, seed)
    sampler, params = SAMPLERS[name]
    with warnings.catch_warnings():
        # The gap is told; and DAL need not tell apart what lies in one place.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = sampler(random_state=seed, **params).fit(X, y)
        rows, details = fitted.query(n_instances=N_INSTANCES, return_details=True)
    share, of_pool = float(sparse[rows].mean()), float(sparse[y == -1].mean())
    record = {
        "pool": f"{kind}, {n_features} columns",
        "seed": seed,
        "sampler": name,
        "share": share,
        "share_of_pool": of_pool,
    }
    if "lower_bound" in details:
        record["gap"] = 1 - details.lower_bound / details.radius
    if (kind, n_features, seed) == PICTURED:
        record["rows"] = rows.tolist()
    return record


def draw(records: dict[str, dict[str, Any]]) -> None:
    """Draw what every sampler has chosen."""
    X, _, y = make_pool(*PICTURED)
    with matplotlib.rc_context({"font.size": 9}):
        figure = Figure(figsize=(9, 5.4), layout="constrained")
        axes = figure.subplots(2, 3, sharex=True, sharey=True)
        for ax, (name, record) in zip(axes.flat, records.items(), strict=False):
            ax.scatter(*X.T, s=2, color="0.82", linewidths=0, label="pool")
            ax.scatter(
                *X[record["rows"]].T,
                s=18,
                marker="^",
                color="#E69F00",
                edgecolors="black",
                linewidths=0.5,
                label="chosen",
            )
            ax.scatter(
                *X[y != -1].T, s=26, marker="x", color="#0072B2", linewidths=1.6, label="labeled"
            )
            ax.set_title(f"{name}\n{record['share']:.0%} in the sparse blob", fontsize=9)
            ax.set_aspect("equal")
            ax.set_xticks([])
            ax.set_yticks([])
        handles, labels = axes.flat[0].get_legend_handles_labels()
        legend = figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
        dot = legend.legend_handles[0]
        assert isinstance(dot, PathCollection)
        dot.set_sizes([12])
        figure.savefig(PICTURE, dpi=150)
    print(f"drawn in {PICTURE}")


def cell(records: list[dict[str, Any]]) -> str:
    """Return the mean share with its standard deviation, and the mean ratio."""
    if len(records) < 2:
        return "-"
    shares = [record["share"] for record in records]
    ratio = np.mean([record["share"] / record["share_of_pool"] for record in records])
    return f"{np.mean(shares):.2f} ± {np.std(shares, ddof=1):.2f}, x {ratio:.1f}"


def main() -> None:
    """Run what is asked for and not done yet; print the table and draw the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5, help="pools of a kind (default: 5)")
    parser.add_argument("--samplers", nargs="+", choices=list(SAMPLERS), default=list(SAMPLERS))
    args = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    records, here = read_records(RESULT), machine()
    done = {(r["pool"], r["seed"], r["sampler"]) for r in records}
    for seed in range(args.seeds):
        for name in args.samplers:
            for kind, n_features in POOLS:
                if (f"{kind}, {n_features} columns", seed, name) in done:
                    continue
                record = play(kind, n_features, seed, name)
                with RESULT.open("a") as file:
                    file.write(json.dumps({**record, "machine": here}) + "\n")
                records.append(record)
                print(f"{record['pool']}, {name}, seed {seed}: {record['share']:.2f}", flush=True)
    pools = [f"{kind}, {n_features} columns" for kind, n_features in POOLS]
    print_table(
        ["sampler", "seeds", *pools],
        [
            [
                name,
                len({record["seed"] for record in records if record["sampler"] == name}),
                *(
                    cell([r for r in records if (r["pool"], r["sampler"]) == (pool, name)])
                    for pool in pools
                ),
            ]
            for name in SAMPLERS
        ],
    )
    for pool in pools:
        gaps = [record["gap"] for record in records if record["pool"] == pool and "gap" in record]
        if gaps:
            print(f"{pool}: mean gap of the program {np.mean(gaps):.0%}")
    pictured = {record["sampler"]: record for record in records if "rows" in record}
    if pictured:
        draw({name: pictured[name] for name in SAMPLERS if name in pictured})


if __name__ == "__main__":
    main()
