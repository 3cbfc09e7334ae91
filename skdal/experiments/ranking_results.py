"""What rankings say: how much alike they are, and a file of the scores."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from skdal._files import written_whole
from skdal.metrics import spearman


def agreement(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return how much alike every two samplers rank.

    Parameters
    ----------
    results : sequence of dict
        What :func:`~skdal.experiments.rank` returns.

    Returns
    -------
    list of dict
        For every pair: ``sampler`` and ``other``, their names; ``n_repeats``, rankings of
        both; ``spearman``, the mean of Spearman's correlation over them, and ``min`` and
        ``max``, the smallest and the largest. NaN where all scores of one are equal.

    Raises
    ------
    ValueError
        If there are fewer than two samplers, or scores are not finite.

    Examples
    --------
    >>> from skdal.experiments import agreement
    >>> results = [
    ...     {"sampler": "entropy", "repeat": 0, "scores": [0.1, 0.2, 0.9]},
    ...     {"sampler": "margin", "repeat": 0, "scores": [-0.8, -0.1, -0.5]},
    ... ]
    >>> agreement(results)[0]["spearman"]
    0.5
    """
    if not results:
        raise ValueError("results is empty; pass the rankings of two samplers at least.")
    found: dict[tuple[str, str], list[float]] = {}
    for repeat in sorted({record["repeat"] for record in results}):
        scores = {r["sampler"]: r["scores"] for r in results if r["repeat"] == repeat}
        for pair, value in spearman(scores).items():
            found.setdefault(pair, []).append(value)
    return [
        {
            "sampler": sampler,
            "other": other,
            "n_repeats": len(values),
            "spearman": float(np.mean(values)),
            "min": float(np.min(values)),
            "max": float(np.max(values)),
        }
        for (sampler, other), values in found.items()
    ]


def write_scores(results: Sequence[dict[str, Any]], path: str | os.PathLike[str]) -> None:
    """Write scores to a file, one a line, whole or not at all.

    Parameters
    ----------
    results : sequence of dict
        What :func:`~skdal.experiments.rank` returns.

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
    >>> from skdal.experiments.ranking_results import write_scores
    >>> results = [{"sampler": "egl", "repeat": 0, "rows": [5, 3], "scores": [0.5, 1.25]}]
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = Path(directory, "scores.csv")
    ...     write_scores(results, path)
    ...     print(path.read_text())
    sampler,repeat,row,score
    egl,0,5,0.5
    egl,0,3,1.25
    """
    if not results:
        raise ValueError("results is empty, so there is nothing to write.")
    with (
        written_whole(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["sampler", "repeat", "row", "score"])
        for record in results:
            for row, score in zip(record["rows"], record["scores"], strict=True):
                writer.writerow([record["sampler"], record["repeat"], row, float(score)])
