"""How good a learner is over its whole course, as one number."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike
from sklearn.metrics import check_scoring
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skdal.metrics import area_under_learning_curve


def label_efficiency_score(learner: Any, X: Any, y: ArrayLike, *, scoring: Any = None) -> float:
    """Return the mean score of a learner over the labels that it used: the area under its curve.

    It is a scorer, ``scoring=label_efficiency_score``: two samplers that end at the same accuracy
    are told apart by how early they were good. Another score than the estimator's own comes by
    ``functools.partial(label_efficiency_score, scoring="f1_macro")``.

    Parameters
    ----------
    learner : BudgetedLearner, or Pipeline that ends in one
        Fitted, with ``keep_models=True``.

    X : array-like of n_rows rows
        Rows that no model was trained on.

    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        Their labels.

    scoring : str, callable or None, default=None
        How a model is scored, as in scikit-learn; None is its own ``score``.

    Returns
    -------
    float
        In the unit of the score. See :func:`~skdal.metrics.area_under_learning_curve`. Steps
        without a model, for lack of a second class, do not count.

    Raises
    ------
    ValueError
        If the learner kept no models, or has fewer than two.
    NotFittedError
        If it is not fitted.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from skdal import BudgetedLearner, RandomSampler, label_efficiency_score
    >>> X, y = load_iris(return_X_y=True)
    >>> learner = BudgetedLearner(
    ...     LogisticRegression(max_iter=1000),
    ...     RandomSampler(),
    ...     budget=30,
    ...     keep_models=True,
    ...     random_state=0,
    ... )
    >>> scores = cross_val_score(learner, X, y, scoring=label_efficiency_score)
    >>> bool(scores.mean() > 0.8)
    True
    """
    check_is_fitted(learner)
    if isinstance(learner, Pipeline):
        X = learner[:-1].transform(X) if len(learner) > 1 else X
        learner = learner[-1]
    if not hasattr(learner, "models_"):
        raise ValueError(
            "label_efficiency_score scores the model of every step, but the learner kept none; "
            "set keep_models=True before fit."
        )
    score = check_scoring(learner, scoring=scoring)
    points = [
        (record["n_labels"], score(model, X, y))
        for record, model in zip(learner.history_, learner.models_, strict=True)
        if model is not None
    ]
    return area_under_learning_curve([point[0] for point in points], [point[1] for point in points])
