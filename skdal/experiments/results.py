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
        ``scores``, ndarrays of shape (n_points,), by rising ``n_labels``. Those of a sampler
        begin where each of its runs has a score, whatever those of others do.

    Raises
    ------
    ValueError
        If a score is NaN, but one with fewer labels is none.

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
    points: dict[str, dict[int, list[tuple[int, float]]]] = {}
    for record in results:
        run = points.setdefault(record["sampler"], {}).setdefault(record["repeat"], [])
        run.append((record["n_labels"], record["score"]))
    found = {}
    for name, runs in points.items():
        by_repeat = {repeat: np.array(sorted(run), dtype=float) for repeat, run in runs.items()}
        # What came before has no model, and would make a curve longer than those of other runs.
        begin = max(_first_scored(name, repeat, run) for repeat, run in by_repeat.items())
        cut = {repeat: run[run[:, 0] >= begin] for repeat, run in by_repeat.items()}
        found[name] = {repeat: (run[:, 0].astype(int), run[:, 1]) for repeat, run in cut.items()}
    return found


def _first_scored(name: str, repeat: int, run: np.ndarray) -> float:
    """Return the number of labels from which on a run has scores."""
    n_labels, scores = run.T
    missing = np.isnan(scores)
    n_leading = len(scores) if missing.all() else int(missing.argmin())
    if missing[n_leading:].any():
        where = n_labels[n_leading:][missing[n_leading:]][0]
        raise ValueError(
            f"Repeat {repeat} of sampler {name!r} has no score with {where:.0f} labels, but one "
            "with fewer; leave the run out."
        )
    return float(n_labels[n_leading]) if n_leading < len(scores) else float("inf")


def summarize(
    results: Sequence[dict[str, Any]], *, baseline: str | None = None
) -> list[dict[str, Any]]:
    """Return one line for every sampler of a comparison.

    Parameters
    ----------
    results : sequence of dict
        What :func:`~skdal.experiments.compare` returns.

    baseline : str or None, default=None
        The sampler that the others are measured against. None is ``"random"``, where that is
        among them.

    Returns
    -------
    list of dict
        In the order of first appearance:

        * ``sampler``, its name, and ``n_repeats``, its runs;
        * ``n_labels_from`` and ``n_labels_to``, the span of its curves: from where each of its
          runs has a score, to the end;
        * ``area``, the mean of :func:`~skdal.metrics.area_under_learning_curve` over this span,
          and ``area_sd``, its standard deviation, NaN with a single run;
        * ``difference``, the mean of its area less that of the baseline in the same repeat,
          and ``low`` and ``high``, the ends of the 95 % t-interval of this mean. NaN where
          there is nothing to subtract, and the interval also with fewer than two pairs. Both
          areas are over the span in which both samplers have scores, so that no third one
          changes anything;
        * ``final_score``, the mean score with all labels, ``final_score_sd``, and
          ``final_difference``, ``final_low`` and ``final_high``, its difference to the baseline
          as above;
        * ``fit_seconds``, the mean of a training, and ``query_seconds``, that of a query.

    Raises
    ------
    ValueError
        If a run has fewer than two points, the runs of a sampler or of a pair differ in
        ``n_labels``, a score is missing in the middle of a run, or ``baseline`` is none of the
        samplers.

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
    if baseline is not None and baseline not in by_sampler:
        raise ValueError(
            f"baseline={baseline!r} is none of the samplers {', '.join(by_sampler) or '(none)'}."
        )
    baseline = "random" if baseline is None else baseline
    all_areas = {name: _areas(name, runs) for name, runs in by_sampler.items()}
    lines = []
    for name, runs in by_sampler.items():
        areas, n_labels = all_areas[name], next(iter(runs.values()))[0]
        finals = np.array([scores[-1] for _, scores in runs.values()])
        of_areas, of_finals = _differences(by_sampler, name, baseline)
        records = [record for record in results if record["sampler"] == name]
        start = min(record["n_labels"] for record in records)
        queries = [record["query_seconds"] for record in records if record["n_labels"] > start]
        difference, low, high = _mean_and_interval(of_areas)
        final_difference, final_low, final_high = _mean_and_interval(of_finals)
        lines.append(
            {
                "sampler": name,
                "n_repeats": len(runs),
                "n_labels_from": int(n_labels[0]),
                "n_labels_to": int(n_labels[-1]),
                "area": float(areas.mean()),
                "area_sd": _deviation(areas),
                "difference": difference,
                "low": low,
                "high": high,
                "final_score": float(finals.mean()),
                "final_score_sd": _deviation(finals),
                "final_difference": final_difference,
                "final_low": final_low,
                "final_high": final_high,
                "fit_seconds": float(np.mean([record["fit_seconds"] for record in records])),
                "query_seconds": float(np.mean(queries)),
            }
        )
    return lines


def _areas(name: str, runs: dict[int, tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    expected = next(iter(runs.values()))[0]
    if any(not np.array_equal(n_labels, expected) for n_labels, _ in runs.values()):
        raise ValueError(
            f"The runs of sampler {name!r} differ in n_labels, so they have no mean; summarize "
            "the results of one comparison at a time."
        )
    return np.array([area_under_learning_curve(*curve) for curve in runs.values()])


def _deviation(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def _differences(
    by_sampler: dict[str, dict[int, tuple[np.ndarray, np.ndarray]]], name: str, baseline: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return what the areas and the last scores of shared repeats are above the baseline's."""
    own, reference = by_sampler[name], by_sampler.get(baseline, {})
    if name == baseline:
        return np.empty(0), np.empty(0)
    areas, finals = [], []
    for repeat in [repeat for repeat in own if repeat in reference]:
        pair = own[repeat], reference[repeat]
        begin = max(n_labels[0] for n_labels, _ in pair)
        a, b = ([part[curve[0] >= begin] for part in curve] for curve in pair)
        if not np.array_equal(a[0], b[0]):
            raise ValueError(
                f"In repeat {repeat} samplers {name!r} and {baseline!r} differ in n_labels, "
                f"{a[0][0]} to {a[0][-1]} and {b[0][0]} to {b[0][-1]}, so they cannot be paired; "
                "summarize the results of one comparison at a time."
            )
        areas.append(area_under_learning_curve(*a) - area_under_learning_curve(*b))
        finals.append(a[1][-1] - b[1][-1])
    return np.array(areas), np.array(finals)


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
