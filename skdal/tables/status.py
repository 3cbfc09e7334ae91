"""How far a pool is labeled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.metrics import pairwise_distances_argmin
from sklearn.utils import Bunch, check_random_state

from skdal._pool import as_matrix, check_finite, take
from skdal.core_set import covering_radius
from skdal.divergence import h_divergence_test
from skdal.mini_queries import draw_subsample
from skdal.tables.labels import Labels

_MAX_COMPARED = 1000
_MAX_COVERED = 20_000
_FOLDS = 5
# Of the working memory of scikit-learn, for each of the two sides that are compared.
_SHARE = 4


def pool_status(X: Any, labels: Labels, *, random_state: Any = None) -> Bunch:
    """Measure how well the labeled rows stand for the pool, in the space of X.

    Parameters
    ----------
    X : memmap or array of shape (n_rows, ...)
        The pool.

    labels : Labels
        What is known.

    random_state : int, RandomState instance or None, default=None
        Draws rows of a large pool.

    Returns
    -------
    Bunch
        ``n_unlabeled``, rows that have no label and can have one; ``test``, the
        :class:`~skdal.divergence.HDivergenceTest` of ``n_compared`` labeled rows, 1,000 at most,
        and as many unlabeled ones, or None with fewer than five of either; ``radius``, the
        covering radius of the labeled rows over ``n_covered`` rows, drawn at random from a
        pool of more than 20,000, or None without a label. Both are of fewer rows where so many
        take more than a quarter of the ``working_memory`` of scikit-learn.

    Raises
    ------
    ValueError
        If a row that is looked at holds NaN or infinity.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skdal.tables import Labels, pool_status
    >>> X, y = load_digits(return_X_y=True)
    >>> labels = Labels(np.arange(100), y[:100], list("0123456789"), np.array([], dtype=int))
    >>> status = pool_status(X, labels, random_state=0)
    >>> status.n_unlabeled, status.n_compared, status.n_covered, round(status.radius, 1)
    (1697, 100, 1797, 49.8)
    """
    rng = check_random_state(random_state)
    is_free = np.ones(len(X), dtype=bool)
    is_free[labels.skipped] = False
    alive = np.flatnonzero(is_free)
    is_free[labels.rows] = False
    free = np.flatnonzero(is_free)
    fits = _rows_that_fit(X)
    n_compared = min(len(labels.rows), len(free), _MAX_COMPARED, max(_FOLDS, fits // 2))
    status = Bunch(n_unlabeled=len(free), n_compared=n_compared, n_covered=0)
    status.test = status.radius = None
    if n_compared >= _FOLDS:
        sides = [draw_subsample(rows, n_compared, rng) for rows in (labels.rows, free)]
        Z = _read(X, np.concatenate(sides))
        if (Z[0] != Z).any():
            is_unlabeled = np.repeat([False, True], n_compared)
            status.test = h_divergence_test(Z, is_unlabeled, cv=_FOLDS, random_state=rng)
    if len(labels.rows):
        status.n_covered = min(len(alive), _MAX_COVERED, fits)
        rows = np.sort(draw_subsample(alive, status.n_covered, rng))
        status.radius = _radius(X, rows, labels.rows, fits)
    return status


def _rows_that_fit(X: Any) -> int:
    """Return how many rows a share of the working memory holds, as floats."""
    n_bytes = math.prod(X.shape[1:]) * np.promote_types(X.dtype, np.float32).itemsize
    return max(1, int(get_config()["working_memory"] * 2**20 / _SHARE / n_bytes))


def _radius(X: Any, rows: np.ndarray, labeled: np.ndarray, fits: int) -> float:
    Z = _read(X, rows)
    if len(labeled) <= fits:
        return covering_radius(Z, _read(X, labeled))
    nearest = np.full(len(Z), np.inf)
    for start in range(0, len(labeled), fits):
        part = _read(X, labeled[start : start + fits])
        closest = pairwise_distances_argmin(Z, part)
        for row, place in enumerate(closest):
            distance = np.linalg.norm(np.subtract(Z[row], part[place], dtype=np.float64))
            nearest[row] = min(nearest[row], distance)
    return float(nearest.max())


def _read(X: Any, rows: np.ndarray) -> np.ndarray:
    Z: np.ndarray = as_matrix(take(X, rows))
    check_finite(Z, rows)
    return Z
