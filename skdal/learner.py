"""Learners: the learning loop as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.utils import Tags, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data
from tqdm.auto import tqdm

from skdal.loop import LOOP_CONSTRAINTS, check_instances, play
from skdal.samplers.discriminative import DiscriminativeSampler


def _estimator_has(method: str) -> Callable[[Any], bool]:
    def check(learner: BudgetedLearner) -> bool:
        # Its AttributeError says what is missing.
        getattr(getattr(learner, "estimator_", learner.estimator), method)
        return True

    return check


class BudgetedLearner(MetaEstimatorMixin, BaseEstimator):
    """A classifier or regressor that may look at only some of the labels it is given.

    ``fit(X, y)`` plays active learning with ``y`` as the oracle: train the task model on a
    random start, query the sampler, look up the labels of the rows that it chose, train
    again, until ``budget`` labels are used. What comes out is an ordinary classifier or
    regressor, so that a sampler can be judged and tuned by cross-validation.

    Parameters
    ----------
    estimator : classifier or regressor
        The task model. Every step trains a fresh clone on the labeled rows.

    sampler : sampler or None, default=None
        Chooses the rows. Where its ``estimator`` is None, it works with the model of the
        step. None is ``DiscriminativeSampler()``; pass it explicitly to tune parameters such
        as ``sampler__n_mini_queries``.

    budget : int, default=100
        Labels to look at, those of the start included.

    n_initial : int or array-like of int, default=10
        The start: so many rows drawn at random, for a classifier at least one of each class
        if that can be; or these rows of X.

    n_instances : int, default=10
        Rows of a query. The last one is smaller if need be.

    random_state : int, RandomState instance or None, default=None
        Draws the start, and seeds estimator and sampler wherever a ``random_state`` of
        theirs is None. An estimator without a ``random_state``, such as a bare skorch net,
        stays as random as it is.

    verbose : int, default=0
        Whether to show a progress bar, which counts labels.

    Attributes
    ----------
    estimator_ : estimator
        The model of the last step, trained on all labeled rows.

    labeled_rows_ : ndarray of int of shape (budget,)
        Rows whose label was looked at, in the order of choice.

    history_ : list of dict
        For every step ``n_labels``, ``fit_seconds``, ``query_seconds`` and ``rows``, as in
        :class:`~skdal.loop.Step`. ``pandas.DataFrame(history_)`` makes a table of it.

    classes_ : ndarray of shape (n_classes,)
        Labels that ``estimator_`` knows. Only if it is a classifier. A class of ``y`` that no
        query came across is not among them; with ``n_initial`` at least the number of
        classes every one is.

    n_features_in_ : int
        Second dimension of ``X`` seen in ``fit``, where it has one.

    feature_names_in_ : ndarray of str
        Column names of ``X`` seen in ``fit``, where it has some.

    See Also
    --------
    skdal.loop.play : The same loop, one step at a time.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdal import BudgetedLearner, RandomSampler
    >>> X, y = load_iris(return_X_y=True)
    >>> learner = BudgetedLearner(
    ...     LogisticRegression(max_iter=1000), RandomSampler(), budget=30, random_state=0
    ... ).fit(X, y)
    >>> [step["n_labels"] for step in learner.history_]
    [10, 20, 30]
    >>> learner.score(X, y) > 0.9
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **LOOP_CONSTRAINTS,
        "sampler": [*LOOP_CONSTRAINTS["sampler"], None],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator: Any,
        sampler: Any = None,
        *,
        budget: int = 100,
        n_initial: int | ArrayLike = 10,
        n_instances: int = 10,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.sampler = sampler
        self.budget = budget
        self.n_initial = n_initial
        self.n_instances = n_instances
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: ArrayLike) -> Self:
        """Play the loop until the budget is used.

        Parameters
        ----------
        X : array-like, sparse matrix, DataFrame or list, of n_rows rows
            Whatever the estimator and the sampler take.

        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            All labels.

        Returns
        -------
        self
            The fitted learner.

        Raises
        ------
        ValueError, TypeError
            See :func:`~skdal.loop.play`.
        """
        self._validate_params()
        check_instances(estimator=self.estimator, sampler=self.sampler)
        # A fit that fails must leave the learner as it was, so another one is fitted first.
        fitted = type(self)(**self.get_params(deep=False))
        validate_data(fitted, X, y, skip_check_array=True)
        if getattr(fitted, "n_features_in_", None) == 0:
            # The model would say so too, but only after there are rows enough for it.
            raise ValueError(
                f"Found array with 0 feature(s) (shape={np.shape(X)}) while a minimum of 1 is "
                "required."
            )
        steps = play(
            self.estimator,
            DiscriminativeSampler() if self.sampler is None else self.sampler,
            X,
            y,
            budget=self.budget,
            n_initial=self.n_initial,
            n_instances=self.n_instances,
            random_state=self.random_state,
        )
        history = []
        with tqdm(total=self.budget, unit="label", disable=not self.verbose) as bar:
            for step in steps:
                history.append(
                    {
                        "n_labels": step.n_labels,
                        "fit_seconds": step.fit_seconds,
                        "query_seconds": step.query_seconds,
                        "rows": step.rows,
                    }
                )
                bar.update(len(step.rows))
        fitted.estimator_ = step.model
        fitted.history_ = history
        fitted.labeled_rows_ = np.concatenate([record["rows"] for record in history])
        self.__dict__.update(vars(fitted))
        return self

    @property
    def classes_(self) -> np.ndarray:
        """Labels that the trained model knows."""
        return self.estimator_.classes_

    def _fitted(self) -> Any:
        check_is_fitted(self, "estimator_")
        return self.estimator_

    @available_if(_estimator_has("predict"))
    def predict(self, X: Any) -> np.ndarray:
        """Return what the trained model predicts.

        Parameters
        ----------
        X : array-like of n_rows rows
            Rows like those of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_outputs)
            Labels or values.
        """
        return self._fitted().predict(X)

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the classes by the trained model.

        Parameters
        ----------
        X : array-like of n_rows rows
            Rows like those of ``fit``.

        Returns
        -------
        ndarray of float of shape (n_rows, n_classes)
            In the order of ``classes_``.
        """
        return self._fitted().predict_proba(X)

    @available_if(_estimator_has("predict_log_proba"))
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of the probabilities of the classes by the trained model.

        Parameters
        ----------
        X : array-like of n_rows rows
            Rows like those of ``fit``.

        Returns
        -------
        ndarray of float of shape (n_rows, n_classes)
            In the order of ``classes_``.
        """
        return self._fitted().predict_log_proba(X)

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X: Any) -> np.ndarray:
        """Return the decision function of the trained model.

        Parameters
        ----------
        X : array-like of n_rows rows
            Rows like those of ``fit``.

        Returns
        -------
        ndarray of float of shape (n_rows,) or (n_rows, n_classes)
            As the estimator defines it.
        """
        return self._fitted().decision_function(X)

    @available_if(_estimator_has("score"))
    def score(self, X: Any, y: ArrayLike) -> float:
        """Return the score of the trained model.

        Parameters
        ----------
        X : array-like of n_rows rows
            Rows like those of ``fit``.

        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Their true labels.

        Returns
        -------
        float
            As the estimator defines it: accuracy for scikit-learn's classifiers, R2 for its
            regressors.
        """
        return self._fitted().score(X, y)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags = deepcopy(inner.classifier_tags)
        tags.regressor_tags = deepcopy(inner.regressor_tags)
        tags.target_tags = deepcopy(inner.target_tags)
        tags.target_tags.required = True
        tags.input_tags = deepcopy(inner.input_tags)
        # Rows are taken out of X, which a matrix of pairs does not survive.
        tags.input_tags.pairwise = False
        return tags
