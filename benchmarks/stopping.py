"""Does DivergenceStop stop where the accuracy has leveled off?

A learning loop is played to its end, and the rule is asked after every training, in the
predictions of the task model and in X itself: what would it have said? A biased start labels
digits from 0 to 4 alone.

Every loop is one line of benchmarks/results/stopping.jsonl, written as soon as it is done; those
that are there already are not repeated. Without --run only the tables are printed.
"""

from __future__ import annotations

import argparse
import json
from itertools import product
from typing import Any

import numpy as np
from _common import RESULTS, load_images, machine, print_table, read_records
from sklearn.datasets import load_digits
from sklearn.ensemble import AdaBoostClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import check_random_state

from skdal import CoreSetSampler, DiscriminativeSampler, DivergenceStop, RandomSampler
from skdal.loop import play

SAMPLERS = {
    "random": RandomSampler(),
    "DAL": DiscriminativeSampler(n_mini_queries=5),
    # The default discriminator takes minutes on MNIST.
    "DAL, logistic": DiscriminativeSampler(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)), n_mini_queries=5
    ),
    "core-set": CoreSetSampler(),
}
MODELS = {
    "MLP": MLPClassifier((64,), solver="lbfgs", alpha=1e-3, max_iter=150),
    "logistic regression": LogisticRegression(max_iter=1000),
    "random forest": RandomForestClassifier(),
    "1 neighbor": KNeighborsClassifier(1),
    "5 neighbors": KNeighborsClassifier(5),
    "tree": DecisionTreeClassifier(),
    "naive Bayes": GaussianNB(),
    "AdaBoost": AdaBoostClassifier(),
}
RULES = {
    "prediction": DivergenceStop(random_state=0),
    "X": DivergenceStop("passthrough", random_state=0),
}
# Labels at the start, of a query, and in all.
SIZES = {"digits": (20, 40, 500), "mnist": (100, 200, 1500)}


def load(name: str, path: str | None) -> tuple[np.ndarray, ...]:
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        order = np.random.RandomState(0).permutation(len(X))
        X, y = X[order] / 16, y[order]
        return X[:1300], y[:1300], X[1300:], y[1300:]
    X, y, X_test, y_test = load_images(path)
    rows = np.random.RandomState(0).choice(len(X), 4000, replace=False)
    return X[rows].reshape(4000, -1), y[rows], X_test.reshape(len(X_test), -1), y_test


def loop(
    data: tuple[np.ndarray, ...], sampler: str, model: str, start: str, seed: int, sizes: Any
) -> list:
    X, y, X_test, y_test = data
    n_initial, n_instances, budget = sizes
    rng = check_random_state(seed)
    if start == "biased":
        n_initial = rng.choice(np.flatnonzero(y < 5), n_initial, replace=False)
    steps = play(
        MODELS[model],
        SAMPLERS[sampler],
        X,
        y,
        budget=budget,
        n_initial=n_initial,
        n_instances=n_instances,
        random_state=rng,
    )
    hidden = np.full(len(y), -1)
    rounds = []
    for step in steps:
        hidden[step.rows] = y[step.rows]
        asked = {name: rule.bind(step.model).fit(X, hidden) for name, rule in RULES.items()}
        rounds.append(
            {
                "labels": step.n_labels,
                "accuracy": step.model.score(X_test, y_test),
                **{
                    name: {
                        "divergence": rule.divergence_,
                        "limit": rule.limit_,
                        "p": rule.p_value_,
                        "stop": rule.stop_,
                    }
                    for name, rule in asked.items()
                },
            }
        )
    return rounds


def stopped_at(rounds: list, rule: str, tolerance: float) -> dict[str, Any] | None:
    return next((r for r in rounds if r[rule]["limit"] < tolerance), None)


