"""Pools that do not fit in memory: time and memory against the number of rows.

A file of 10,000,000 x 64 float32 (2.5 GB) is made, 10,000 rows of it are labeled, and 1,000 are
chosen. Every case runs in a process of its own, on the first n rows of the file. Memory is the
anonymous memory of the process at its peak (RssAnon), less what it had before it opened the pool:
pages of the file that the system keeps in memory anyway are not its own.

    dal       the query of DiscriminativeSampler as it comes, 10 mini-queries; only when asked for
    epochs    the same with 5 epochs in every mini-query: how many it takes until it is done with
              hangs on the rows, and how many rows are new in a mini-query on the pool's size
    pool      the same as epochs with candidates="pool", 2 mini-queries
    score     score_samples of all rows
    greedy    CoreSetSampler
    rounds    CoreSetSampler in two rounds
    read      beside: one sequential read
    forward   beside: one sequential read, and one pass of the same network by plain torch
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from _common import RESULTS, machine, print_table, read_records
from sklearn.exceptions import ConvergenceWarning

N_COLUMNS, N_LABELED, N_INSTANCES = 64, 10_000, 1000
CASES = ("read", "forward", "dal", "epochs", "pool", "score", "greedy", "rounds")
# Left alone, DAL trains for hours where all rows of a mini-query are new.
USUAL = [case for case in CASES if case != "dal"]


def make(path: Path, n_rows: int) -> None:
    """Write a mixture of 50 clusters, a part at a time."""
    rng = np.random.RandomState(0)
    centers = 3 * rng.randn(50, N_COLUMNS)
    temporary = path.with_suffix(".part")
    shape = (n_rows, N_COLUMNS)
    with temporary.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, n_rows, 100_000):
            size = min(100_000, n_rows - start)
            part = centers[rng.randint(50, size=size)] + rng.randn(size, N_COLUMNS)
            file.write(part.astype("<f4").tobytes())
    temporary.rename(path)


def own_memory() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("RssAnon")))


class Peak:
    """The most anonymous memory of the process while the block runs, in bytes."""

    def __enter__(self) -> Peak:
        self.most, self._done = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._done.wait(0.01):
            self.most = max(self.most, own_memory())

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self.most = max(self.most, own_memory())


def run_case(case: str, path: Path, n: int, threads: int) -> dict[str, Any]:
    import torch

    from skdal import CoreSetSampler, DiscriminativeSampler, MLPDiscriminator

    warnings.simplefilter("ignore", ConvergenceWarning)
    torch.set_num_threads(threads)
    # Some memory belongs to the libraries, and comes with their first use.
    small = np.random.RandomState(0).randn(400, N_COLUMNS).astype(np.float32)
    DiscriminativeSampler(random_state=0).fit(small, np.repeat([0, -1], 200)).query(n_instances=5)
    before = own_memory()
    X = np.load(path, mmap_mode="r")[:n]
    rng = np.random.RandomState(1)
    y = np.full(n, -1)
    y[rng.choice(n, N_LABELED, replace=False)] = 0
    sampler: Any
    n_epochs = 0
    with Peak() as peak:
        if case in ("read", "forward"):
            step = _forward() if case == "forward" else np.sum
            began = time.perf_counter(), time.process_time()
            for start in range(0, n, 50_000):
                step(np.array(X[start : start + 50_000]))
        elif case == "score":
            # Trained on few rows, since training is not what is measured.
            some = np.repeat([0, -1], 500)
            sampler = DiscriminativeSampler(random_state=0).fit(X[:1000], some)
            began = time.perf_counter(), time.process_time()
            sampler.score_samples(X)
        else:
            sampler = {
                "dal": DiscriminativeSampler(random_state=0),
                "epochs": DiscriminativeSampler(MLPDiscriminator(max_epochs=5), random_state=0),
                "pool": DiscriminativeSampler(
                    MLPDiscriminator(max_epochs=5),
                    candidates="pool",
                    n_mini_queries=2,
                    random_state=0,
                ),
                "greedy": CoreSetSampler(),
                "rounds": CoreSetSampler(two_rounds=True),
            }[case].fit(X, y)
            began = time.perf_counter(), time.process_time()
            details = sampler.query(n_instances=N_INSTANCES, return_details=True)[1]
            n_epochs = int(np.sum(details.get("n_epochs", 0)))
        seconds = time.perf_counter() - began[0]
        cpu_seconds = time.process_time() - began[1]
    return {
        "case": case,
        "n": n,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "memory": peak.most - before,
        "n_epochs": n_epochs,
    }


def _forward() -> Any:
    import torch
    from torch import nn

    layers: list[nn.Module] = []
    for width in (N_COLUMNS, 256, 256):
        layers += [nn.Linear(width, 256), nn.ReLU()]
    module = nn.Sequential(*layers, nn.Linear(256, 2)).eval()

    def step(part: np.ndarray) -> None:
        with torch.inference_mode():
            for batch in torch.from_numpy(part).split(4096):
                module(batch)

    return step


def draw(records: list[dict[str, Any]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = {
        "epochs": "DAL, 5 epochs each",
        "pool": 'DAL, candidates="pool"',
        "score": "score_samples",
        "greedy": "core-set",
        "rounds": "two rounds",
    }
    for marker, (case, name) in zip("osD^v", names.items(), strict=True):
        found = sorted(
            (r["n"], r["cpu_seconds"], r["memory"]) for r in records if r["case"] == case
        )
        if found:
            n, seconds, memory = zip(*found, strict=True)
            left.plot(n, seconds, marker=marker, label=name)
            right.plot(n, np.array(memory) / 2**20, marker=marker, label=name)
    left.set(xscale="log", yscale="log", xlabel="Rows of the pool", ylabel="CPU seconds of a query")
    right.set(xscale="log", xlabel="Rows of the pool", ylabel="Own memory [MiB]", ylim=(0, None))
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="the pool, an .npy file; made where it is missing")
    parser.add_argument("--rows", type=int, nargs="+", default=[10**5, 10**6, 10**7])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=USUAL)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--picture", type=Path, help="where to draw the time against the rows")
    parser.add_argument("--only", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only:
        print(json.dumps(run_case(args.cases[0], args.file, args.rows[0], args.threads)))
        return
    if not args.file.exists():
        make(args.file, max(args.rows))
    path = RESULTS / "large-pools.jsonl"
    for _ in range(args.repeats):
        for n in args.rows:
            for case in args.cases:
                command = [sys.executable, __file__, str(args.file), "--only", "--cases", case]
                command += ["--rows", str(n), "--threads", str(args.threads)]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ)
                record = json.loads(done.stdout) | {"threads": args.threads, "machine": machine()}
                with path.open("a") as file:
                    file.write(json.dumps(record) + "\n")
    records = read_records(path)
    best: dict[tuple[str, int], dict[str, Any]] = {}
    for record in records:
        key = record["case"], record["n"]
        if key not in best or record["cpu_seconds"] < best[key]["cpu_seconds"]:
            best[key] = record
    lines = [
        (
            record["case"],
            f"{record['n']:,}",
            f"{record['seconds']:.1f}",
            f"{record['cpu_seconds']:.1f}",
            f"{record['memory'] / 2**20:.0f}",
            record.get("n_epochs") or "",
        )
        for record in best.values()
    ]
    print_table(["case", "rows", "s", "CPU s", "own memory, MiB", "epochs"], lines)
    if args.picture:
        draw(list(best.values()), args.picture)


if __name__ == "__main__":
    main()
