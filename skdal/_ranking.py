"""Which rows have the largest scores."""

from __future__ import annotations

import numpy as np


def top(scores: np.ndarray, n_instances: int) -> np.ndarray:
    """Return the positions of the largest scores, largest first, the earlier of equals first.

    Parameters
    ----------
    scores : ndarray of float of shape (n_rows,)
        Finite.

    n_instances : int
        At most ``n_rows``.

    Returns
    -------
    ndarray of int of shape (n_instances,)
        What a stable sort of all would say, without sorting all.
    """
    n_rows = len(scores)
    least = np.partition(scores, n_rows - n_instances)[n_rows - n_instances]
    above = np.flatnonzero(scores > least)
    equal = np.flatnonzero(scores == least)[: n_instances - len(above)]
    return np.concatenate([above[np.argsort(-scores[above], kind="stable")], equal])
