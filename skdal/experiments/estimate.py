"""How long a comparison will take."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone, is_classifier

from skdal._fitting import fit_seeded
from skdal._pool import take
from skdal.loop import initial_rows

# The first epochs cost more than others, but not much.
_FEW_EPOCHS = 3


def training_seconds(
    estimator: Any, X: Any, y: ArrayLike, *, n_labels: int, random_state: int = 0
) -> float:
    """Time one training of a task model.

    Parameters
    ----------
    estimator : classifier or regressor
        Not changed. Of one with ``max_epochs`` only a few epochs are trained, and the time is
        scaled up.

    X : array-like of n_rows rows
        The rows to draw from.

    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        All their labels.

    n_labels : int
        Rows to train on.

    random_state : int, default=0
        Draws them, and seeds the model.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    ValueError
        If there are fewer rows.

    Examples
    --------
    >>> from skdal.datasets import load
    >>> from skdal.experiments.estimate import training_seconds
    >>> from skdal.experiments.presets import make_estimator
    >>> digits = load("digits")
    >>> training_seconds(make_estimator("mlp"), digits.X, digits.y, n_labels=50) < 60
    True
    """
    rows = initial_rows(y, n_labels, stratify=is_classifier(estimator), random_state=random_state)
    factor = 1.0
    n_epochs = estimator.get_params().get("max_epochs")
    if n_epochs is not None and n_epochs > _FEW_EPOCHS:
        estimator = clone(estimator).set_params(max_epochs=_FEW_EPOCHS)
        factor = n_epochs / _FEW_EPOCHS
    began = perf_counter()
    fit_seeded(estimator, take(X, rows), np.asarray(y)[rows], random_state)
    return factor * (perf_counter() - began)
