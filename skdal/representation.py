"""Psi, the learned representation of a fitted model: what its last layer gets to see."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array

from skdal._torch import is_network, last_step, torch_random_state_kept

__all__ = ["has_representation", "representation"]

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
    known = isinstance(estimator, MLPClassifier | MLPRegressor) or is_network(estimator)
    return known or hasattr(estimator, "transform")


def check_has_representation(estimator: Any, layer: str | None = None) -> None:
    """Raise an error where :func:`representation` could only fail.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.

    layer : str or None, default=None
        Name of a layer, which only a torch network has.

    Raises
    ------
    ValueError
        If the estimator has no representation, or is no network where a layer is named.
    """
    if layer is not None and not is_network(last_step(estimator)):
        raise ValueError(
            f"layer={layer!r} names a layer of a network, but estimator={estimator!r} is none; "
            "leave layer=None."
        )
    if not has_representation(estimator):
        raise ValueError(
            f"estimator={estimator!r} has no learned representation: it maps its input straight "
            "to the prediction. Leave estimator=None to work in X itself, or pass a Pipeline, an "
            "MLPClassifier or anything with a transform method."
        )


def representation(estimator: Any, X: Any, *, layer: str | None = None) -> Any:
    """Return the learned representation of rows in a fitted model.

    Parameters
    ----------
    estimator : fitted estimator
        A Pipeline: all its steps but the last, then the representation of the last, if that
        has one. An ``MLPClassifier`` or ``MLPRegressor``: its last hidden layer. A skorch net
        or an estimator of :mod:`skdal.neural`: what its last linear layer gets. Anything with
        ``transform``: what that returns. A ``FrozenEstimator``: that of its estimator.

    X : array-like of shape (n_rows, ...)
        What the estimator takes.

    layer : str or None, default=None
        For a network, the layer whose output it is; see
        :func:`~skdal.neural.embeddings.network_representation`.

    Returns
    -------
    array or sparse matrix of shape (n_rows, n_components)
        One row for every row of ``X``.

    Raises
    ------
    ValueError
        If the estimator has no representation, or no such layer.

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
    if layer is not None:
        check_has_representation(estimator, layer)
    if isinstance(estimator, FrozenEstimator):
        return representation(estimator.estimator, X, layer=layer)
    if isinstance(estimator, Pipeline):
        head, last = estimator[:-1], estimator[-1]
        X = head.transform(X) if len(estimator) > 1 else X
        if len(estimator) > 1 and not has_representation(last):
            return X
        return representation(last, X, layer=layer)
    if isinstance(estimator, MLPClassifier | MLPRegressor):
        return _last_hidden_layer(estimator, X)
    # The code of an autoencoder is what it was made for.
    if hasattr(estimator, "transform") and layer is None:
        return estimator.transform(X)
    check_has_representation(estimator)
    from skdal.neural.embeddings import network_representation

    with torch_random_state_kept():
        return network_representation(estimator, X, layer)


def _last_hidden_layer(model: MLPClassifier | MLPRegressor, X: Any) -> Any:
    X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])
    activate = _ACTIVATIONS[model.activation]
    for weights, intercept in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        X = activate(X @ weights + intercept)
    return X
