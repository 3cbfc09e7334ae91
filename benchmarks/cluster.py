"""The same query on a cluster of one worker and of four: seconds, and the speed-up.

Workers are processes of this machine with one thread each, so that no more can be gained than the
machine has cores. Rows are read from an .npy file by who scores them. Kinds of cluster take turns.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
from _common import RESULTS, machine, print_table
from dask.distributed import Client, LocalCluster

from skdal import CoreSetSampler, DiscriminativeSampler


def open_pool(path: Path, n: int, chunk: int) -> Any:
    shape = np.load(path, mmap_mode="r").shape

    def read(block_info: Any = None) -> np.ndarray:
        start, stop = block_info[None]["array-location"][0]
        return np.array(np.load(path, mmap_mode="r")[start:stop])

    chunks = (tuple(min(chunk, n - start) for start in range(0, n, chunk)), (shape[1],))
    return da.map_blocks(read, chunks=chunks, dtype=np.float32, meta=np.empty((0, 0), np.float32))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="the pool, an .npy file; large_pools.py makes one")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--chunk", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()

    pool = open_pool(args.file, args.rows, args.chunk)
    y = np.full(args.rows, -1)
    y[:1000] = 0
    dal = DiscriminativeSampler(random_state=0).fit(pool, y)
    core_set = CoreSetSampler().fit(pool, y)
    work = {
        "DAL, score_samples": lambda: dal.score_samples(pool),
        "core-set, two rounds, 500 rows": lambda: core_set.query(n_instances=500),
    }
    seconds: dict[tuple[str, int], list[float]] = {}
    found: dict[str, list[np.ndarray]] = {name: [] for name in work}
    for _ in range(args.rounds):
        for n_workers in (1, 4):
            with (
                LocalCluster(
                    n_workers=n_workers, threads_per_worker=1, dashboard_address=None
                ) as cluster,
                Client(cluster) as client,
            ):
                # A worker imports what it needs with its first task.
                client.run(lambda: __import__("skdal.neural"))
                for name, run in work.items():
                    began = time.perf_counter()
                    found[name].append(run())
                    seconds.setdefault((name, n_workers), []).append(time.perf_counter() - began)
    for name, results in found.items():
        assert all(np.array_equal(result, results[0]) for result in results), name
    best = {key: min(times) for key, times in seconds.items()}
    record = {
        "machine": machine(),
        "rows": args.rows,
        "seconds": {f"{name}, {n} workers": times for (name, n), times in seconds.items()},
    }
    (RESULTS / "cluster.json").write_text(json.dumps(record, indent=1) + "\n")
    print_table(
        ["work", "1 worker, s", "4 workers, s", "ratio"],
        [
            (
                name,
                *(f"{best[name, n]:.1f}" for n in (1, 4)),
                f"{best[name, 1] / best[name, 4]:.2f}",
            )
            for name in work
        ],
    )


if __name__ == "__main__":
    main()
