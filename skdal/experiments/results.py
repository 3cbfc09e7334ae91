"""What a comparison says: areas under learning curves, differences, files."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import t

from skdal._files import written_whole
from skdal.metrics import area_under_learning_curve

_LISTS = ("class_counts", "rows")


def curves(
    results: Sequence[dict[str, Any]],
) -> dict[str, dict[int, tuple[np.ndarray, np.ndarray]]]:
    """Return the learning curve of every run.

    Parameters
    ----------
    results : sequence of dict
        What :func:`~skdal.experiments.compare` returns, whole or in part.

    Returns
    -------
    dict of dict of tuple
        By sampler, in the order of first appearance, and by repeat: ``n_labels`` and
        ``scores``, ndarrays of shape (n_points,), by rising ``n_labels``. They begin where every
        run has a score.

    Examples
    --------
    >>> from skdal.experiments.results import curves
    >>> results = [
    ...     {"sampler": "random", "repeat": 0, "n_labels": 20, "score": 0.75},
    ...     {"sampler": "random", "repeat": 0, "n_labels": 10, "score": 0.5},
    ... ]
    >>> n_labels, scores = curves(results)["random"][0]
    >>> n_labels.tolist(), scores.tolist()
    ([10, 20], [0.5, 0.75])
    """
    # What came before has no model, and would make a curve shorter than others.
    unscored = [record["n_labels"] for record in results if np.isnan(record["score"])]
    begin = max(unscored, default=0)
    points: dict[str, dict[int, list[tuple[int, float]]]] = {}
    for record in results:
        run = points.setdefault(record["sampler"], {}).setdefault(record["repeat"], [])
        if record["n_labels"] > begin:
            run.append((record["n_labels"], record["score"]))
    return {
        name: {
            repeat: (np.array([n for n, _ in sorted(run)]), np.array([s for _, s in sorted(run)]))
            for repeat, run in runs.items()
        }
        for name, runs in points.items()
    }


def summarize(
    results: Sequence[dict[str, Any]], *, baseline: str = "random"
) -> list[dict[str, Any]]:
    """Return one line for every sampler of a comparison.

    Parameters
    ----------
    results : sequence of dict
        What :func:`~skdal.experiments.compare` returns.

    baseline : str, default="random"
        The sampler that the others are measured against.

    Returns
    -------
    list of dict
        In the order of first appearance:

        * ``sampler``, its name, and ``n_repeats``, its runs;
        * ``area``, the mean of :func:`~skdal.metrics.area_under_learning_curve`, and
          ``area_sd``, its standard deviation, NaN with a single run;
        * ``difference``, the mean of its area less that of the baseline in the same repeat,
          and ``low`` and ``high``, the ends of the 95 % t-interval of this mean. NaN where
          there is nothing to subtract, and the interval also with fewer than two pairs;
        * ``final_score``, the mean score with all labels, ``final_score_sd``, and
          ``final_difference``, ``final_low`` and ``final_high``, its difference to the baseline
          as above;
        * ``fit_seconds``, the mean of a training, and ``query_seconds``, that of a query.

    Raises
    ------
    ValueError
        If a run has fewer than two points.

    Examples
    --------
    >>> from skdal.experiments import summarize
    >>> results = [
    ...     {
    ...         "sampler": name,
    ...         "repeat": repeat,
    ...         "n_labels": n_labels,
    ...         "score": score,
    ...         "fit_seconds": 0.1,
    ...         "query_seconds": 0.2,
    ...     }
    ...     for repeat in (0, 1)
    ...     for name, scores in {"random": [0.5, 0.7], "other": [0.5, 0.9]}.items()
    ...     for n_labels, score in zip([10, 20], scores)
    ... ]
    >>> [(line["sampler"], round(line["difference"], 3)) for line in summarize(results)]
    [('random', nan), ('other', 0.1)]
    """
    by_sampler = curves(results)
    areas = {
        name: {repeat: area_under_learning_curve(*curve) for repeat, curve in runs.items()}
        for name, runs in by_sampler.items()
    }
    finals = {
        name: {repeat: float(scores[-1]) for repeat, (_, scores) in runs.items()}
        for name, runs in by_sampler.items()
    }
    lines = []
    for name, runs in by_sampler.items():
        records = [record for record in results if record["sampler"] == name]
        start = min(record["n_labels"] for record in records)
        queries = [record["query_seconds"] for record in records if record["n_labels"] > start]
        difference, low, high = _difference(areas, name, baseline)
        final_difference, final_low, final_high = _difference(finals, name, baseline)
        lines.append(
            {
                "sampler": name,
                "n_repeats": len(runs),
                "area": float(np.mean(list(areas[name].values()))),
                "area_sd": _deviation(areas[name]),
                "difference": difference,
                "low": low,
                "high": high,
                "final_score": float(np.mean(list(finals[name].values()))),
                "final_score_sd": _deviation(finals[name]),
                "final_difference": final_difference,
                "final_low": final_low,
                "final_high": final_high,
                "fit_seconds": float(np.mean([record["fit_seconds"] for record in records])),
                "query_seconds": float(np.mean(queries)),
            }
        )
    return lines


def _deviation(values: dict[int, float]) -> float:
    return float(np.std(list(values.values()), ddof=1)) if len(values) > 1 else float("nan")


def _difference(
    values: dict[str, dict[int, float]], name: str, baseline: str
) -> tuple[float, float, float]:
    own, reference = values[name], values.get(baseline, {})
    shared = [repeat for repeat in own if repeat in reference and name != baseline]
    return _mean_and_interval(np.array([own[repeat] - reference[repeat] for repeat in shared]))


def _mean_and_interval(values: np.ndarray, confidence: float = 0.95) -> tuple[float, float, float]:
    if not len(values):
        return (float("nan"),) * 3
    mean = float(values.mean())
    if len(values) < 2:
        return mean, float("nan"), float("nan")
    half = t.ppf((1 + confidence) / 2, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return mean, float(mean - half), float(mean + half)


def write_csv(results: Sequence[dict[str, Any]], path: str | os.PathLike[str]) -> None:
    """Write results to a file, whole or not at all.

    Parameters
    ----------
    results : sequence of dict
        What :func:`~skdal.experiments.compare` returns. ``rows`` and ``class_counts`` are
        written as numbers with spaces between.

    path : str or path-like
        The file. One that exists is replaced, but only once the new one is complete.

    Raises
    ------
    ValueError
        If there is nothing to write.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skdal.experiments import write_csv
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = Path(directory, "results.csv")
    ...     write_csv([{"sampler": "random", "n_labels": 2, "rows": [5, 3]}], path)
    ...     print(path.read_text())
    sampler,n_labels,rows
    random,2,5 3
    """
    if not results:
        raise ValueError("results is empty, so there is nothing to write.")
    with (
        written_whole(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.DictWriter(file, list(results[0]), lineterminator="\n")
        writer.writeheader()
        for record in results:
            lists = {k: " ".join(map(str, record[k])) for k in _LISTS if k in record}
            writer.writerow(record | lists)