def summarize(records: list[dict[str, Any]]) -> None:
    lines = []
    names = ("data", "start", "sampler", "model")
    kinds = sorted({tuple(r[name] for name in names) for r in records})
    for kind in kinds:
        runs = [r["rounds"] for r in records if tuple(r[name] for name in names) == kind]
        for rule in RULES:
            for tolerance in (0.2, 0.4):
                stops = [stopped_at(rounds, rule, tolerance) for rounds in runs]
                # A loop that is not stopped ends with its budget.
                ends = [stop or rounds[-1] for stop, rounds in zip(stops, runs, strict=True)]
                lines.append(
                    [
                        *kind,
                        rule,
                        tolerance,
                        f"{sum(stop is not None for stop in stops)} of {len(runs)}",
                        ", ".join(str(end["labels"]) for end in ends),
                        f"{np.mean([end['accuracy'] for end in ends]):.3f}",
                        f"{np.mean([rounds[-1]['accuracy'] for rounds in runs]):.3f}",
                    ]
                )
    header = [*names, "in", "tolerance", "stopped", "labels", "accuracy", "end"]
    print_table(header, lines)


def draw(records: list[dict[str, Any]], path: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    columns = sorted(
        {(r["data"], r["start"]) for r in records}, key=lambda k: (k[0], k[1] != "random")
    )
    figure, axes = plt.subplots(
        3, len(columns), figsize=(3.6 * len(columns), 7), sharex="col", sharey="row", squeeze=False
    )
    styles = {
        "random": ("0.55", "o", "-"),
        "DAL": ("black", "s", "-"),
        "DAL, logistic": ("black", "D", "--"),
        "core-set": ("0.3", "^", ":"),
    }
    rows = {
        "accuracy": "test accuracy",
        "prediction": "limit of divergence,\nin predictions",
        "X": "limit of divergence,\nin X",
    }
    for column, (data, start) in enumerate(columns):
        for row, (key, label) in enumerate(rows.items()):
            ax = axes[row, column]
            for sampler, (color, marker, line) in styles.items():
                runs = [
                    r["rounds"]
                    for r in records
                    if (r["data"], r["start"], r["sampler"]) == (data, start, sampler)
                ]
                if not runs:
                    continue
                labels = [r["labels"] for r in runs[0]]
                values = np.array(
                    [[r[key] if row == 0 else r[key]["limit"] for r in rounds] for rounds in runs]
                ).mean(axis=0)
                ax.plot(
                    labels, values, line, color=color, marker=marker, markersize=4, label=sampler
                )
            if row:
                ax.axhline(0.2, color="black", linewidth=0.8)
            if column == 0:
                ax.set_ylabel(label)
            ax.spines[["top", "right"]].set_visible(False)
        axes[0, column].set_title(f"{data}, {start} start", fontsize=10)
        axes[2, column].set_xlabel("labels")
    axes[0, 0].legend(frameon=False, loc="lower right")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Play what is asked for and not done yet; print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", nargs="*", choices=list(SIZES), default=[])
    parser.add_argument("--data", help="MNIST, as .npz file or folder of idx files")
    parser.add_argument(
        "--starts", nargs="+", choices=["random", "biased"], default=["random", "biased"]
    )
    parser.add_argument("--samplers", nargs="+", choices=list(SAMPLERS), default=list(SAMPLERS))
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=["MLP"])
    parser.add_argument("--seeds", type=int, default=3, help="default: 3")
    parser.add_argument("--plot", metavar="FILE", help="draw the curves into this file")
    args = parser.parse_args()
    path = RESULTS / "stopping.jsonl"
    for name in args.run:
        data = load(name, args.data)
        runs = product(args.starts, range(args.seeds), args.samplers, args.models)
        for start, seed, sampler, model in runs:
            key = {"data": name, "start": start, "sampler": sampler, "seed": seed, "model": model}
            if any(key.items() <= record.items() for record in read_records(path)):
                continue
            rounds = loop(data, sampler, model, start, seed, SIZES[name])
            with path.open("a") as file:
                file.write(json.dumps({**key, "rounds": rounds, "machine": machine()}) + "\n")
            print(", ".join(map(str, key.values())), flush=True)
    records = read_records(path)
    summarize(records)
    if args.plot:
        draw([record for record in records if record["model"] == "MLP"], args.plot)


if __name__ == "__main__":
    main()
