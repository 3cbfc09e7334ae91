"""The comparison of samplers: the same starts, the same budget, seeds of their own."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier
from sklearn.utils._param_validation import HasMethods, Interval, validate_params
from tqdm.auto import tqdm

from skdal._seeding import seeded
from skdal.loop import initial_rows, play


@validate_params(
    {
        "samplers": [Mapping],
        "estimator": [HasMethods(["fit", "predict", "score"])],
        "n_initial": [Interval(Integral, 1, None, closed="left")],
        "n_instances": [Interval(Integral, 1, None, closed="left")],
        "n_queries": [Interval(Integral, 1, None, closed="left")],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "random_state": [Interval(Integral, 0, None, closed="left")],
        "verbose": ["verbose"],
    },
    prefer_skip_nested_validation=False,
)
def compare(
    samplers: Mapping[str, Any],
    estimator: Any,
    X: Any,
    y: ArrayLike,
    X_test: Any,
    y_test: ArrayLike,
    *,
    n_initial: int = 20,
    n_instances: int = 30,
    n_queries: int = 6,
    n_repeats: int = 5,
    random_state: int = 0,
    verbose: int = 0,
) -> list[dict[str, Any]]:
    """Play the learning loop with several samplers, several times.

    Within a repeat all samplers start from the same rows and the same first model, so that
    they can be compared in pairs. A run depends on ``random_state``, the number of its repeat
    and the name of its sampler alone: another sampler or repeat changes none that was there.

    Parameters
    ----------
    samplers : mapping of str to sampler
        The samplers, by the names that the results give them.

    estimator : classifier or regressor
        The task model, with a method ``score``.

    X : array-like, sparse matrix, DataFrame or list, of n_rows rows
        The rows to choose from.

    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        All their labels.

    X_test : array-like of n_test_rows rows
        Rows to score the model on.

    y_test : array-like of shape (n_test_rows,) or (n_test_rows, n_outputs)
        Their labels.

    n_initial : int, default=20
        Labels at the start, see :func:`~skdal.loop.initial_rows`.

    n_instances : int, default=30
        Labels bought by a query.

    n_queries : int, default=6
        Queries of a run.

    n_repeats : int, default=5
        Runs of every sampler.

    random_state : int, default=0
        Seeds all there is. Unlike elsewhere it must be an int.

    verbose : int, default=0
        Whether to show a progress bar, which counts trainings of the task model.

    Returns
    -------
    list of dict
        One for every training: ``sampler``, its name; ``repeat``, counted from 0;
        ``n_labels``, labels used; ``score``, the model's on the test rows; ``fit_seconds``
        and ``query_seconds``, as in :class:`~skdal.loop.Step`; ``rows``, ndarray of int,
        those labeled just before. ``pandas.DataFrame`` makes a table of it.

    Raises
    ------
    ValueError
        If there is no sampler, a parameter is out of range, or the data do not suffice.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdal import RandomSampler
    >>> from skdal.datasets import load
    >>> from skdal.experiments import compare
    >>> results = compare(
    ...     {"random": RandomSampler()}, LogisticRegression(), **load("digits"), n_repeats=2
    ... )
    >>> len(results), results[-1]["n_labels"]
    (14, 200)
    """
    if not samplers:
        raise ValueError("samplers is empty; pass at least one, as in {'random': RandomSampler()}.")
    results = []
    n_trainings = len(samplers) * n_repeats * (n_queries + 1)
    with tqdm(total=n_trainings, unit="training", disable=not verbose) as bar:
        for repeat in range(n_repeats):
            # What all samplers share has a seed without a name.
            shared = np.random.RandomState(_seed(random_state, repeat))
            start = initial_rows(
                y, n_initial, stratify=is_classifier(estimator), random_state=shared
            )
            model = seeded(estimator, shared)
            for name, sampler in samplers.items():
                steps = play(
                    model,
                    sampler,
                    X,
                    y,
                    budget=n_initial + n_queries * n_instances,
                    n_initial=start,
                    n_instances=n_instances,
                    random_state=_seed(random_state, repeat, crc32(name.encode())),
                )
                bar.set_description(f"repeat {repeat + 1}/{n_repeats}, {name}")
                for step in steps:
                    results.append(
                        {
                            "sampler": name,
                            "repeat": repeat,
                            "n_labels": step.n_labels,
                            "score": float(step.model.score(X_test, y_test)),
                            "fit_seconds": step.fit_seconds,
                            "query_seconds": step.query_seconds,
                            "rows": step.rows,
                        }
                    )
                    bar.update()
    return results


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
