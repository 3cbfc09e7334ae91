"""How fast is greedy k-center, and what does it take in memory?

plain     the loop that compares every row with every new center, by a matrix-vector product.
peer      scikit-activeml's CoreSet (needs `pip install scikit-activeml`), in float64, as it
          converts to.
memory    what a call adds at most, by tracemalloc, in bytes of X.

pca64 (principal components) and rp512 (a random projection) are of the images of --data;
uniform is random in as many columns, where a loop over all rows is hard to beat.

Seconds are CPU seconds of the process: with OMP_NUM_THREADS=1 they are time. Both sides of a
ratio are measured in the same run, in turn, and the better of some runs counts.
"""

from __future__ import annotations

import argparse
import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from _common import RESULTS, load_images, print_table, write_result
from sklearn.decomposition import PCA
from sklearn.random_projection import GaussianRandomProjection

from skdal.core_set import greedy_k_center

# Name, labeled rows, picks, runs of the plain loop.
CASES = [
    *((f"uniform{d}", 100, 1000, 3) for d in (2, 3, 4, 5, 6, 8, 10, 12, 16)),
    *((f"uniform{d}", 1000, 100, 3) for d in (2, 16)),
    *((f"uniform{d}", 1, 100, 3) for d in (2, 3, 4, 8, 16)),
    ("uniform64", 1000, 1000, 2),
    ("pca64", 1000, 100, 3),
    ("pca64", 100, 1000, 2),
    ("pca64", 1000, 1000, 3),
    ("rp512", 100, 100, 1),
    ("rp512", 100, 1000, 1),
    ("rp512", 1000, 1000, 1),
]


def plain(X: np.ndarray, centers: np.ndarray, k: int) -> tuple[np.ndarray, float]:
    """Compare every row with every center."""
    origin = X.mean(axis=0)
    X, centers = X - origin, centers - origin
    norms = np.einsum("ij,ij->i", X, X)
    nearest = np.full(len(X), np.inf, dtype=X.dtype)
    for start in range(0, len(centers), 64):
        some = centers[start : start + 64]
        product = some @ X.T
        product *= -2
        product += np.einsum("ij,ij->i", some, some)[:, None]
        np.minimum(nearest, product.min(axis=0), out=nearest)
    nearest += norms
    rows = np.empty(k, dtype=int)
    for i in range(k):
        row = rows[i] = nearest.argmax()
        product = X @ X[row]
        product *= -2
        product += norms
        product += norms[row]
        np.minimum(nearest, product, out=nearest)
        nearest[row] = -1
    return rows, float(np.sqrt(nearest.max()))


def peer(X: np.ndarray, labeled: np.ndarray, k: int) -> np.ndarray:
    from skactiveml.pool import CoreSet

    y = np.full(len(X), np.nan)
    y[labeled] = 0
    return CoreSet(random_state=0).query(X, y, batch_size=k)


def clock(run: Callable[[], Any]) -> tuple[float, Any]:
    # Of this process: the wall clock of a shared machine times the neighbors.
    start = time.process_time()
    result = run()
    return time.process_time() - start, result


def best(pairs: list[tuple[Callable[[], Any], int]]) -> list[tuple[float, Any]]:
    """Time functions in turn; return the least seconds and the result of each."""
    found: list[tuple[float, Any]] = [(np.inf, None)] * len(pairs)
    for i in range(max(times for _, times in pairs)):
        for j, (run, times) in enumerate(pairs):
            if i < times:
                seconds, result = clock(run)
                found[j] = min(found[j][0], seconds), result
    return found


def extra_bytes(run: Callable[[], Any]) -> int:
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


class Data:
    """Makes one matrix of 60,000 rows after the other."""

    def __init__(self, path: str | None) -> None:
        self.path = path
        self.kept: tuple[str, np.ndarray] = ("", np.empty(0))

    def __getitem__(self, name: str) -> np.ndarray:
        if name != self.kept[0]:
            self.kept = name, self.make(name)
        return self.kept[1]

    def make(self, name: str) -> np.ndarray:
        if name.startswith("uniform"):
            return np.random.RandomState(1).rand(60_000, int(name[7:])).astype(np.float32)
        assert self.path is not None
        images = load_images(self.path)[0]
        images = images.reshape(len(images), -1)
        if name == "pca64":
            return PCA(64, random_state=0).fit_transform(images).astype(np.float32)
        projection = GaussianRandomProjection(512, random_state=0)
        return projection.fit_transform(images).astype(np.float32)


def labeled_rows(X: np.ndarray, n: int) -> np.ndarray:
    return np.random.RandomState(0).choice(len(X), n, replace=False)


def compare_with_plain(data: Data, times: int) -> list[dict[str, Any]]:
    results = []
    for name, n_labeled, k, plain_times in CASES:
        if data.path is None and not name.startswith("uniform"):
            continue
        X = data[name]
        centers = X[labeled_rows(X, n_labeled)]
        (ours, picked), (theirs, expected) = best(
            [
                (lambda X=X, c=centers, k=k: greedy_k_center(X, c, k), times),
                (lambda X=X, c=centers, k=k: plain(X, c, k), plain_times),
            ]
        )
        extra = extra_bytes(lambda X=X, c=centers, k=k: greedy_k_center(X, c, k))
        results.append(
            {
                "data": name,
                "n_labeled": n_labeled,
                "k": k,
                "seconds": ours,
                "plain_seconds": theirs,
                "plain_ratio": theirs / ours,
                "same_rows": float(np.isin(picked[0], expected[0]).mean()),
                "radius": picked[1],
                "extra_memory_by_X": extra / X.nbytes,
            }
        )
        print_table(
            results[-1], [[f"{v:.3g}" if isinstance(v, float) else v for v in results[-1].values()]]
        )
    return results


def compare_with_peer(X: np.ndarray, times: int) -> list[dict[str, Any]]:
    labeled = labeled_rows(X, 1000)
    pool = np.setdiff1d(np.arange(len(X)), labeled)
    double = X.astype(np.float64)
    results = []
    for k in (100, 1000):
        # Theirs picks from the unlabeled rows, and so does ours.
        (ours, picked), (ours_double, _), (theirs, expected) = best(
            [
                (lambda k=k: pool[greedy_k_center(X[pool], X[labeled], k)[0]], times),
                (lambda k=k: pool[greedy_k_center(double[pool], double[labeled], k)[0]], times),
                (lambda k=k: peer(double, labeled, k), 1),
            ]
        )
        results.append(
            {
                "k": k,
                "seconds": ours,
                "seconds_in_float64": ours_double,
                "peer_seconds": theirs,
                "peer_ratio": theirs / ours,
                "peer_ratio_in_float64": theirs / ours_double,
                "same_rows": float((picked == expected).mean()),
            }
        )
        print_table(results[-1], [[f"{v:.3g}" for v in results[-1].values()]])
    return results


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help=".npz file or folder of idx files with MNIST")
    parser.add_argument("--parts", nargs="+", choices=["plain", "peer"], default=["plain", "peer"])
    parser.add_argument("--times", type=int, default=5, help="runs of ours (default: 5)")
    args = parser.parse_args()
    data = Data(args.data)
    path = RESULTS / "k-center.json"
    # What is not asked for stays.
    result: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    result.pop("machine", None)
    if "plain" in args.parts:
        result["plain"] = compare_with_plain(data, args.times)
    if "peer" in args.parts:
        name = "uniform64" if args.data is None else "pca64"
        result["peer"] = {"data": name, "runs": compare_with_peer(data[name], args.times)}
    write_result("k-center", result)


if __name__ == "__main__":
    main()
