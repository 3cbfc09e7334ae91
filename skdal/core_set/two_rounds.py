"""Core-set in two rounds: of every part of the rows, and of what the parts have chosen.

The first round sees a part alone, wherever it is; the second sees as many rows as the parts have
chosen. The radius is at most four times the smallest that any k rows reach, where greedy over all
rows at once has at most twice [1]_.

.. [1] Malkomes et al., "Fast Distributed k-Center Clustering with Outliers on Massive Data",
   NeurIPS 2015, section 3.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from sklearn.utils import Bunch

from skdal.core_set.greedy import greedy_k_center


def first_round(
    Z: np.ndarray, rows: np.ndarray, centers: np.ndarray | None, k: int, *, metric: str
) -> Bunch:
    """Choose a core-set of a part of the rows.

    Parameters
    ----------
    Z : ndarray of shape (n_rows, n_features)
        The part.

    rows : ndarray of int of shape (n_rows,)
        Row numbers.

    centers : ndarray of shape (n_centers, n_features) or None
        Points that are centers already.

    k : int
        How many to choose; all, if there are fewer.

    metric : {"euclidean", "cosine"}
        The distance.

    Returns
    -------
    Bunch
        ``rows``, the numbers of those chosen; ``Z``, what they are; ``radius``, the largest
        distance of a row of the part to its nearest center.

    Examples
    --------
    >>> import numpy as np
    >>> from skdal.core_set import first_round
    >>> Z = np.array([[0.0], [1.0], [4.0]])
    >>> part = first_round(Z, np.array([7, 8, 9]), Z[:1], 1, metric="euclidean")
    >>> part.rows, part.radius
    (array([9]), 1.0)
    """
    chosen, radius = greedy_k_center(Z, centers, min(k, len(Z)), metric=metric)
    return Bunch(rows=rows[chosen], Z=Z[chosen], radius=radius)


def second_round(
    parts: Iterable[Bunch], centers: np.ndarray | None, k: int, *, metric: str
) -> tuple[np.ndarray, float]:
    """Choose a core-set of what the parts have chosen.

    Parameters
    ----------
    parts : iterable of Bunch
        What :func:`first_round` returned for every part, for the same ``centers``, ``metric``
        and at least the same ``k``.

    centers : ndarray of shape (n_centers, n_features) or None
        As there.

    k : int
        How many to choose.

    metric : {"euclidean", "cosine"}
        The distance.

    Returns
    -------
    rows : ndarray of int of shape (k,)
        Row numbers in the order of choice.

    radius : float
        No row of any part is farther from its nearest center. The covering radius may be less.

    Examples
    --------
    >>> import numpy as np
    >>> from skdal.core_set import first_round, second_round
    >>> Z = np.array([[0.0], [1.0], [4.0], [9.0]])
    >>> halves = [np.array([0, 1]), np.array([2, 3])]
    >>> parts = [first_round(Z[rows], rows, None, 2, metric="euclidean") for rows in halves]
    >>> second_round(parts, None, 2, metric="euclidean")
    (array([2, 3]), 4.0)
    """
    found = list(parts)
    rows = np.concatenate([part.rows for part in found])
    chosen, radius = greedy_k_center(
        np.concatenate([part.Z for part in found]), centers, k, metric=metric
    )
    return rows[chosen], _added(max(part.radius for part in found), radius, metric)


def _added(radius: float, other: float, metric: str) -> float:
    """Return what two steps of such a length come to at most."""
    if metric == "euclidean":
        return radius + other
    # The triangle inequality is one of the chord, whose square is twice the cosine distance.
    return min(2.0, (radius**0.5 + other**0.5) ** 2)
