"""Uncertainty sampling: rows that the task model is least sure of."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.special import entr
from sklearn.base import is_classifier
from sklearn.utils._param_validation import StrOptions

from skdal._torch import modes_kept, torch_random_state_kept, unfrozen
from skdal.acquisition import AcquisitionSampler


def entropy(proba: np.ndarray) -> np.ndarray:
    """Return the entropy of every row of probabilities, in nats, shape (n_rows,)."""
    return entr(proba).sum(axis=1)


def variation_ratio(proba: np.ndarray) -> np.ndarray:
    """Return one minus the probability of the most probable class, shape (n_rows,)."""
    return 1 - proba.max(axis=1)


def margin(proba: np.ndarray) -> np.ndarray:
    """Return one minus what the most probable class is ahead of the next, shape (n_rows,)."""
    first_two = -np.partition(-proba, 1, axis=1)[:, :2]
    return 1 - (first_two[:, 0] - first_two[:, 1])


MEASURES = {"entropy": entropy, "margin": margin, "variation_ratio": variation_ratio}


class UncertaintySampler(AcquisitionSampler):
    """Choose the rows that the task model is least sure of.

    Parameters
    ----------
    estimator : classifier or None, default=None
        The task model, any classifier with ``predict_proba``; it is trained on the labeled
        rows. One that is trained already comes in a
        :class:`~sklearn.frozen.FrozenEstimator`. None is, inside a learner, the learner's
        own model.

    measure : {"entropy", "variation_ratio", "margin"}, default="entropy"
        The acquisition function of the probabilities p: their entropy, ``-sum(p log p)``;
        ``1 - max(p)``; or 1 less the difference of the largest two. For two classes all three
        rank alike.

    max_candidates : int or None, default=None
        If given, a query looks at a random subset of at most this many rows of the pool.

    random_state : int, RandomState instance or None, default=None
        Seeds every ``random_state`` of the estimator that is None, and draws among rows of equal
        value where not all can be taken.

    Attributes
    ----------
    estimator_ : estimator
        The fitted task model.

    labeled_rows_ : ndarray of int
        Rows of fit's X that are labeled.

    pool_rows_ : ndarray of int
        Rows of fit's X that are not.

    n_features_in_ : int
        Second dimension of ``X`` seen in ``fit``, where it has one.

    feature_names_in_ : ndarray of str
        Column names of ``X`` seen in ``fit``, where it has some.

    See Also
    --------
    MCDropoutSampler : The same for networks with dropout, less sure of themselves.

    References
    ----------
    .. [1] Settles, "Active Learning Literature Survey", 2009, section 3.1.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdal import UncertaintySampler
    >>> X, y = load_iris(return_X_y=True)
    >>> y[5:50] = y[55:100] = y[105:] = -1  # five labels a class
    >>> sampler = UncertaintySampler(LogisticRegression(max_iter=1000)).fit(X, y)
    >>> sampler.query(n_instances=5).shape
    (5,)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **AcquisitionSampler._parameter_constraints,
        "measure": [StrOptions(set(MEASURES))],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        measure: str = "entropy",
        max_candidates: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.measure = measure
        self.max_candidates = max_candidates
        self.random_state = random_state

    def _check_estimator(self, estimator: Any) -> None:
        if not is_classifier(estimator):
            raise ValueError(
                f"estimator={unfrozen(estimator)!r} is no classifier, and UncertaintySampler ranks "
                "rows by the probabilities of classes; pass one, or take a sampler that needs none."
            )
        if not hasattr(estimator, "predict_proba"):
            raise ValueError(
                f"estimator={unfrozen(estimator)!r} has no predict_proba, by which "
                "UncertaintySampler ranks rows; use a classifier that has, or calibrate this one: "
                "CalibratedClassifierCV(estimator)."
            )

    def _acquire(self, X: Any) -> np.ndarray:
        with torch_random_state_kept(self.estimator_), modes_kept(self.estimator_):
            proba = np.asarray(self.estimator_.predict_proba(X), dtype=np.float64)
        if proba.ndim != 2 or proba.shape[1] < 2:
            raise ValueError(
                f"estimator={unfrozen(self.estimator_)!r} returned probabilities of shape "
                f"{proba.shape}; UncertaintySampler needs one column a class, and two classes "
                "at least."
            )
        return MEASURES[self.measure](proba)
