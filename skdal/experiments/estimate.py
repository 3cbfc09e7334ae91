"""How long a comparison will take: trainings and queries, timed in part and scaled up."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone, is_classifier
from sklearn.utils.validation import _num_samples

from skdal._binding import choose, fit_bound
from skdal._fitting import fit_seeded
from skdal._pool import take
from skdal.acquisition import AcquisitionSampler
from skdal.loop import initial_rows
from skdal.samplers import CombinedSampler, CoreSetSampler, DiscriminativeSampler
from skdal.samplers.combined import divide

# The first epochs cost more than others, but not much.
_FEW_EPOCHS = 3
_FEW_TEST_ROWS = 1000

# Of a query: what it is timed on at first, and the seconds from which on it is not timed on more.
_FEW_CANDIDATES = 200
_LONG = 0.5

# What DAL is trained on to its end: more labels take as many epochs, or somewhat fewer.
_FEW_LABELS = 100
_FEW_MINI_QUERIES = 3
_MORE_EPOCHS = 5


@dataclass(frozen=True, eq=False)
class Training:
    """A training of a task model that was timed.

    Parameters
    ----------
    model : fitted estimator
        Trained, if for a few epochs alone.

    rows : ndarray of int of shape (n_labels,)
        The rows that it was trained on.

    seconds : float
        What a whole training takes.
    """

    model: Any
    rows: np.ndarray
    seconds: float


def time_training(
    estimator: Any, X: Any, y: ArrayLike, *, n_labels: int, random_state: int = 0
) -> Training:
    """Time one training of a task model.

    Parameters
    ----------
    estimator : classifier or regressor
        Not changed. Of one with ``max_epochs`` only a few epochs are trained, and the time is
        scaled up.

    X : array-like of n_rows rows
        The rows to draw from.

    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        All their labels.

    n_labels : int
        Rows to train on.

    random_state : int, default=0
        Draws them, and seeds the model.

    Returns
    -------
    Training
        The seconds, and what was trained.

    Raises
    ------
    ValueError
        If there are fewer rows.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdal.datasets import load
    >>> from skdal.experiments.estimate import time_training
    >>> digits, model = load("digits"), LogisticRegression(max_iter=1000)
    >>> time_training(model, digits.X, digits.y, n_labels=50).seconds < 60
    True
    """
    rows = initial_rows(y, n_labels, stratify=is_classifier(estimator), random_state=random_state)
    labeled = take(X, rows), np.asarray(y)[rows]
    factor = 1.0
    n_epochs = estimator.get_params().get("max_epochs")
    with _quiet():
        if n_epochs is not None and n_epochs > _FEW_EPOCHS:
            # Not timed: it imports torch, and has it set itself up.
            fit_seeded(clone(estimator).set_params(max_epochs=1), *labeled, random_state)
            estimator = clone(estimator).set_params(max_epochs=_FEW_EPOCHS)
            factor = n_epochs / _FEW_EPOCHS
        began = perf_counter()
        model = fit_seeded(estimator, *labeled, random_state)
    return Training(model, rows, factor * (perf_counter() - began))


def scoring_seconds(model: Any, X_test: Any, y_test: ArrayLike) -> float:
    """Time the test of a task model, on a thousand rows at most, and scale it up.

    Parameters
    ----------
    model : fitted estimator
        The task model.

    X_test, y_test : array-like of n_test_rows rows
        Rows to score it on, and their labels.

    Returns
    -------
    float
        Seconds for all the rows.
    """
    n_rows = _num_samples(X_test)
    some = np.arange(min(n_rows, _FEW_TEST_ROWS))
    X_some, y_some = take(X_test, some), np.asarray(y_test)[some]
    began = perf_counter()
    model.score(X_some, y_some)
    return (perf_counter() - began) * n_rows / len(some)


def query_seconds(
    sampler: Any,
    training: Training,
    X: Any,
    y: ArrayLike,
    *,
    n_instances: int,
    random_state: int = 0,
) -> float:
    """Time one query of a sampler in part, and scale it up to the whole.

    What is a pass over the pool is timed on some of its rows, which are scaled up to all that it
    would read. A DAL query does not grow with the pool, but with the labels, the epochs and the
    mini-queries: the epochs are counted with few labels and mini-queries, and what an epoch takes
    is timed with all the labels. An integer program counts with all of its ``time_limit``.

    Parameters
    ----------
    sampler : sampler
        Not changed.

    training : Training
        The task model that is lent to the sampler, and the rows that are labeled.

    X : array-like of n_rows rows
        All rows.

    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        All their labels.

    n_instances : int
        Rows to choose.

    random_state : int, default=0
        Draws the part, and seeds the sampler.

    Returns
    -------
    float
        Seconds, the sampler's ``fit`` included.

    Raises
    ------
    ValueError
        If the sampler cannot work with the task model.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdal import UncertaintySampler
    >>> from skdal.datasets import load
    >>> from skdal.experiments.estimate import query_seconds, time_training
    >>> digits, model = load("digits"), LogisticRegression(max_iter=1000)
    >>> training = time_training(model, digits.X, digits.y, n_labels=50)
    >>> query_seconds(UncertaintySampler(), training, digits.X, digits.y, n_instances=5) < 10
    True
    """
    y = np.asarray(y)
    # Half way there may be fewer left than before the first query.
    n_instances = min(n_instances, len(y) - len(training.rows))
    asked = {"n_instances": n_instances, "random_state": random_state}
    if isinstance(sampler, CombinedSampler):
        weights = sampler._weights()
        shares = divide(n_instances, weights / weights.sum())
        return sum(
            query_seconds(part, training, X, y, n_instances=int(share), random_state=random_state)
            for (_, part), share in zip(sampler.samplers, shares, strict=True)
            if share
        )
    with _quiet():
        if isinstance(sampler, CoreSetSampler) and sampler.method == "mip":
            greedy = clone(sampler).set_params(method="greedy")
            return sampler.time_limit + query_seconds(greedy, training, X, y, **asked)
        if isinstance(sampler, DiscriminativeSampler) and sampler.discriminator is None:
            return _dal_seconds(sampler, training, X, y, **asked)
        return _pass_seconds(sampler, training, X, y, **asked)


def _pass_seconds(
    sampler: Any, training: Training, X: Any, y: np.ndarray, n_instances: int, random_state: int
) -> float:
    """Time a query on more and more rows of the pool, until it takes long."""
    pool = np.setdiff1d(np.arange(len(y)), training.rows)
    pool = np.random.RandomState(random_state).permutation(pool)
    n_read = min(len(pool), getattr(sampler, "max_candidates", None) or len(pool))
    # What a sampler of sets takes depends on how many rows are chosen, too.
    least = _FEW_CANDIDATES if isinstance(sampler, AcquisitionSampler) else 2 * n_instances
    n_timed = min(n_read, max(_FEW_CANDIDATES, least))
    first = True
    while True:
        part = np.concatenate([training.rows, pool[:n_timed]])
        rows = np.arange(len(training.rows))
        began = perf_counter()
        fitted = _fit(sampler, training.model, take(X, part), y[part], rows, random_state)
        choose(fitted, min(n_instances, n_timed))
        seconds = perf_counter() - began
        if first and seconds > _LONG:
            # Once more: the first time is also that of imports and of starting threads.
            first = False
            continue
        if n_timed == n_read or seconds > _LONG:
            return seconds * n_read / n_timed
        first = False
        n_timed = min(n_read, int(n_timed * 3 * _LONG / max(seconds, 3 * _LONG / 8)))


def _dal_seconds(
    sampler: Any, training: Training, X: Any, y: np.ndarray, n_instances: int, random_state: int
) -> float:
    from skdal.neural import MLPDiscriminator

    n_mini_queries = min(sampler.n_mini_queries, n_instances)
    size = -(-n_instances // n_mini_queries)

    def time(rows: np.ndarray, n_mini: int, **params: Any) -> tuple[float, float, int, float]:
        """Return the seconds of fit and query, and the epochs of fit and of a mini-query."""
        part = clone(sampler).set_params(n_mini_queries=n_mini, **params)
        began = perf_counter()
        fitted = _fit(part, training.model, X, y, rows, random_state)
        between = perf_counter()
        n_asked = min(n_mini * size, n_instances)
        _, details = fitted.query(n_instances=n_asked, return_details=True)
        ended = perf_counter()
        return between - began, ended - between, fitted.n_iter_, float(details.n_epochs.mean())

    n_few = min(n_mini_queries, _FEW_MINI_QUERIES)
    fit, query, fit_epochs, epochs = time(training.rows[:_FEW_LABELS], n_few)
    if len(training.rows) <= _FEW_LABELS:
        return fit + query * n_mini_queries / n_few
    n_epochs = fit_epochs + n_mini_queries * epochs

    def time_epochs(n_mini: int, max_epochs: int) -> float:
        discriminator = MLPDiscriminator(stop_accuracy=None, max_epochs=max_epochs)
        return sum(time(training.rows, n_mini, discriminator=discriminator)[:2])

    one, several = time_epochs(1, 1), time_epochs(1, 1 + _MORE_EPOCHS)
    # In fit and in the mini-query.
    an_epoch = max(0.0, several - one) / (2 * _MORE_EPOCHS)
    if sampler.candidates == "pool":
        # Every mini-query reads all of it, whatever its epochs.
        one = time_epochs(n_mini_queries, 1)
        return one + (n_epochs - 1 - n_mini_queries) * an_epoch
    return one + (n_epochs - 2) * an_epoch


def _fit(
    sampler: Any, model: Any, X: Any, y: np.ndarray, rows: np.ndarray, random_state: int
) -> Any:
    return fit_bound(sampler, model, X, y[rows], rows, np.random.RandomState(random_state))


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence warnings: what so short a training brings about is no news."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
