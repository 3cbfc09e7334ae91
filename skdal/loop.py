"""The learning loop with an oracle: train, query, look the labels up, train again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state, indexable
from sklearn.utils._param_validation import HasMethods, Interval, validate_params
from sklearn.utils.validation import _check_method_params, _num_samples

from skdal._binding import check_sampler, choose, fit_sampler
from skdal._fitting import fit_seeded
from skdal._oracle import given_labels
from skdal._pool import take
from skdal._seeding import MAX_SEED
from skdal.samplers.random import RandomSampler

LOOP_CONSTRAINTS: dict[str, Any] = {
    "estimator": [HasMethods(["fit", "predict"])],
    "sampler": [HasMethods(["bind", "fit", "query"]), Pipeline],
    "initial_sampler": [HasMethods(["bind", "fit", "query"]), Pipeline, None],
    "stopping": [HasMethods(["bind", "fit"]), None],
    "budget": [Interval(Integral, 1, None, closed="left")],
    "n_initial": [Interval(Integral, 1, None, closed="left"), "array-like"],
    "n_instances": [Interval(Integral, 1, None, closed="left")],
    "random_state": ["random_state"],
}

_TRAIN, _QUERY = 0, 1

_HIDDEN = (
    "Leave those rows out, or use ActiveLearner or a sampler by itself, which are made for them."
)


@dataclass(frozen=True, eq=False)
class Step:
    """One turn of the loop, as it stands once the task model is trained.

    Parameters
    ----------
    model : fitted estimator or None
        Trained on all rows that are labeled by now. It is never trained again. None as long as
        a classifier has seen a single class.

    rows : ndarray of int
        The rows that were labeled just before, in the order of choice.

    n_labels : int
        How many rows are labeled by now.

    fit_seconds : float
        What it took to train the model.

    query_seconds : float
        What it took the sampler to learn and to choose ``rows``; for the start, 0.0 where
        no sampler chose it.

    stopping : fitted stopping rule or None
        What it says is in ``stop_``. None if there is no rule, or no model yet.

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
    stopping: Any = None


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
    initial_sampler: Any = None,
    stopping: Any = None,
    fit_params: dict[str, Any] | None = None,
    random_state: Any = None,
) -> Iterator[Step]:
    """Play the learning loop with ``y`` as the oracle, one training at a time.

    Parameters
    ----------
    estimator : estimator
        The task model. A fresh clone is trained in every step, on the labeled rows alone.

    sampler : sampler, or Pipeline that ends in one
        A fresh clone, bound to the model just trained, chooses the rows of every query. In a
        Pipeline it sees other features than the model, and is not bound to it.

    X : array-like, sparse matrix, DataFrame or list, of n_rows rows
        All rows.

    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        All labels. Sampler and model see those that were paid for, and no others.

    budget : int, default=100
        Labels to pay for, those of the start included. The last query is smaller if need be.

    n_initial : int or array-like of int, default=10
        The start: so many rows, chosen by ``initial_sampler``; or these rows.

    n_instances : int, default=10
        Rows of a query.

    initial_sampler : sampler, Pipeline that ends in one, or None, default=None
        Chooses the start, when no label is known, and the next rows as long as a classifier
        has seen a single class, for then there is no model. None draws the start by
        :func:`initial_rows`, which knows the classes, and what follows at random.

    stopping : stopping rule or None, default=None
        A fresh clone, bound to the model, is fitted after every training, as a sampler is. The
        loop ends where its ``stop_`` is true, even if there is budget left.

    fit_params : dict or None, default=None
        What else the estimator's ``fit`` takes; arrays of ``n_rows`` rows, such as
        ``sample_weight``, are cut to the labeled ones.

    random_state : int, RandomState instance or None, default=None
        Draws the start, and seeds every ``random_state`` of estimator and sampler, nested
        ones too, that is None: anew in every step. One that is set stays as it is.

        What a step draws depends on this and on the number of labels alone. So where
        ``n_initial`` is rows, a run that was broken off goes on, as if nothing had happened,
        by the same call with all rows labeled so far as ``n_initial``.

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
        If ``estimator`` or ``sampler`` is a class, or a Pipeline ends in something else.

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
    check_instances(estimator, sampler, initial_sampler)
    n_rows = _num_samples(X)
    y = given_labels(estimator, y, n_rows, cure=_HIDDEN)
    (X,) = indexable(X)
    check_weights(fit_params, n_rows)
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
    seconds = 0.0
    if isinstance(n_initial, Integral):
        if initial_sampler is None:
            start = initial_rows(y, n_start, stratify=is_classifier(estimator), random_state=rng)
        else:
            began = perf_counter()
            none = np.empty(0, dtype=int)
            start = choose(fit_sampler(initial_sampler, None, X, y[none], none, rng), n_start)
            seconds = perf_counter() - began
    if initial_sampler is None:
        initial_sampler = RandomSampler()
    seed = rng.randint(MAX_SEED)

    def random_state_of(purpose: int, n_labels: int) -> np.random.RandomState:
        # By the number of labels, so that it does not matter where a run was taken up again.
        return np.random.RandomState([seed, n_labels, purpose])

    def steps() -> Iterator[Step]:
        rows, labeled, query_seconds = start, start, seconds
        while True:
            n_next = min(n_instances, budget - len(labeled))
            model, rule, began = None, None, perf_counter()
            if n_next == 0 or can_train(estimator, y[labeled]):
                params = _check_method_params(X, fit_params or {}, indices=labeled)
                state = random_state_of(_TRAIN, len(labeled))
                model = fit_seeded(estimator, take(X, labeled), y[labeled], state, **params)
            fit_seconds = perf_counter() - began
            if stopping is not None and model is not None:
                # A seed of its own: a rule that watches changes nothing.
                rule = fit_sampler(stopping, model, X, y[labeled], labeled, len(labeled))
            yield Step(model, rows, len(labeled), fit_seconds, query_seconds, rule)
            if n_next == 0 or (rule is not None and rule.stop_):
                return
            began = perf_counter()
            chooses = initial_sampler if model is None else sampler
            state = random_state_of(_QUERY, len(labeled))
            fitted = fit_sampler(chooses, model, X, y[labeled], labeled, state)
            rows = choose(fitted, n_next)
            query_seconds = perf_counter() - began
            labeled = np.concatenate([labeled, rows])

    return steps()


def can_train(estimator: Any, y: np.ndarray) -> bool:
    """Return whether there are labels enough to train: any, and of a classifier two classes.

    Parameters
    ----------
    estimator : estimator
        The task model.

    y : ndarray of shape (n_labeled,) or (n_labeled, n_outputs)
        The labels known so far.
    """
    if not is_classifier(estimator) or y.ndim > 1:
        return len(y) > 0
    return len(y) > 1 and bool((y != y[0]).any())


def check_weights(fit_params: dict[str, Any] | None, n_rows: int) -> None:
    """Refuse weights that do not go with the rows, for those of the labeled ones are taken.

    Parameters
    ----------
    fit_params : dict or None
        What else the estimator's ``fit`` takes.

    n_rows : int
        Rows of X.

    Raises
    ------
    ValueError
        If there are more or fewer weights than rows.
    """
    weights: Any = (fit_params or {}).get("sample_weight")
    if np.ndim(weights) and len(weights) != n_rows:
        raise ValueError(
            f"sample_weight has {len(weights)} rows, but X has {n_rows}; they must be as many."
        )


def check_instances(estimator: Any, sampler: Any, initial_sampler: Any) -> None:
    """Refuse classes where instances are meant, and Pipelines that do not end in a sampler.

    Parameters
    ----------
    estimator : estimator
        The task model.

    sampler, initial_sampler : sampler, Pipeline or None
        Of a learner.

    Raises
    ------
    TypeError
        If one of them is a class, or no sampler.
    """
    if isinstance(estimator, type):
        raise TypeError(f"estimator={estimator.__name__} is a class; pass an instance of it.")
    for name, value in {"sampler": sampler, "initial_sampler": initial_sampler}.items():
        if value is not None:
            check_sampler(name, value)


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
