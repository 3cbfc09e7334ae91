"""What does the learning loop cost beside the training and the querying in it?

Digits, logistic regression, 20 rounds of 10 labels, played by ActiveLearner and by BudgetedLearner.
Counted are the seconds inside the task model's fit and the sampler's fit and query, and those of
the whole; the difference is the loop: cloning, seeding, labels, checks. The median of so many
repeats, which alternate; CPU seconds.

    OMP_NUM_THREADS=1 python loop.py
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from _common import print_table, write_result
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skdal import ActiveLearner, BudgetedLearner, DiscriminativeSampler, UncertaintySampler

SPENT = {"inside": 0.0}


def timed(cls: type) -> type:
    """Return a subclass whose fit and query count their time."""

    def wrap(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            begin = time.process_time()
            try:
                return method(self, *args, **kwargs)
            finally:
                SPENT["inside"] += time.process_time() - begin

        return call

    methods = {name: wrap(getattr(cls, name)) for name in ("fit", "query") if hasattr(cls, name)}
    # __init__ is inherited as it is, so that clone finds the parameters.
    return type(cls.__name__, (cls,), methods)


Model = timed(LogisticRegression)
SAMPLERS = {
    "uncertainty": timed(UncertaintySampler)(),
    "discriminative": timed(DiscriminativeSampler)(LogisticRegression(max_iter=1000)),
}


def play_active(sampler: Any, X: np.ndarray, y: np.ndarray) -> None:
    hidden = np.full(len(y), -1)
    hidden[:20] = y[:20]
    learner = ActiveLearner(Model(max_iter=1000), sampler, random_state=0).fit(X, hidden)
    for _ in range(20):
        rows = learner.query(n_instances=10)
        learner.teach(rows, y[rows])


def play_budgeted(sampler: Any, X: np.ndarray, y: np.ndarray) -> None:
    learner = BudgetedLearner(
        Model(max_iter=1000), sampler, budget=220, n_initial=np.arange(20), random_state=0
    )
    learner.fit(X, y)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    X, y = load_digits(return_X_y=True)
    X /= 16
    runs: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for _ in range(args.repeats + 1):
        for name, sampler in SAMPLERS.items():
            for play in (play_active, play_budgeted):
                SPENT["inside"], begin = 0.0, time.process_time()
                play(sampler, X, y)
                whole = time.process_time() - begin
                runs.setdefault((play.__name__, name), []).append((whole, SPENT["inside"]))
    result = []
    for (learner, sampler_name), seconds in runs.items():
        # The first repeat warms up.
        whole, inside = np.array(seconds[1:]).T
        result.append(
            {
                "learner": {"play_active": "ActiveLearner"}.get(learner, "BudgetedLearner"),
                "sampler": sampler_name,
                "seconds": float(np.median(whole)),
                "overhead": float(np.median((whole - inside) / inside)),
            }
        )
    print_table(
        ["learner", "sampler", "seconds", "overhead"],
        (
            [r["learner"], r["sampler"], f"{r['seconds']:.2f}", f"{r['overhead']:.1%}"]
            for r in result
        ),
    )
    write_result("loop", {"runs": result})


if __name__ == "__main__":
    main()
