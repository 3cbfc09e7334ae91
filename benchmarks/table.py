"""Every ratio that skdal is held to, and what its peers can do, in one command: `make bench`.

Each benchmark runs in a process of its own, one after the other, and becomes one file of
benchmarks/results/bench: what it measured, the command, the date, the machine and the versions.
From these files, and from those of the longer experiments, docs/benchmarks.md is made; --page
makes it without measuring anew.

Peers run in environments of their own, --peers/peers-NAME, which `make bench` sets up; they take
skdal from the checkout. scikit-activeml needs none: it is in the environment of the tests.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from _machine import cpu
from _page import BENCH, PAGE, read_results, written

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Run:
    """A script with its arguments, and the peer whose environment it needs."""

    arguments: tuple[str, ...]
    peer: str | None = None


# DATA and POOL stand for files: images of MNIST, and a pool of 10,000,000 rows.
RUNS = {
    "fidelity": Run(("fidelity.py",)),
    "dal": Run(("speed.py", "DATA", "--threads", "1", "--parts", "recipe", "epoch", "memory")),
    "networks": Run(("neural.py", "DATA")),
    "core-set": Run(("k_center.py", "--data", "DATA", "--parts", "plain")),
    "integer-program": Run(
        (
            *("robust_k_center.py", "--data", "DATA", "--run", "table", "reductions"),
            *("--sizes", "500", "1000", "2000", "--solvers", "cbc"),
        )
    ),
    "loop": Run(("loop.py",)),
    "large-pools": Run(
        (
            *("large_pools.py", "POOL", "--rows", "100000", "10000000"),
            *("--cases", "read", "forward", "score", "epochs", "pool", "greedy"),
        )
    ),
    "cluster": Run(("cluster.py", "POOL")),
    "peer-scikit-activeml-dal": Run(("speed.py", "DATA", "--threads", "1", "--parts", "peer")),
    "peer-scikit-activeml-core-set": Run(("k_center.py", "--data", "DATA", "--parts", "peer")),
    "peer-distil": Run(("peers.py", "distil")),
    "peer-small-text": Run(("peers.py", "small-text"), "small-text"),
    "peer-alipy": Run(("peers.py", "alipy"), "alipy"),
    "peer-modal": Run(("peers.py", "modal"), "modal"),
    "features-skdal": Run(("features_skdal.py",)),
    "features-scikit-activeml": Run(("features_scikit_activeml.py",)),
    "features-modal": Run(("features_modal.py",), "modal"),
    "features-modal-newest": Run(("features_modal.py",), "modal-newest"),
    "features-small-text": Run(("features_small_text.py",), "small-text"),
    "features-alipy": Run(("features_alipy.py",), "alipy"),
    "features-paper": Run(("features_paper.py",)),
}


def python_of(run: Run, peers: Path) -> str:
    """Return the interpreter that a run needs."""
    if run.peer is None:
        return sys.executable
    path = peers / f"peers-{run.peer}" / "bin" / "python"
    if not path.exists():
        raise SystemExit(f"{path} is missing: `make bench` sets up the environments of peers.")
    return str(path.absolute())


def machine() -> dict[str, Any]:
    """Describe what the figures are measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "memory_GiB": round(memory),
        "system": platform.system(),
    }


def versions(python: str) -> dict[str, str]:
    """Return the Python of an environment, and its packages."""
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format=json"], check=True, stdout=subprocess.PIPE
    )
    asked = subprocess.run(
        [python, "-c", "import platform; print(platform.python_version())"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    packages = {each["name"].lower(): each["version"] for each in json.loads(listed.stdout)}
    return {"python": asked.stdout.strip(), **packages}


def measure(name: str, files: dict[str, str], peers: Path) -> None:
    """Run one benchmark, and keep what it found."""
    run = RUNS[name]
    python = python_of(run, peers)
    with tempfile.TemporaryDirectory() as folder:
        search = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
        subprocess.run(
            [python, *(files.get(argument, argument) for argument in run.arguments)],
            check=True,
            cwd=HERE,
            env={**os.environ, "SKDAL_RESULTS": folder, "PYTHONPATH": search.strip(os.pathsep)},
        )
        found = {
            path.stem: json.loads(path.read_text())
            if path.suffix == ".json"
            else [json.loads(line) for line in path.read_text().splitlines()]
            for path in sorted(Path(folder).iterdir())
        }
    record = {
        "name": name,
        "command": " ".join(["python", *run.arguments]),
        "environment": run.peer or "tests",
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine(),
        "versions": versions(python),
        "results": found,
    }
    BENCH.mkdir(parents=True, exist_ok=True)
    (BENCH / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")


def fetch_images(path: Path) -> None:
    """Write MNIST to a file, where it is not there yet."""
    if path.exists():
        return
    from skdal.datasets import load

    data = load("mnist")
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, x_train=data.X, y_train=data.y, x_test=data.X_test, y_test=data.y_test)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    build = HERE.parent / "build"
    parser.add_argument("--page", action="store_true", help="make the page, and measure nothing")
    parser.add_argument("--only", nargs="+", choices=RUNS, metavar="NAME", help=", ".join(RUNS))
    parser.add_argument(
        "--data",
        type=Path,
        default=build / "mnist.npz",
        help="MNIST, an .npz file or a folder of idx files; fetched where it is missing",
    )
    parser.add_argument(
        "--pool",
        type=Path,
        default=build / "pool.npy",
        help="a pool of 2.5 GB; made where it is missing",
    )
    parser.add_argument("--peers", type=Path, default=build, help="where their environments are")
    args = parser.parse_args(arguments)
    if not args.page:
        names = list(args.only or RUNS)
        arguments_of = {argument for name in names for argument in RUNS[name].arguments}
        if "DATA" in arguments_of:
            fetch_images(args.data)
        args.pool.parent.mkdir(parents=True, exist_ok=True)
        files = {"DATA": str(args.data.absolute()), "POOL": str(args.pool.absolute())}
        for name in names:
            print(f"== {name}", flush=True)
            measure(name, files, args.peers)
    PAGE.write_text(written(read_results()))
    print(f"written to {PAGE}")


if __name__ == "__main__":
    main()
