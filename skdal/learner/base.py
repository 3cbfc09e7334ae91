"""What all learners share: they predict and score as their task model does."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.utils import InputTags, Tags, get_tags
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skdal.samplers.discriminative import DiscriminativeSampler


def _estimator_has(method: str) -> Callable[[Any], bool]:
    def check(learner: BaseLearner) -> bool:
        # Its AttributeError says what is missing.
        getattr(getattr(learner, "estimator_", learner.estimator), method)
        return True

    return check


class BaseLearner(MetaEstimatorMixin, BaseEstimator):
    """Base class of learners: an ``estimator`` that is trained on some of the rows.

    A subclass has the parameters ``estimator``, ``sampler`` and ``initial_sampler``, and sets
    ``estimator_``, the trained model, which predicts and scores.
    """

    estimator: Any
    sampler: Any
    initial_sampler: Any
    estimator_: Any

    @property
    def classes_(self) -> np.ndarray:
        """Labels that the trained model knows."""
        return self.estimator_.classes_

    def get_metadata_routing(self) -> MetadataRouter:
        """Return what the estimator's ``fit`` and ``score`` request.

        Returns
        -------
        MetadataRouter
            The routing.
        """
        mapping = (
            MethodMapping().add(caller="fit", callee="fit").add(caller="score", callee="score")
        )
        return MetadataRouter(owner=self).add(estimator=self.estimator, method_mapping=mapping)

    def _routed(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Return those of the parameters of ``fit`` or ``score`` that the estimator requests."""
        if not params:
            return {}
        _raise_for_params(params, self, method)
        return dict(process_routing(self, method, **params).estimator[method])

    def _sampler(self) -> Any:
        return DiscriminativeSampler() if self.sampler is None else self.sampler

    def _check_has(self, name: str) -> None:
        # check_is_fitted asks for the tags, which bind the sampler: too slow for every call.
        if name not in vars(self):
            check_is_fitted(self, name)

    def _model(self) -> Any:
        self._check_has("estimator_")
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
        return self._model().predict(X)

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
        return self._model().predict_proba(X)

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
        return self._model().predict_log_proba(X)

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
        return self._model().decision_function(X)

    @available_if(_estimator_has("score"))
    def score(self, X: Any, y: ArrayLike, **params: Any) -> float:
        """Return the score of the trained model.

        Parameters
        ----------
        X : array-like of n_rows rows
            Rows like those of ``fit``.

        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Their true labels.

        **params : dict
            What the estimator's ``score`` requests by metadata routing, such as
            ``sample_weight``.

        Returns
        -------
        float
            As the estimator defines it: accuracy for scikit-learn's classifiers, R2 for its
            regressors.
        """
        return self._model().score(X, y, **self._routed("score", params))

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
        for sampler in (self.initial_sampler, self._sampler()):
            inputs = _input_tags(sampler, self.estimator)
            if inputs is not None:
                tags.input_tags.sparse &= inputs.sparse
                tags.input_tags.allow_nan &= inputs.allow_nan
        return tags


def _input_tags(sampler: Any, model: Any) -> InputTags | None:
    """Return what a sampler takes when it works with a model; None if nobody can say."""
    if isinstance(sampler, type) or not hasattr(sampler, "__sklearn_tags__"):
        return None
    try:
        bound = sampler.bind(model) if hasattr(sampler, "bind") else sampler
        return get_tags(bound).input_tags
    except (AttributeError, TypeError, ValueError):
        # Its parameters are wrong. It is for fit to say so: a learner must be shown all the same.
        return None
