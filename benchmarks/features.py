"""What a package can do, tried one thing at a time: the list, and how a try is run.

features_NAME.py holds the tries of one package, a function for each key of FEATURES, and runs in
the environment of that package. Every try is a process of its own, so that none sees what another
has left. A try returns yes() or partly(note), or no(note) where the package has nothing of the
kind. One that fails is a "no" too, with the last line of what it said.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import pkgutil
import re
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

FEATURES = {
    "With scikit-learn": {
        "newest": "runs on scikit-learn 1.9 and numpy 2.4",
        "clone": "`clone` and `get_params` of a strategy or a loop",
        "grid_search": "`GridSearchCV` over the settings of a strategy",
        "pipeline": "a strategy as last step of a `Pipeline`",
        "sparse": "sparse X",
        "frame": "a DataFrame, labels NaN where hidden",
        "regression": "regression",
        "multi_label": "several labels a row",
    },
    "What is promised": {
        "batch": "a batch is of K different rows, of a pool of duplicates too",
        "seed": "the same rows for the same int seed",
        "global_state": "numpy's global random state is neither read nor changed",
        "cold_start": "a first batch without any label",
        "loop": "a learning loop as an object: query, teach",
        "kept": "labels are on disk before training, and a killed loop goes on",
        "stop": "a rule for when to stop",
    },
    "Strategies": {
        "uncertainty": "uncertainty sampling",
        "dal": "Discriminative Active Learning",
        "mini_queries": "the same in mini-queries of many rows",
        "core_set": "core-set, greedy",
        "robust_core_set": "core-set by integer program, without Gurobi, with a proven bound",
        "mc_dropout": "dropout passes of a network (DBAL)",
        "egl": "expected gradient length",
        "deepfool": "adversarial distance (DFAL)",
        "badge": "BADGE",
        "typiclust": "TypiClust",
        "committee": "query by committee",
        "error_reduction": "expected error reduction",
        "density": "density-weighted sampling",
        "stream": "rows that come one by one (stream-based)",
        "annotators": "several annotators",
        "cost": "rows of different cost",
        "text_models": "transformers for text",
    },
    "Large pools and tools": {
        "memmap": "a memmap of 200 MB, with less than half of it in memory",
        "dask": "a dask array",
        "command_line": "a command line",
        "label_studio": "tasks for Label Studio, and its export read as labels",
    },
}
KEYS = [key for group in FEATURES.values() for key in group]


class Found(NamedTuple):
    """What a try has found."""

    answer: str
    note: str = ""


def yes(note: str = "") -> Found:
    return Found("yes", note)


def partly(note: str) -> Found:
    return Found("partly", note)


def no(note: str = "") -> Found:
    return Found("no", note)


def named(package: str, pattern: str) -> list[str]:
    """Return the public classes, functions and modules of a package with such a name."""
    names = set()
    root = importlib.import_module(package)
    for module_info in pkgutil.walk_packages(root.__path__, f"{package}.", onerror=lambda _: None):
        if re.search(r"\.(tests?|_\w+)(\.|$)", module_info.name):
            continue
        names.add(module_info.name)
        try:
            module = importlib.import_module(module_info.name)
        except (ImportError, AttributeError):
            # A part whose library is not installed, or too new for it: its name is listed.
            continue
        names |= {
            name
            for name, value in vars(module).items()
            if (inspect.isclass(value) or inspect.isfunction(value))
            and value.__module__.startswith(package)
            and not name.startswith("_")
        }
    return sorted(name for name in names if re.search(pattern, name, re.IGNORECASE))


def absent(package: str, pattern: str) -> Callable[[], Found]:
    """Return a try that looks for a name, and fails where there is one: it wants a look then."""

    def look() -> Found:
        found = named(package, pattern)
        assert not found, f"look at {', '.join(found)}"
        return no()

    return look


def reads_global_state(query: Callable[[], object]) -> bool:
    """Tell whether a query changes numpy's global random state, or hangs on it."""
    import numpy as np

    rows = []
    for seed in (0, 1):
        np.random.seed(seed)
        before = np.random.get_state()[1].copy(), np.random.get_state()[2]
        rows.append(np.array(query()))
        after = np.random.get_state()
        if not np.array_equal(before[0], after[1]) or before[1] != after[2]:
            return True
    return not np.array_equal(*rows)


def memory_of(query: Callable[[Any, Any], object]) -> Found:
    """Tell how much memory a query of a pool on disk takes, given it and the first 100 labels."""
    import numpy as np

    def own() -> float:
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("RssAnon"))) / 1e3

    def watch() -> None:
        while not done.wait(0.02):
            peak.append(own())

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pool.npy")
        rng = np.random.default_rng(0)
        np.save(path, rng.standard_normal((20_000, 2_500), dtype=np.float32))
        rows = np.load(path, mmap_mode="r")
        labels = np.arange(100) % 2
        peak, done = [own()], threading.Event()
        watcher = threading.Thread(target=watch)
        watcher.start()
        query(rows, labels)
        done.set()
        watcher.join()
    taken = max(peak) - peak[0]
    return yes(f"{taken:.0f} MB") if taken < 100 else no(f"{taken:.0f} MB")


def main(script: str, tries: dict[str, Callable[[], Found]]) -> None:
    """Run the tries, and keep what they have found."""
    assert set(tries) == set(KEYS), set(tries) ^ set(KEYS)
    answers = {}
    for key in KEYS:
        answers[key] = tried(tries[key])
        print(f"{key:16} {': '.join(answers[key])}", flush=True)
    folder = Path(os.environ.get("SKDAL_RESULTS", "."))
    name = Path(script).stem.replace("_", "-")
    (folder / f"{name}.json").write_text(
        json.dumps({key: answer._asdict() for key, answer in answers.items()}, indent=1) + "\n"
    )


def tried(attempt: Callable[[], Found]) -> Found:
    """Run one try in a process that has what this one has imported."""
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryDirectory() as folder:
        process = get_context("fork").Process(target=_alone, args=(attempt, said.fileno(), folder))
        process.start()
        process.join()
        said.seek(0)
        lines = [line for line in said.read().splitlines() if line.strip()]
    if process.exitcode == 0:
        return Found(*json.loads(lines[-1]))
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)] or lines
    said_last = errors[-1].strip() if errors else f"ended with {process.exitcode}"
    return no(re.sub(r" at 0x\w+", "", said_last)[:160])


def _alone(attempt: Callable[[], Found], said: int, folder: str) -> None:
    os.chdir(folder)  # some write files where they are
    warnings.simplefilter("ignore")
    # Of Python and of libraries in C.
    os.dup2(said, 1)
    os.dup2(said, 2)
    sys.stdout = sys.stderr = os.fdopen(os.dup(said), "w", buffering=1)
    print("\n" + json.dumps(attempt()))
