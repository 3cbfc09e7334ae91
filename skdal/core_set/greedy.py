"""Greedy k-center and the covering radius, exact, on arrays.

Farthest-first takes the row farthest from its nearest center, time and again. The distance to
the nearest of some centers bounds the distance to the nearest of all from above, so that only
rows whose bound is among the largest need be compared with new centers.

The bounds come from matrix products in the dtype of the data, and are widened by their rounding
error. What decides is computed anew: in float64, as a sum of squared differences.

In up to 3 columns, a new center is compared only with the rows around it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from skdal._parts import slices
from skdal.core_set.lazy_bounds import LazyBounds
from skdal.core_set.points import CELLS, as_distance, check_integer, check_points, unit_of
from skdal.core_set.tiles import TILED_COLUMNS, Tiles


def greedy_k_center(
    X: ArrayLike, centers: ArrayLike | None, k: int, *, metric: str = "euclidean"
) -> tuple[np.ndarray, float]:
    """Pick rows one by one, each the farthest from its nearest center.

    This is farthest-first traversal [1]_, the greedy algorithm of core-set selection
    (Algorithm 1 of [2]_). The radius is at most twice the smallest that any ``k`` rows reach.
    The rows are those of the plain loop in float64, whatever the dtype of the input.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_features)
        Points to cover, and to pick from. Floats of 32 and 64 bits stay what they are; smaller
        types become float32, all others float64, a block at a time. A ``numpy.memmap`` is read
        a block at a time too, in more than 3 columns.

    centers : array-like of shape (n_centers, n_features) or None
        Points that are centers already. Where there are none, the first pick is the row nearest
        to the mean of ``X``.

    k : int
        How many rows to pick, from 1 to ``n_rows``.

    metric : {"euclidean", "cosine"}, default="euclidean"
        The distance. For "cosine", a copy of the rows is scaled to length 1, in float64, and
        the Euclidean distance of these decides, which puts the rows in the same order.

    Returns
    -------
    rows : ndarray of int of shape (k,)
        Row numbers of ``X`` in the order of choice, all different. Of rows equally far the
        smaller number goes first.

    radius : float
        The largest distance from a row of ``X`` to its nearest center, the picks included.

    Raises
    ------
    ValueError
        If a parameter is out of its range, the numbers of columns differ, a value is not
        finite, or a row is zero and the metric "cosine".

    TypeError
        If ``X`` or ``centers`` is sparse.

    See Also
    --------
    covering_radius : The radius of given centers, with or without outliers.

    Notes
    -----
    Extra memory: up to 3 columns, a copy of ``X`` and some 20 bytes a row. In more, some 30 bytes
    a row, the centers, a few MB, and a shortlist of at most a quarter of the rows; of all rows if
    these are equally far, or shorter than 9 numbers and the centers less than 64. With "cosine",
    one more copy of ``X``, in float64.

    References
    ----------
    .. [1] Gonzalez, "Clustering to minimize the maximum intercluster distance", Theoretical
       Computer Science 38, 1985.

    .. [2] Sener and Savarese, "Active Learning for Convolutional Neural Networks: A Core-Set
       Approach", ICLR 2018, arXiv:1708.00489.

    Examples
    --------
    >>> from skdal.core_set import greedy_k_center
    >>> X = [[0.0], [1.0], [4.0], [9.0]]
    >>> rows, radius = greedy_k_center(X, [[0.0]], k=2)
    >>> rows
    array([3, 2])
    >>> radius
    1.0
    """
    points, old = check_points(X, centers, metric)
    k = check_integer("k", k, 1, len(points), "the number of rows of X")
    few = points.shape[1] <= TILED_COLUMNS
    cover = Tiles(points[:], old) if few else LazyBounds(points, old, k)
    if not len(old):
        cover.start(_nearest_to_mean(points))
    squared = cover.farthest_first(k)
    rows = cover.picked
    if len(rows) < k:
        # All others are where a center is.
        others = np.delete(np.arange(len(points)), rows)
        rows = np.append(rows, others[: k - len(rows)])
    return rows, as_distance(squared, cover.unit, metric)


def covering_radius(
    X: ArrayLike, centers: ArrayLike, n_outliers: int = 0, *, metric: str = "euclidean"
) -> float:
    """Return the largest distance from a row to its nearest center.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_features)
        Points to cover. Dtypes are treated as in :func:`greedy_k_center`.

    centers : array-like of shape (n_centers, n_features)
        At least one.

    n_outliers : int, default=0
        So many rows, those farthest from their centers, are left out. Less than ``n_rows``.

    metric : {"euclidean", "cosine"}, default="euclidean"
        The distance; "cosine" is 1 minus the cosine of the angle.

    Returns
    -------
    float
        The radius, in float64 precision.

    Raises
    ------
    ValueError
        If there is no center, or for the same reasons as in :func:`greedy_k_center`.

    TypeError
        If ``X`` or ``centers`` is sparse.

    Examples
    --------
    >>> from skdal.core_set import covering_radius
    >>> covering_radius([[0.0], [1.0], [4.0], [9.0]], [[0.0]])
    9.0
    >>> covering_radius([[0.0], [1.0], [4.0], [9.0]], [[0.0]], n_outliers=1)
    4.0
    """
    points, old = check_points(X, centers, metric)
    n_outliers = check_integer("n_outliers", n_outliers, 0, len(points) - 1, "one row less than X")
    if not len(old):
        raise ValueError("centers is empty: a radius needs a center; pass at least one row.")
    bounds = LazyBounds(points, old, 0)
    # The rows that look farthest tell what the radius is at least, and most others drop out.
    n_top = n_outliers + 1
    top = np.argpartition(bounds.bound, -n_top)[-n_top:]
    least = float(bounds.exact(top).min()) * (1 - 1e-6) - bounds.tiny
    rows, _ = bounds.refresh(np.flatnonzero(bounds.bound > least), least, keep=False)
    squared = bounds.exact(rows)
    return as_distance(np.partition(squared, -n_top)[-n_top], bounds.unit, metric)


def _nearest_to_mean(X: np.ndarray) -> int:
    blocks = list(slices(len(X), max(1, CELLS // X.shape[1])))
    scale = 1 / unit_of(X, X[:0])

    def read(part: slice) -> np.ndarray:
        return np.multiply(X[part], scale, dtype=np.float64)

    # Divided once: the mean of small whole numbers is exact wherever it can be, and ties are ties.
    mean = sum(read(part).sum(axis=0) for part in blocks) / len(X)
    squared = [np.square(read(part) - mean).sum(axis=1) for part in blocks]
    return int(np.concatenate(squared).argmin())
