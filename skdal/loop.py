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
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import _check_method_params, _num_samples

from skdal._arguments import checked_arguments
from skdal._binding import check_sampler, choose, fit_bound
from skdal._fitting import fit_seeded
from skdal._oracle import given_labels
from skdal._pool import take
from skdal._seeding import MAX_SEED
from skdal._start import given_rows, initial_rows
from skdal.samplers.random import RandomSampler

__all__ = ["Step", "initial_rows", "play", "turns"]

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

# What random numbers are for.
TRAIN, QUERY, STOP = range(3)

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


@checked_arguments(LOOP_CONSTRAINTS)
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
        If ``estimator``, a sampler or ``stopping`` is a class, or a Pipeline ends in something
        else than a sampler.

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
    return turns(
        estimator,
        sampler,
        X,
        y,
        budget=budget,
        n_initial=n_initial,
        n_instances=n_instances,
        initial_sampler=initial_sampler,
        stopping=stopping,
        fit_params=fit_params,
        random_state=random_state,
    )


def turns(
    estimator: Any,
    sampler: Any,
    X: Any,
    y: ArrayLike,
    *,
    budget: int,
    n_initial: int | ArrayLike,
    n_instances: int,
    initial_sampler: Any = None,
    stopping: Any = None,
    fit_params: dict[str, Any] | None = None,
    random_state: Any = None,
    training_seed: int | None = None,
) -> Iterator[Step]:
    """Play as :func:`play` does, where trainings may have a seed that others share.

    Parameters
    ----------
    estimator, sampler, X, y, budget, n_initial, n_instances, initial_sampler, stopping : object
        See :func:`play`.

    fit_params, random_state : object
        See :func:`play`.

    training_seed : int or None, default=None
        Seeds the trainings in place of ``random_state``.

    Returns
    -------
    iterator of Step
        See :func:`play`.

    Raises
    ------
    ValueError, TypeError
        See :func:`play`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skdal import RandomSampler
    >>> from skdal.loop import turns
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((5,), solver="lbfgs", max_iter=5000)
    >>> how = {"budget": 20, "n_initial": [0, 50, 100], "n_instances": 17, "training_seed": 0}
    >>> first = [next(turns(model, RandomSampler(), X, y, random_state=i, **how)) for i in (1, 2)]
    >>> bool((first[0].model.coefs_[0] == first[1].model.coefs_[0]).all())
    True
    """
    check_instances(estimator, sampler, initial_sampler, stopping)
    n_rows = _num_samples(X)
    y = given_labels(estimator, y, n_rows, cure=_HIDDEN)
    (X,) = indexable(X)
    check_weights(fit_params, n_rows)
    rng = check_random_state(random_state)
    if isinstance(n_initial, Integral):
        start, n_start = None, int(n_initial)
    else:
        start = given_rows(n_initial, n_rows)
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

    def steps() -> Iterator[Step]:
        rows, query_seconds = start, 0.0
        if rows is None and initial_sampler is None:
            rows = initial_rows(y, n_start, stratify=is_classifier(estimator), random_state=rng)
        elif rows is None:
            began = perf_counter()
            none = np.empty(0, dtype=int)
            rows = choose(fit_bound(initial_sampler, None, X, y[none], none, rng), n_start)
            query_seconds = perf_counter() - began
        seed, labeled = rng.randint(MAX_SEED), rows

        def state_for(purpose: int) -> np.random.RandomState:
            # By the number of labels, so that it does not matter where a run was taken up again.
            own = training_seed if purpose == TRAIN and training_seed is not None else seed
            return np.random.RandomState([own, len(labeled), purpose])

        while True:
            n_next = min(n_instances, budget - len(labeled))
            model, rule, began = None, None, perf_counter()
            if n_next == 0 or can_train(estimator, y[labeled]):
                params = _check_method_params(X, fit_params or {}, indices=labeled)
                model = fit_seeded(
                    estimator, take(X, labeled), y[labeled], state_for(TRAIN), **params
                )
            fit_seconds = perf_counter() - began
            if stopping is not None and model is not None:
                # A seed of its own: a rule that watches changes nothing.
                state = state_for(STOP)
                rule = fit_bound(stopping, model, X, y[labeled], labeled, state)
            yield Step(model, rows, len(labeled), fit_seconds, query_seconds, rule)
            if n_next == 0 or (rule is not None and rule.stop_):
                return
            began = perf_counter()
            chooses = sampler
            if model is None:
                chooses = RandomSampler() if initial_sampler is None else initial_sampler
            fitted = fit_bound(chooses, model, X, y[labeled], labeled, state_for(QUERY))
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


def check_instances(estimator: Any, sampler: Any, initial_sampler: Any, stopping: Any) -> None:
    """Refuse classes where instances are meant, and Pipelines that do not end in a sampler.

    Parameters
    ----------
    estimator : estimator
        The task model.

    sampler, initial_sampler : sampler, Pipeline or None
        Of a learner.

    stopping : stopping rule or None
        Of a learner.

    Raises
    ------
    TypeError
        If one of them is a class, or no sampler.
    """
    for name, value in {"estimator": estimator, "stopping": stopping}.items():
        if isinstance(value, type):
            raise TypeError(f"{name}={value.__name__} is a class; pass an instance of it.")
    for name, value in {"sampler": sampler, "initial_sampler": initial_sampler}.items():
        if value is not None:
            check_sampler(name, value)
