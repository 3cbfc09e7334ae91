"""The learning loop with an oracle: train, query, look the labels up, train again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier, is_regressor
from sklearn.utils import assert_all_finite, check_random_state, indexable
from sklearn.utils._param_validation import HasMethods, Interval, validate_params
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _num_samples

from skdal._fitting import fit_seeded
from skdal._labels import hide, labeled_mask, labeled_values
from skdal._pool import take
from skdal._seeding import seeded

LOOP_CONSTRAINTS: dict[str, Any] = {
    "estimator": [HasMethods(["fit", "predict"])],
    "sampler": [HasMethods(["bind", "fit", "query"])],
    "budget": [Interval(Integral, 1, None, closed="left")],
    "n_initial": [Interval(Integral, 1, None, closed="left"), "array-like"],
    "n_instances": [Interval(Integral, 1, None, closed="left")],
    "random_state": ["random_state"],
}


@dataclass(frozen=True, eq=False)
class Step:
    """One turn of the loop, as it stands once the task model is trained.

    Parameters
    ----------
    model : fitted estimator
        Trained on all rows that are labeled by now. It is never trained again.

    rows : ndarray of int
        The rows that were labeled just before, in the order of choice.

    n_labels : int
        How many rows are labeled by now.

    fit_seconds : float
        What it took to train the model.

    query_seconds : float
        What it took the sampler to learn and to choose ``rows``; 0.0 for the start.

    Examples
    --------
    >>> from skdal.loop import Step
    >>> Step(model=None, rows=[3, 1], n_labels=2, fit_seconds=0.5, query_seconds=0.0).n_labels
    2
    """

    model: Any
    rows: np.ndarray
    n_labels: int
    fit_seconds: float
    query_seconds: float


@validate_params(LOOP_CONSTRAINTS, prefer_skip_nested_validation=False)
def play(
    estimator: Any,
    sampler: Any,
    X: Any,
    y: ArrayLike,
    *,
    budget: int = 100,
    n_initial: int | ArrayLike = 10,
    n_instances: int = 10,
    random_state: Any = None,
) -> Iterator[Step]:
    """Play the learning loop with ``y`` as the oracle, one training at a time.

    Parameters
    ----------
    estimator : estimator
        The task model. A fresh clone is trained in every step, on the labeled rows alone.

    sampler : sampler
        A fresh clone, bound to the model just trained, chooses the rows of every query.

    X : array-like, sparse matrix, DataFrame or list, of n_rows rows
        All rows.

    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        All labels. Sampler and model see those that were paid for, and no others.

    budget : int, default=100
        Labels to pay for, those of the start included. The last query is smaller if need be.

    n_initial : int or array-like of int, default=10
        The start: so many rows drawn at random, by :func:`initial_rows`; or these rows.

    n_instances : int, default=10
        Rows of a query.

    random_state : int, RandomState instance or None, default=None
        Draws the start, and seeds every ``random_state`` of estimator and sampler, nested
        ones too, that is None: anew in every step. One that is set stays as it is.

    Returns
    -------
    iterator of Step
        The start, then one step for every query. Each is worked out when it is asked for.

    Raises
    ------
    ValueError
        If a parameter is out of range, ``budget`` is less than the start or more than there
        are rows, ``y`` has another length than ``X`` or does not know every label, or
        ``n_initial`` names rows that ``X`` has not.
    TypeError
        If ``estimator`` or ``sampler`` is a class.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdal import RandomSampler
    >>> from skdal.loop import play
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000)
    >>> for step in play(model, RandomSampler(), X, y, budget=24, random_state=0):
    ...     print(step.n_labels, len(step.rows), step.model.score(X, y) > 0.5)
    10 10 True
    20 10 True
    24 4 True
    """
    check_instances(estimator=estimator, sampler=sampler)
    n_rows = _num_samples(X)
    y = _oracle(estimator, y, n_rows)
    (X,) = indexable(X)
    rng = check_random_state(random_state)
    if isinstance(n_initial, Integral):
        n_start = int(n_initial)
    else:
        start = _given_rows(n_initial, n_rows)
        n_start = len(start)
    if budget < n_start:
        raise ValueError(
            f"budget={budget} is less than the {n_start} rows that n_initial starts with; raise "
            "budget or lower n_initial."
        )
    if budget > n_rows:
        raise ValueError(
            f"budget={budget} is more labels than there are: n_samples={n_rows} in X; set budget "
            f"to {n_rows} at most."
        )
    if isinstance(n_initial, Integral):
        start = initial_rows(y, n_start, stratify=is_classifier(estimator), random_state=rng)
    return _steps(estimator, sampler, X, y, start, budget, n_instances, rng)


def _steps(
    estimator: Any,
    sampler: Any,
    X: Any,
    y: np.ndarray,
    rows: np.ndarray,
    budget: int,
    n_instances: int,
    rng: np.random.RandomState,
) -> Iterator[Step]:
    labeled = rows
    query_seconds = 0.0
    while True:
        began = perf_counter()
        model = fit_seeded(estimator, take(X, labeled), y[labeled], rng)
        fit_seconds = perf_counter() - began
        yield Step(model, rows, len(labeled), fit_seconds, query_seconds)
        n_rows = min(n_instances, budget - len(labeled))
        if n_rows == 0:
            return
        began = perf_counter()
        # Seeded before it is bound: the model is trained, its seeds are no longer to change.
        bound = seeded(sampler, rng).bind(model).fit(X, hide(y, labeled))
        rows = bound.query(n_instances=n_rows)
        query_seconds = perf_counter() - began
        labeled = np.concatenate([labeled, rows])


def check_instances(**params: Any) -> None:
    """Refuse classes where instances are meant.

    Parameters
    ----------
    **params : dict
        Parameters by their names.

    Raises
    ------
    TypeError
        If one of them is a class.
    """
    for name, value in params.items():
        if isinstance(value, type):
            raise TypeError(f"{name}={value.__name__} is a class; pass an instance of it.")


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


def _given_rows(n_initial: Any, n_rows: int) -> np.ndarray:
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


def _oracle(estimator: Any, y: Any, n_rows: int) -> np.ndarray:
    """Check that every label is known, and return all in the dtype that a model expects."""
    if y is None:
        raise ValueError("y=None: the oracle must know every label; pass y.")
    if _num_samples(y) != n_rows:
        raise ValueError(f"y has {_num_samples(y)} rows, but X has {n_rows}; they must be as many.")
    if not hasattr(y, "dtype") and not hasattr(y, "dtypes"):
        # numpy would turn the NaN of a list of strings into "nan".
        y = np.asarray(y, dtype=object)
    dtype = getattr(y, "dtype", None)
    kind = dtype.kind if isinstance(dtype, np.dtype) else "O"
    if kind == "c":
        raise ValueError(f"Complex data not supported: y has dtype {dtype}; pass real numbers.")
    if kind == "f":
        assert_all_finite(y, allow_nan=True, input_name="y")
    if kind in "US":
        known = np.ones(n_rows, dtype=bool)
    elif kind == "f" and is_regressor(estimator):
        # Whole numbers with -1 among them are ambiguous elsewhere, but here nothing may be
        # unlabeled, and -1.0 is as good a value as any.
        known = ~np.isnan(np.asarray(y)).reshape(n_rows, -1).any(axis=1)
    else:
        known = labeled_mask(y, n_rows)
    if not known.all():
        cure = ""
        if kind != "f":
            cure = (
                " If -1 is a value, pass y.astype(float)."
                if is_regressor(estimator)
                else " If -1 is a class, give it another name, as in np.where(y == -1, 0, y)."
            )
        raise ValueError(
            f"y marks {np.sum(~known)} rows as unlabeled (-1, NaN or None), the first of them "
            f"row {np.argmin(known)}, but the oracle must know every label. Leave those rows out, "
            f"or use a sampler by itself, which is made for them.{cure}"
        )
    values = labeled_values(y, known)
    if is_classifier(estimator):
        check_classification_targets(values)
    return values
