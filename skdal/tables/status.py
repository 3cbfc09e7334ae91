"""How far a pool is labeled."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import Bunch, check_random_state

from skdal._pool import as_matrix, check_finite, take
from skdal.divergence import h_divergence_test
from skdal.k_center import covering_radius
from skdal.mini_queries import draw_subsample
from skdal.tables.labels import Labels

_MAX_COMPARED = 1000
_MAX_COVERED = 20_000
_FOLDS = 5


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
        pool of more than 20,000, or None without a label.

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
    n_compared = min(len(labels.rows), len(free), _MAX_COMPARED)
    status = Bunch(n_unlabeled=len(free), n_compared=n_compared, n_covered=0)
    status.test = status.radius = None
    if n_compared >= _FOLDS:
        sides = [draw_subsample(rows, n_compared, rng) for rows in (labels.rows, free)]
        Z = _read(X, np.concatenate(sides))
        if (Z[0] != Z).any():
            is_unlabeled = np.repeat([False, True], n_compared)
            status.test = h_divergence_test(Z, is_unlabeled, cv=_FOLDS, random_state=rng)
    if len(labels.rows):
        status.n_covered = min(len(alive), _MAX_COVERED)
        rows = np.sort(draw_subsample(alive, status.n_covered, rng))
        status.radius = covering_radius(_read(X, rows), _read(X, labels.rows))
    return status


def _read(X: Any, rows: np.ndarray) -> np.ndarray:
    Z: np.ndarray = as_matrix(take(X, rows))
    check_finite(Z, rows)
    return Z
