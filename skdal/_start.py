"""Where the loop starts: which rows are labeled first."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state


def initial_rows(
    y: ArrayLike, n_rows: int, *, stratify: bool = True, random_state: Any = None
) -> np.ndarray:
    """Draw the rows to label first.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        All labels.

    n_rows : int
        How many rows to draw.

    stratify : bool, default=True
        Whether to draw one row of every class first, as far as ``n_rows`` goes, and then of
        every class in proportion to its size. Several outputs are never stratified.

    random_state : int, RandomState instance or None, default=None
        Draws them.

    Returns
    -------
    ndarray of int of shape (n_rows,)
        Row numbers, each once.

    Raises
    ------
    ValueError
        If there are fewer than ``n_rows``.

    Examples
    --------
    >>> import numpy as np
    >>> from skdal.loop import initial_rows
    >>> y = np.array(["often"] * 97 + ["rare"] * 3)
    >>> sorted(y[initial_rows(y, 4, random_state=0)].tolist())
    ['often', 'often', 'often', 'rare']
    """
    y = np.asarray(y)
    if n_rows > len(y):
        raise ValueError(f"n_rows={n_rows} is more than the {len(y)} rows of y; ask for fewer.")
    order = check_random_state(random_state).permutation(len(y))
    if not stratify or y.ndim > 1:
        return order[:n_rows]
    _, codes, sizes = np.unique(y[order], return_inverse=True, return_counts=True)
    place_in_class = np.empty(len(y), dtype=int)
    by_class = np.argsort(codes, kind="stable")
    place_in_class[by_class] = np.arange(len(y)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    # The k-th of a class of n comes at k / n: all first ones at once, then in proportion.
    urgency = np.where(place_in_class == 0, 0, (place_in_class + 0.5) / sizes[codes])
    return order[np.argsort(urgency, kind="stable")[:n_rows]]


def given_rows(n_initial: Any, n_rows: int) -> np.ndarray:
    """Check row numbers to start with.

    Parameters
    ----------
    n_initial : array-like of int
        Row numbers.

    n_rows : int
        Rows of X.

    Returns
    -------
    ndarray of int
        They.

    Raises
    ------
    ValueError
        If they are no row numbers of X, or one is named twice.
    """
    rows = np.asarray(n_initial)
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or not len(rows):
        raise ValueError(
            f"n_initial={n_initial!r} must be a number of rows, or a one-dimensional array of "
            "row numbers; turn a mask into numbers by np.flatnonzero(mask)."
        )
    unknown = rows[(rows < 0) | (rows >= n_rows)]
    if len(unknown):
        raise ValueError(
            f"n_initial names row {unknown[0]}, but X has the rows 0 to {n_rows - 1}; take it out."
        )
    if len(np.unique(rows)) < len(rows):
        raise ValueError("n_initial names a row twice; pass np.unique(n_initial).")
    return rows
