"""The next rows to label, of a pool of any size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import Bunch, check_random_state

from skdal._binding import fit_bound
from skdal._fitting import fit_seeded
from skdal._pool import Rows, take
from skdal.acquisition import AcquisitionSampler
from skdal.base import PoolEstimator
from skdal.samplers import CoreSetSampler
from skdal.tables.labels import Labels

# Core-set of the whole pool is drawn to outliers, and slow; see docs/core_set.md. So many times
# the rows that are asked for are enough.
_CANDIDATES = 5

# What a task model, which anybody may have written, raises beside ValueError.
_OF_MODELS = (
    *(ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, MemoryError),
    *(NameError, RuntimeError, TypeError),
)


def choose_rows(
    X: Any,
    labels: Labels,
    sampler: Any,
    *,
    estimator: Any = None,
    n_instances: int = 1,
    random_state: Any = None,
) -> Bunch:
    """Choose the rows to label next, among those with no label that can have one.

    Parameters
    ----------
    X : memmap or array of shape (n_rows, ...)
        The pool.

    labels : Labels
        What is known. Rows that cannot be labeled are neither chosen nor learned from.

    sampler : sampler
        Not changed. As long as it cannot choose, for want of labels, core-set does: of
        ``5 * n_instances`` rows drawn at random.

    estimator : classifier, regressor or None, default=None
        The task model, for samplers without one of their own. It is trained on the labels, unless
        the sampler can make no use of it: one that works in a representation takes a model that
        has learned one, and random sampling takes none.

    n_instances : int, default=1
        How many rows to choose.

    random_state : int, RandomState instance or None, default=None
        Seeds everything.

    Returns
    -------
    Bunch
        ``rows``, ndarray of int of shape (n_instances,), in the order of choice; ``scores``,
        ndarray of float, NaN where there are none; ``fallback``, why core-set had to choose, or
        an empty text; and ``uses_estimator``, whether the sampler can make use of a task model
        that was passed.

    Raises
    ------
    ValueError
        If the sampler asks for a task model and there is none, or for more than there is; if it
        is asked for more rows than there are; or if the task model cannot be trained.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skdal import RandomSampler
    >>> from skdal.tables import Labels, choose_rows
    >>> X, y = load_digits(return_X_y=True)
    >>> labels = Labels(np.arange(20), y[:20], list("0123456789"), np.array([20, 21]))
    >>> chosen = choose_rows(X, labels, RandomSampler(), n_instances=5, random_state=0)
    >>> len(chosen.rows), bool((chosen.rows > 21).all()), chosen.fallback
    (5, True, '')
    """
    check_has_model(sampler, estimator)
    rng = check_random_state(random_state)
    left = None
    if len(labels.skipped):
        left = np.setdiff1d(np.arange(len(X)), labels.skipped)
        X = Rows(X, left)
        labels = labels._replace(rows=np.searchsorted(left, labels.rows))
    n_free = len(X) - len(labels.rows)
    if n_instances > n_free:
        raise ValueError(
            f"n_instances={n_instances} is more than the {n_free} rows that have no label and can "
            f"have one; ask for {n_free} at most."
            if n_free
            else "Every row of the pool has a label, or cannot have one; there is none to ask for."
        )
    # A model that nobody asks need not be trained, and must not take numbers of the stream.
    uses_estimator = estimator is not None and _uses(sampler, estimator)
    estimator, model = estimator if uses_estimator else None, None
    fallback = _what_is_missing(labels, sampler, estimator)
    if fallback:
        sampler = CoreSetSampler(max_candidates=_CANDIDATES * n_instances)
    elif estimator is not None and len(labels.rows):
        model = _trained(estimator, take(X, labels.rows), labels.values, rng)
    try:
        fitted = fit_bound(sampler, model, X, labels.values, labels.rows, rng)
        rows, details = fitted.query(n_instances=n_instances, return_details=True)
    except FloatingPointError as error:
        raise ValueError(f"{type(sampler).__name__} gets NaN or infinity: {error}") from error
    rows = rows if left is None else left[rows]
    return Bunch(rows=rows, scores=details.scores, fallback=fallback, uses_estimator=uses_estimator)


def _trained(estimator: Any, X: Any, y: np.ndarray, rng: np.random.RandomState) -> Any:
    try:
        return fit_seeded(estimator, X, y, rng)
    except _OF_MODELS as error:
        said = f": {error}".rstrip(" .:")
        raise ValueError(
            f"{type(estimator).__name__} cannot be trained on the labels: "
            f"{type(error).__name__}{said}."
        ) from error


def check_has_model(sampler: Any, estimator: Any) -> None:
    """Refuse a sampler that ranks rows by a task model, where there is none.

    Parameters
    ----------
    sampler : sampler
        It may be made of others.

    estimator : estimator or None
        The task model.

    Raises
    ------
    ValueError
        If it is missing.

    Examples
    --------
    >>> from skdal import RandomSampler
    >>> from skdal.tables.query import check_has_model
    >>> check_has_model(RandomSampler(), None)
    """
    for part in _parts(sampler):
        if isinstance(part, AcquisitionSampler) and part.estimator is None and estimator is None:
            raise ValueError(
                f"{type(part).__name__} ranks rows by what a task model says of them, and there is "
                "none; pass an estimator, or take a sampler that needs none, such as "
                "DiscriminativeSampler, CoreSetSampler or RandomSampler."
            )


def _parts(sampler: Any) -> Iterator[Any]:
    yield sampler
    for value in sampler.get_params().values():
        if isinstance(value, PoolEstimator):
            yield value


def _uses(sampler: Any, estimator: Any) -> bool:
    """Return whether a sampler, or one that it is made of, would work with a task model."""
    return any(
        part.get_params(deep=False).get("estimator", estimator) is None and part._wants(estimator)
        for part in _parts(sampler)
    )


def _what_is_missing(labels: Labels, sampler: Any, estimator: Any) -> str:
    """Return why a sampler cannot choose yet, or nothing."""
    if not len(labels.rows):
        return "No row has a label yet" if sampler._needs_labels else ""
    classes = labels.classes or []
    if estimator is not None and is_classifier(estimator) and len(classes) == 1:
        return f"All labels are {classes[0]!r} so far"
    return ""
