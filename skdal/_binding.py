"""How a learner asks a sampler: bound to the learner's model, on the labels known so far."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import _num_samples

from skdal._labels import hide
from skdal._seeding import seeded


def last(sampler: Any) -> Any:
    """Return the sampler itself, or the one that a Pipeline ends in."""
    return sampler[-1] if isinstance(sampler, Pipeline) else sampler


def check_sampler(name: str, sampler: Any) -> None:
    """Refuse what is neither a sampler nor a Pipeline that ends in one.

    Parameters
    ----------
    name : str
        Of the parameter.

    sampler : sampler or Pipeline
        What was passed.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if isinstance(sampler, type):
        raise TypeError(f"{name}={sampler.__name__} is a class; pass an instance of it.")
    refuse_strategies(**{name: sampler})
    if not all(hasattr(last(sampler), method) for method in ("bind", "fit", "query")):
        raise TypeError(
            f"{name}={sampler!r} is neither a sampler nor a Pipeline that ends in one; pass, for "
            "example, RandomSampler()."
        )


def refuse_strategies(**samplers: Any) -> None:
    """Refuse strategies of scikit-activeml, and say what makes samplers of them.

    Parameters
    ----------
    **samplers : object
        What was passed, by the name of the parameter.

    Raises
    ------
    TypeError
        If one of them is a strategy.
    """
    for name, sampler in samplers.items():
        origins = {kind.__module__.split(".")[0] for kind in type(sampler).__mro__}
        if "skactiveml" in origins:
            raise TypeError(
                f"{name}={sampler!r} is a strategy of scikit-activeml; pass "
                "skdal.interop.SkactivemlSampler(strategy)."
            )


def fit_bound(
    sampler: Any, model: Any, X: Any, y: np.ndarray, rows: np.ndarray, random_state: Any
) -> Any:
    """Fit a seeded clone of a sampler or stopping rule, bound to a model, to the known labels.

    Parameters
    ----------
    sampler : sampler, Pipeline or stopping rule
        Not changed. The last step of a Pipeline sees other features than the model, so it is
        not bound to it.

    model : fitted estimator or None
        The learner's, which takes the place of the sampler's ``estimator=None``.

    X : array-like of n_rows rows
        All rows.

    y : ndarray of shape (n_labeled,) or (n_labeled, n_outputs)
        The labels known so far.

    rows : ndarray of int of shape (n_labeled,)
        The rows that have them.

    random_state : RandomState
        Seeds every ``random_state`` of the clone that is None.

    Returns
    -------
    sampler, Pipeline or stopping rule
        The fitted clone.
    """
    # Seeded before it is bound: the model is trained, its seeds are no longer to change.
    clone = seeded(sampler, random_state)
    if model is not None and not isinstance(clone, Pipeline):
        clone = clone.bind(model)
    return clone.fit(X, hide(y, rows, _num_samples(X)))


def choose(sampler: Any, n_instances: int, X: Any = None) -> np.ndarray:
    """Let a fitted sampler choose rows.

    Parameters
    ----------
    sampler : sampler or Pipeline
        From :func:`fit_bound`.

    n_instances : int
        How many.

    X : array-like of n_rows rows, default=None
        The pool. None is that of ``fit``.

    Returns
    -------
    ndarray of int of shape (n_instances,)
        Row numbers, in the order of choice.
    """
    if X is not None and isinstance(sampler, Pipeline) and len(sampler) > 1:
        X = sampler[:-1].transform(X)
    rows: np.ndarray = last(sampler).query(X, n_instances)
    return rows
