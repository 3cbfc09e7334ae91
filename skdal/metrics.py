"""Measures of a labeled set, a learning curve and of rankings: plain functions on arrays."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import spearmanr

__all__ = ["area_under_learning_curve", "h_divergence", "spearman"]


def h_divergence(is_unlabeled: ArrayLike, predicted_unlabeled: ArrayLike) -> float:
    r"""Return the empirical H-divergence that one discriminator finds.

    .. math::
        d_h(L, U) = 2 \left| \frac{1}{|L|} \sum_{x \in L} h(x)
                    - \frac{1}{|U|} \sum_{x \in U} h(x) \right|

    The paper's :math:`d_\mathcal{H}` is its supremum over a class of discriminators
    :math:`h` (section 3.1 of [1]_), so that any one of them gives a lower bound.

    Parameters
    ----------
    is_unlabeled : array-like of bool of shape (n_rows,)
        Where each row truly is: False in L, True in U. Both must occur.

    predicted_unlabeled : array-like of bool of shape (n_rows,)
        Where the discriminator puts it.

    Returns
    -------
    float
        Between 0 (not to be told apart) and 2 (told apart without a mistake).

    Raises
    ------
    ValueError
        If the lengths differ, or one of the two sets is empty.

    References
    ----------
    .. [1] Gissin and Shalev-Shwartz, "Discriminative Active Learning", 2019,
       arXiv:1907.06347.

    Examples
    --------
    >>> from skdal.metrics import h_divergence
    >>> h_divergence([False, False, True, True], [False, True, True, True])
    1.0
    """
    truth = np.asarray(is_unlabeled, dtype=bool)
    predicted = np.asarray(predicted_unlabeled, dtype=bool)
    if truth.shape != predicted.shape:
        raise ValueError(
            f"is_unlabeled has shape {truth.shape}, predicted_unlabeled {predicted.shape}; "
            "they must be the same."
        )
    if truth.all() or not truth.any():
        raise ValueError("is_unlabeled must name at least one labeled and one unlabeled row.")
    return float(2 * abs(predicted[truth].mean() - predicted[~truth].mean()))


def area_under_learning_curve(n_labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the mean score over the span of labels: the area under the curve by its width.

    Parameters
    ----------
    n_labels : array-like of float of shape (n_points,)
        Labels that were used, rising. At least two points.

    scores : array-like of float of shape (n_points,)
        The model's score with so many labels. Between two points the curve is straight.

    Returns
    -------
    float
        In the unit of the scores.

    Raises
    ------
    ValueError
        If the lengths differ, there are fewer than two points, or ``n_labels`` does not
        rise.

    Examples
    --------
    >>> from skdal.metrics import area_under_learning_curve
    >>> area_under_learning_curve([10, 20, 40], [0.5, 0.7, 0.9])
    0.733...
    """
    x, y = np.asarray(n_labels, dtype=float), np.asarray(scores, dtype=float)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(
            f"n_labels has shape {x.shape}, scores {y.shape}; they must be one-dimensional and "
            "as long."
        )
    if len(x) < 2 or (np.diff(x) <= 0).any():
        raise ValueError(
            f"n_labels={x.tolist()} must be two numbers or more, each larger than the one before; "
            "sort the points of the curve, and have at least one query."
        )
    return float(np.trapezoid(y, x) / (x[-1] - x[0]))


def spearman(scores: Mapping[str, ArrayLike]) -> dict[tuple[str, str], float]:
    """Return how much alike several samplers rank the same rows.

    Parameters
    ----------
    scores : mapping of str to array-like of float of shape (n_rows,)
        By sampler, the scores of the rows. At least two samplers and two rows.

    Returns
    -------
    dict of (str, str) to float
        By pair, in the order of ``scores``, Spearman's rank correlation: from -1 (the other
        way round) over 0 (independent) to 1 (the same order). NaN where all scores of one are
        equal.

    Raises
    ------
    ValueError
        If there are too few samplers or rows, or scores that are not finite or not as many as
        those of the others.

    Examples
    --------
    >>> from skdal.metrics import spearman
    >>> spearman({"a": [0.1, 0.2, 0.9], "b": [3, 5, 4]})
    {('a', 'b'): 0.5}
    """
    values = {name: np.asarray(array, dtype=float) for name, array in scores.items()}
    if len(values) < 2:
        raise ValueError(f"scores has {len(values)} sampler; pass those of two at least.")
    shape = next(iter(values.values())).shape
    for name, array in values.items():
        if array.shape != shape or array.ndim != 1 or len(array) < 2:
            raise ValueError(
                f"scores[{name!r}] has the shape {array.shape}; every sampler needs one score for "
                "each of the same rows, two rows at least."
            )
        if not np.isfinite(array).all():
            raise ValueError(
                f"scores[{name!r}] holds NaN or infinity; leave such rows out of all samplers."
            )
    constant = {name for name, array in values.items() if (array == array[0]).all()}
    return {
        (a, b): float("nan") if {a, b} & constant else float(spearmanr(values[a], values[b])[0])
        for a, b in combinations(values, 2)
    }
