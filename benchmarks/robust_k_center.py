"""How small a covering radius does the integer program find, how surely, and how fast?

PCA of the images to 64 dimensions; random rows of it, some of them labeled. Every run is one line
of benchmarks/results/robust-k-center.jsonl, written as soon as it is done; runs that are there
already are not repeated. Without --run only the tables are printed.

table       radius by that of greedy, both with the outliers left out, gap and seconds, for every
            solver.
reductions  what it takes to build and to solve the program of one radius, 5 % below greedy's, as
            it is and reduced.

Seconds are time on the wall: solvers are processes of their own.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from _common import RESULTS, load_images, machine, print_table, read_records
from sklearn.decomposition import PCA

from skdal.core_set import covering_radius, greedy_k_center, robust_k_center
from skdal.core_set.cover import Cover
from skdal.core_set.cover_models import covering_problem, find_solver, solve
from skdal.core_set.neighbors import RowDistances

RESULT = RESULTS / "robust-k-center.jsonl"
# Rows, chosen rows, labeled rows.
SIZES = [
    (500, 50, 0),
    (500, 50, 100),
    (1000, 50, 0),
    (1000, 50, 100),
    (2000, 100, 0),
    (2000, 100, 100),
    (5000, 100, 0),
    (5000, 100, 100),
    (60_000, 100, 1000),
]


def cases(sizes: list[int], solvers: list[str], seeds: int) -> Iterator[dict[str, Any]]:
    for n_rows, k, n_labeled in SIZES:
        if n_rows not in sizes:
            continue
        for n_outliers in sorted({n_rows // 10_000, max(1, n_rows // 10_000), n_rows // 100}):
            if n_rows > 5000 and n_outliers != n_rows // 10_000:
                continue
            for solver in solvers:
                for seed in range(seeds):
                    yield {
                        "n_rows": n_rows,
                        "k": k,
                        "n_labeled": n_labeled,
                        "n_outliers": n_outliers,
                        "solver": solver,
                        "seed": seed,
                    }


def draw(Z: np.ndarray, n_rows: int, n_labeled: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return unlabeled and labeled rows; of all rows, the labeled ones are taken off."""
    order = np.random.RandomState(seed).permutation(len(Z))[: n_rows + n_labeled]
    return Z[order[n_labeled:]], Z[order[:n_labeled]]


def run_table(case: dict[str, Any], Z: np.ndarray, time_limit: float) -> dict[str, Any]:
    X, labeled = draw(Z, case["n_rows"], case["n_labeled"], case["seed"])
    greedy, _ = greedy_k_center(X, labeled, case["k"])
    first = covering_radius(X, np.concatenate([labeled, X[greedy]]), case["n_outliers"])
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = robust_k_center(
            X,
            labeled,
            case["k"],
            n_outliers=case["n_outliers"],
            solver=case["solver"],
            time_limit=time_limit,
            random_state=case["seed"],
        )
    seconds = time.perf_counter() - start
    real = covering_radius(X, np.concatenate([labeled, X[found.rows]]), case["n_outliers"])
    return {
        "by_greedy": real / first,
        "gap": 1 - found.lower_bound / real,
        "seconds": seconds,
        "status": found.status,
    }


def run_reductions(case: dict[str, Any], Z: np.ndarray, time_limit: float) -> dict[str, Any]:
    X, labeled = draw(Z, case["n_rows"], case["n_labeled"], case["seed"])
    points = RowDistances(X)
    _, radius = greedy_k_center(X, labeled, case["k"])
    squared = (0.95 * radius) ** 2
    result: dict[str, Any] = {}
    for name in ("full", "reduced"):
        start = time.perf_counter()
        covered = points.nearest(points.prepare(labeled)) <= squared
        wanted = np.flatnonzero(~covered) if name == "reduced" else np.arange(len(X))
        near = points.neighbors(wanted, squared, 10**9, np.inf)
        assert near is not None
        near.data[:] = 1
        k = case["k"]
        if name == "full":
            # All labeled rows as one set, which is always chosen.
            near, k = sp.hstack([near, covered[:, None]], format="csr"), k + 1
        cover = Cover(near, case["n_outliers"], reduce=name == "reduced")
        problem, chosen = covering_problem(cover, k)
        if name == "full":
            chosen[-1].lowBound = 1
        built = time.perf_counter() - start
        answer = solve(problem, chosen, cover, k, find_solver(case["solver"]), time_limit)
        result[name] = {
            "n_nonzeros": int(cover.matrix.nnz),
            "build": built,
            "total": time.perf_counter() - start,
            "answer": "infeasible"
            if answer.infeasible
            else "found"
            if answer.sets is not None
            else answer.failure or "none",
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="an .npz file or a folder of idx files")
    parser.add_argument("--run", nargs="*", choices=["table", "reductions"], default=[])
    parser.add_argument("--sizes", type=int, nargs="+", default=[500, 1000, 2000, 5000])
    parser.add_argument("--solvers", nargs="+", default=["cbc", "highs"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--time-limit", type=float, default=60.0)
    args = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    records = read_records(RESULT)
    if args.run:
        if args.data is None:
            parser.error("--run needs --data")
        images = load_images(args.data)[0]
        Z = PCA(64, random_state=0).fit_transform(images.reshape(len(images), -1))
        # A first call pays for imports.
        robust_k_center(Z[:100], None, 3)
    for what in args.run:
        wanted = cases(args.sizes, args.solvers, args.seeds)
        if what == "reductions":
            wanted = iter(
                {"n_rows": 5000, "k": 100, "n_labeled": n_labeled, "n_outliers": 0}
                | {"solver": solver, "seed": 0}
                for n_labeled in (1000, 100)
                for solver in args.solvers
            )
        for case in wanted:
            case = {"run": what, **case, "time_limit": args.time_limit}
            # Old records of reductions do not say which limit they had.
            if any(
                all(record.get(key, case[key]) == case[key] for key in case) for record in records
            ):
                continue
            run = run_table if what == "table" else run_reductions
            record = {**case, **run(case, Z, args.time_limit), "machine": machine()}
            records.append(record)
            with RESULT.open("a") as file:
                file.write(json.dumps(record) + "\n")
            print({key: record[key] for key in record if key != "machine"}, flush=True)
    report(records)


def report(records: list[dict[str, Any]]) -> None:
    print_table(
        ["rows", "k", "labeled", "outliers", "solver", "radius / greedy", "gap", "s", "status"],
        (
            [
                *(r[key] for key in ("n_rows", "k", "n_labeled", "n_outliers", "solver")),
                *(f"{r['by_greedy']:.3f}", f"{r['gap']:.2%}", f"{r['seconds']:.1f}", r["status"]),
            ]
            for r in records
            if r["run"] == "table"
        ),
    )
    print()
    print_table(
        ["labeled", "solver", "program", "nonzeros", "build s", "build + solve s", "answer"],
        (
            [
                *(r["n_labeled"], r["solver"], name, r[name]["n_nonzeros"]),
                *(f"{r[name]['build']:.1f}", f"{r[name]['total']:.1f}", r[name]["answer"]),
            ]
            for r in records
            if r["run"] == "reductions"
            for name in ("full", "reduced")
        ),
    )


if __name__ == "__main__":
    main()
