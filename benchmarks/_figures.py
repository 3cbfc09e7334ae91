"""Where a figure is found in the results of a benchmark."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from _line import NotMeasuredError, Results


def plain(r: Results, *kinds: str) -> list[Results]:
    return [each for each in r["k-center"]["plain"] if each["data"].startswith(kinds)]


def pca(r: Results) -> Results:
    return next(
        each for each in plain(r, "pca64") if (each["n_labeled"], each["k"]) == (1000, 1000)
    )


def worst(runs: list[Results], key: str, pick: Callable[..., Results] = min) -> Results:
    return pick(runs, key=lambda each: each[key])


def shares(r: Results, name: str) -> float:
    return float(np.abs(r["fidelity"]["difference_of_shares"][name]).mean())


def programs(r: Results, sizes: tuple[int, ...], labeled: bool) -> list[Results]:
    """Return the runs with the paper's number of outliers, n / 10,000."""
    return [
        each
        for each in r["robust-k-center"]
        if each["run"] == "table"
        and each["n_rows"] in sizes
        and (each["n_labeled"] > 0) == labeled
        and each["n_outliers"] == each["n_rows"] // 10_000
    ]


def reduction(r: Results) -> list[float]:
    runs = [each for each in r["robust-k-center"] if each["run"] == "reductions"]
    return [each["full"]["total"] / each["reduced"]["total"] for each in runs]


def overhead(r: Results, sampler: str) -> list[float]:
    return [each["overhead"] for each in r["loop"]["runs"] if each["sampler"] == sampler]


def pool(r: Results, case: str, n: int = 10**7) -> Results:
    runs = [each for each in r["large-pools"] if (each["case"], each["n"]) == (case, n)]
    if not runs:
        raise NotMeasuredError(case)
    return min(runs, key=lambda each: each["cpu_seconds"])


def mib(r: Results, *cases: str) -> float:
    return max(pool(r, case)["memory"] for case in cases) / 2**20


def speed_ups(r: Results) -> dict[str, float]:
    seconds = {key: min(times) for key, times in r["cluster"]["seconds"].items()}
    names = {key.removesuffix(", 1 workers") for key in seconds if key.endswith(", 1 workers")}
    return {n: seconds[f"{n}, 1 workers"] / seconds[f"{n}, 4 workers"] for n in sorted(names)}


def largest(r: Results, dtype: str) -> dict[str, float]:
    return r["neural-accuracy"]["largest_relative_difference"][dtype]


def growth(r: Results) -> float:
    """Return the most that a larger pool takes beyond a smaller one."""
    return max(
        sizes[1] - sizes[0]
        for sizes in (list(each.values()) for each in r["neural-memory"]["extra_MiB"].values())
    )


def gains(r: Results) -> np.ndarray:
    """Return the accuracy of DAL after one round of 400 images, less random's, seed by seed."""
    found = {
        (each["rule"], each["seed"]): each["accuracy"]
        for each in r["dal-selection-mnist"]
        if each["rounds"] == 1
    }
    seeds = sorted({seed for rule, seed in found if rule == "default"})
    return np.array([found["default", seed] - found["random", seed] for seed in seeds])


def spearman(r: Results, *pairs: str) -> list[float]:
    runs = [each["spearman"] for each in r["rankings-mnist"] if each["n_labeled"] == 1000]
    return [float(np.mean([run[pair] for run in runs])) for pair in pairs]
