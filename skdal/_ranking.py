"""Which rows have the largest scores."""

from __future__ import annotations

import numpy as np


def top(
    scores: np.ndarray, n_instances: int, random_state: np.random.RandomState | None = None
) -> np.ndarray:
    """Return the positions of the largest scores, largest first, the earlier of equals first.

    Parameters
    ----------
    scores : ndarray of float of shape (n_rows,)
        Finite.

    n_instances : int
        At most ``n_rows``.

    random_state : RandomState or None, default=None
        Draws which of several equals are among the largest, if not all are. None takes the first.

    Returns
    -------
    ndarray of int of shape (n_instances,)
        Without sorting all.
    """
    n_rows = len(scores)
    least = np.partition(scores, n_rows - n_instances)[n_rows - n_instances]
    above = np.flatnonzero(scores > least)
    equal = np.flatnonzero(scores == least)
    n_equal = n_instances - len(above)
    if random_state is not None and len(equal) > n_equal:
        equal = np.sort(random_state.permutation(equal)[:n_equal])
    equal = equal[:n_equal]
    return np.concatenate([above[np.argsort(-scores[above], kind="stable")], equal])
