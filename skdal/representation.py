"""Psi, the learned representation of a fitted model: what its last layer gets to see."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.validation import _num_samples

from skdal._pool import as_matrix, stack, take

_ACTIVATIONS = {
    "identity": lambda a: a,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda a: np.maximum(a, 0),
}


def has_representation(estimator: Any) -> bool:
    """Return whether :func:`representation` knows a learned representation of a model.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.

    Returns
    -------
    bool
        False for linear models, trees and whatever else maps its input straight to the
        prediction.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skdal.representation import has_representation
    >>> has_representation(MLPClassifier()), has_representation(LogisticRegression())
    (True, False)
    """
    if isinstance(estimator, FrozenEstimator):
        return has_representation(estimator.estimator)
    if isinstance(estimator, Pipeline):
        return len(estimator) > 1 or has_representation(estimator[-1])
    return isinstance(estimator, MLPClassifier | MLPRegressor) or hasattr(estimator, "transform")


def check_has_representation(estimator: Any) -> None:
    """Raise an error where :func:`representation` could only fail.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.

    Raises
    ------
    ValueError
        If the estimator has no representation.
    """
    if not has_representation(estimator):
        raise ValueError(
            f"estimator={estimator!r} has no learned representation: it maps its input straight "
            "to the prediction. Leave estimator=None to work in X itself, or pass a Pipeline, an "
            "MLPClassifier or anything with a transform method."
        )


def representation(estimator: Any, X: Any) -> Any:
    """Return the learned representation of rows in a fitted model.

    Parameters
    ----------
    estimator : fitted estimator
        A Pipeline: all its steps but the last, then the representation of the last, if that
        has one. An ``MLPClassifier`` or ``MLPRegressor``: its last hidden layer. Anything
        with ``transform``: what that returns. A ``FrozenEstimator``: that of its estimator.

    X : array-like of shape (n_rows, ...)
        What the estimator takes.

    Returns
    -------
    array or sparse matrix of shape (n_rows, n_components)
        One row for every row of ``X``.

    Raises
    ------
    ValueError
        If the estimator has no representation.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skdal.representation import representation
    >>> X, y = load_iris(return_X_y=True)
    >>> model = make_pipeline(PCA(2), LogisticRegression()).fit(X, y)
    >>> representation(model, X).shape
    (150, 2)
    """
    if isinstance(estimator, FrozenEstimator):
        return representation(estimator.estimator, X)
    if isinstance(estimator, Pipeline) and len(estimator) > 1:
        head, last = estimator[:-1], estimator[-1]
        X = head.transform(X)
        return representation(last, X) if has_representation(last) else X
    if isinstance(estimator, Pipeline):
        return representation(estimator[-1], X)
    if isinstance(estimator, MLPClassifier | MLPRegressor):
        return _last_hidden_layer(estimator, X)
    check_has_representation(estimator)
    return estimator.transform(X)


class RepresentationReader:
    """Read the representation of rows by their numbers.

    What is asked for decides what is computed: a query that looks at a tenth of the pool
    computes a tenth of its representation.

    Parameters
    ----------
    estimator : fitted estimator or None
        None reads the rows of ``X`` as they are.

    X : array-like of shape (n_rows, ...)
        What the estimator takes.

    remember : bool, default=True
        Whether to keep what an estimator has computed, so that no row is computed twice.
    """

    def __init__(self, estimator: Any, X: Any, *, remember: bool = True) -> None:
        self.estimator = estimator
        self.X = X
        self.remember = remember
        if estimator is not None and remember:
            self._place = np.full(_num_samples(X), -1)
            self._known: Any = None

    def __call__(self, rows: np.ndarray) -> Any:
        """Return the representation of some rows.

        Parameters
        ----------
        rows : ndarray of int
            Row numbers of ``X``.

        Returns
        -------
        ndarray or CSR matrix of shape (n_rows, n_components)
            Floats.
        """
        if self.estimator is None or not self.remember:
            return self._compute(rows)
        new = rows[self._place[rows] < 0]
        if len(new):
            Z = self._compute(new)
            n_known = 0 if self._known is None else self._known.shape[0]
            self._place[new] = n_known + np.arange(len(new))
            self._known = Z if self._known is None else stack(self._known, Z)
        return self._known[self._place[rows]]

    def _compute(self, rows: np.ndarray) -> Any:
        part = take(self.X, rows)
        if self.estimator is None:
            return as_matrix(part)
        Z = as_matrix(representation(self.estimator, part))
        assert_all_finite(Z, input_name="the representation of X")
        return Z


def _last_hidden_layer(model: MLPClassifier | MLPRegressor, X: Any) -> Any:
    X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])
    activate = _ACTIVATIONS[model.activation]
    for weights, intercept in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        X = activate(X @ weights + intercept)
    return X
