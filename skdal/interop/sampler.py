"""A strategy of scikit-activeml as a sampler."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from skactiveml.base import (
    SingleAnnotatorPoolQueryStrategy,
    SkactivemlClassifier,
    SkactivemlRegressor,
)
from skactiveml.classifier import SklearnClassifier
from skactiveml.regressor import SklearnRegressor
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.frozen import FrozenEstimator
from sklearn.utils import Bunch, Tags, check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skdal._fitting import fit_seeded
from skdal._pool import as_matrix, reads_on_demand, take
from skdal._seeding import MAX_SEED, seeded
from skdal._torch import unfrozen
from skdal.base import BaseSampler
from skdal.representation import check_has_representation, has_representation, representation

# What strategies call the task model, and the argument that says whether to train it.
_TRAIN = {
    "clf": "fit_clf",
    "reg": "fit_reg",
    "ensemble": "fit_ensemble",
    "estimator": "fit_estimator",
}
_GIVEN = {"X", "y", "candidates", "batch_size", "return_utilities"}
_NATIVE = (SkactivemlClassifier, SkactivemlRegressor)


class SkactivemlSampler(BaseSampler):
    """Choose rows by a pool strategy of scikit-activeml.

    Parameters
    ----------
    strategy : scikit-activeml pool strategy
        One for a single annotator, such as ``skactiveml.pool.Badge()``. It is cloned for every
        query, so that nothing is carried over from one to the next. Its ``missing_label`` does
        not matter: a marker that goes with the labels takes its place.

    estimator : estimator, "passthrough" or None, default=None
        The task model, for strategies that take one as ``clf``, ``reg``, ``ensemble`` or
        ``estimator``. For others it is the model in whose learned representation (see
        :func:`~skdal.representation.representation`) they work. A model of scikit-learn is
        trained on the labeled rows; one of scikit-activeml, which may learn from unlabeled rows
        too, on all. One that is trained already comes in a
        :class:`~sklearn.frozen.FrozenEstimator`. None is, inside a learner, the learner's own
        model, if the strategy takes one or the model has a representation. ``"passthrough"`` is
        X itself in a learner too, for strategies that take no model.

    query_params : dict or None, default=None
        Further arguments of the strategy's ``query``, as ``{"discriminator":
        LogisticRegression()}``. Models of scikit-learn among them, in lists too, are wrapped as
        scikit-activeml needs them.

    max_candidates : int or None, default=None
        If given, a query looks at a random subset of at most this many rows of the pool. The
        strategy sees these and the labeled rows, and no others, all of them in memory.

    random_state : int, RandomState instance or None, default=None
        Seeds every ``random_state`` of the strategy, of the estimator and of ``query_params``
        that is None.

    Attributes
    ----------
    estimator_ : estimator
        The fitted task model, where the strategy takes one.

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
    SamplerQueryStrategy : The other way: a sampler in a loop of scikit-activeml.

    Notes
    -----
    A strategy that takes no model sees the representation, or ``X`` flattened to two dimensions.
    One that takes embeddings from its model, as ``Badge``, gets the model's representation where
    it has one, unless the strategy's ``clf_embedding_flag_name`` says otherwise.

    ``query(..., return_details=True)`` also returns ``utilities``, ndarray of float of shape
    (n_instances,): those of scikit-activeml, as they were when each row was chosen.

    The task model is not trained again, but by strategies that see what a label would change,
    such as ``MonteCarloEER``: they train copies.

    Examples
    --------
    >>> from skactiveml.pool import Badge
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdal.interop import SkactivemlSampler
    >>> X, y = load_iris(return_X_y=True)
    >>> y[5:50] = y[55:100] = y[105:] = -1  # five labels a class
    >>> sampler = SkactivemlSampler(Badge(), LogisticRegression(max_iter=1000), random_state=0)
    >>> sampler.fit(X, y).query(n_instances=5).shape
    (5,)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseSampler._parameter_constraints,
        "strategy": [SingleAnnotatorPoolQueryStrategy],
        "estimator": [HasMethods("fit"), StrOptions({"passthrough"}), None],
        "query_params": [dict, None],
        "max_candidates": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        strategy: Any,
        estimator: Any = None,
        *,
        query_params: dict[str, Any] | None = None,
        max_candidates: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.strategy = strategy
        self.estimator = estimator
        self.query_params = query_params
        self.max_candidates = max_candidates
        self.random_state = random_state

    @property
    def _needs_labels(self) -> bool:
        # One that is trained already has no need of them.
        has_model = self._model_name() is not None or self._in_psi()
        return has_model and not isinstance(self.estimator, FrozenEstimator)

    def _wants(self, model: Any) -> bool:
        self._validate_params()
        return self._model_name() is not None or has_representation(model)

    def _in_psi(self) -> bool:
        """Return whether the strategy, which takes no model, works in the representation of one."""
        is_x = self.estimator is None or isinstance(self.estimator, str)
        return self._model_name() is None and not is_x

    def _model_name(self) -> str | None:
        """Return what the strategy calls the task model, if it takes one that it was not given."""
        names = _arguments(self.strategy)
        given = self.query_params or {}
        return next((name for name in _TRAIN if name in names and name not in given), None)

    def _validate_params(self) -> None:
        super()._validate_params()
        arguments = _arguments(self.strategy)
        given = self.query_params or {}
        allowed = sorted(arguments.keys() - _GIVEN)
        for name in given:
            if name not in allowed:
                raise ValueError(
                    f"query_params holds {name!r}, which is not for it to set: query of "
                    f"{self.strategy!r} takes {', '.join(allowed) or 'nothing more'}. Leave it out."
                )
        for name in sorted(arguments.keys() - given.keys() - _GIVEN - _TRAIN.keys()):
            if arguments[name].default is inspect.Parameter.empty:
                raise ValueError(
                    f"strategy={self.strategy!r} cannot do without {name}; pass it as "
                    f"query_params={{{name!r}: ...}}."
                )

    def _fit(self, X: np.ndarray, y: np.ndarray | None) -> None:
        if y is not None and y.ndim > 1:
            raise ValueError(
                f"y has {y.shape[1]} outputs, but strategies of scikit-activeml know one; use a "
                "sampler that needs no labels, such as CoreSetSampler."
            )
        # Without labels all that counts is which rows are labeled.
        labels = np.zeros(len(self.labeled_rows_)) if y is None else y
        is_number = labels.dtype.kind in "biuf"
        self._marker = np.nan if is_number else None
        self._y = labels.astype(float if is_number else object)
        self._labeled = take(X, self.labeled_rows_)
        name = self._model_name()
        if self._in_psi():
            check_has_representation(self.estimator)
        elif name is None:
            return
        elif self.estimator is None or isinstance(self.estimator, str):
            raise ValueError(
                f"estimator={self.estimator!r}: strategy={self.strategy!r} asks for a task model, "
                f"as {name}. Pass the model, or leave estimator=None in a learner, which lends its "
                "own."
            )
        else:
            self._check_estimator(name)
        if not self._needs_labels:
            self.estimator_ = self.estimator
            check_is_fitted(self.estimator_)
        elif y is None:
            raise ValueError(
                f"y=None: estimator={self.estimator!r} cannot be trained without labels; pass y."
            )
        else:
            rng = check_random_state(self.random_state)
            if isinstance(self.estimator, _NATIVE):
                model = _marked(seeded(self.estimator, rng), self._marker)
                self.estimator_ = model.fit(X, self._labels(len(X)))
            else:
                self.estimator_ = fit_seeded(self.estimator, self._labeled, y, rng)
        if name == "ensemble":
            self._check_committee()

    def _check_estimator(self, name: str) -> None:
        is_right = {"clf": is_classifier, "reg": is_regressor}.get(name, _is_either)
        if not is_right(self.estimator):
            kind = {"clf": "classifier", "reg": "regressor"}.get(name, "classifier or regressor")
            raise ValueError(
                f"estimator={unfrozen(self.estimator)!r} is no {kind}, which "
                f"strategy={self.strategy!r} asks for, as {name}; pass one, or take another "
                "strategy."
            )
        if name == "clf" and not hasattr(self.estimator, "predict_proba"):
            raise ValueError(
                f"estimator={unfrozen(self.estimator)!r} has no predict_proba, which "
                f"strategy={self.strategy!r} asks for; use a classifier that has, or calibrate "
                "this one: CalibratedClassifierCV(estimator)."
            )

    def _check_committee(self) -> None:
        by_method = getattr(self.strategy, "sample_predictions_method_name", None)
        if by_method is None and not hasattr(self.estimator_, "estimators_"):
            raise ValueError(
                f"estimator={unfrozen(self.estimator)!r} is no committee, which "
                f"strategy={self.strategy!r} asks for, as ensemble; pass one of many models, such "
                "as RandomForestClassifier, or a list of models as "
                "query_params={'ensemble': [...]}."
            )

    def _labels(self, n_rows: int) -> np.ndarray:
        """Return the labels of all rows of the X of fit, marked where there is none."""
        y = np.full(n_rows, self._marker, dtype=self._y.dtype)
        y[self.labeled_rows_] = self._y
        return y

    def _select(
        self, X: Any, rows: np.ndarray, n_instances: int, random_state: np.random.RandomState
    ) -> Bunch:
        if X is self._X and len(rows) == len(self.pool_rows_):
            y, candidates = self._labels(len(X)), rows
            if reads_on_demand(X):
                X = take(X, np.arange(len(X)))
        else:
            # A strategy sees labeled rows and pool as one.
            y = np.concatenate([self._y, np.full(len(rows), self._marker, dtype=self._y.dtype)])
            X = np.concatenate([self._labeled, take(X, rows)])
            candidates = np.arange(len(self._labeled), len(X))
        strategy = _marked(_seeded(self.strategy, random_state), self._marker)
        params = {
            name: _as_native(_seeded(value, random_state), self._marker)
            for name, value in (self.query_params or {}).items()
        }
        # Distances are rounded by the order in memory, and ties are common.
        X = np.ascontiguousarray(X)
        name = self._model_name()
        if name is None:
            X = as_matrix(representation(self.estimator_, X) if self._in_psi() else X)
        else:
            # These train the model on more than it knows, and have to train it themselves.
            retrains = "ignore_partial_fit" in _arguments(strategy)
            params[name] = _seeded(self._model(), random_state) if retrains else self._model()
            params.setdefault(_TRAIN[name], retrains)
        with self._names_ignored():
            chosen, utilities = strategy.query(
                X,
                y,
                candidates=candidates,
                batch_size=n_instances,
                return_utilities=True,
                **params,
            )
        chosen = np.asarray(chosen, dtype=int).ravel()
        places = np.searchsorted(candidates, chosen)
        if len(chosen) != n_instances or len(np.unique(chosen)) < n_instances:
            raise ValueError(
                f"strategy={self.strategy!r} chose {rows[places].tolist()}, which are not "
                f"{n_instances} different rows; ask for fewer at a time, or take another strategy."
            )
        return Bunch(
            rows=rows[places],
            scores=np.full(n_instances, np.nan),
            utilities=np.asarray(utilities, dtype=float)[np.arange(len(chosen)), chosen],
        )

    def _model(self) -> Any:
        # Some strategies train copies, which a frozen model would not let them.
        model = unfrozen(self.estimator_)
        if isinstance(model, _NATIVE):
            return _marked(deepcopy(model), self._marker)
        strategy = getattr(self.strategy, "query_strategy", self.strategy)
        flag = getattr(strategy, "clf_embedding_flag_name", "none to be set")
        if flag is None and is_classifier(model) and has_representation(model):
            return _WithEmbeddings(model, missing_label=self._marker)
        return _as_native(model, self._marker)

    @contextmanager
    def _names_ignored(self) -> Iterator[None]:
        """Silence models that miss the names of columns: we saw to it that they are the same."""
        with warnings.catch_warnings():
            if hasattr(self, "feature_names_in_"):
                warnings.filterwarnings("ignore", "X does not have valid feature names")
            yield

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.target_tags.multi_output = False
        return tags


class _WithEmbeddings(SklearnClassifier):
    """A classifier that returns its representation beside what it predicts, as BADGE asks."""

    def predict_proba(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        return super().predict_proba(X), as_matrix(representation(self.estimator_, X))

    def predict(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        return super().predict(X), as_matrix(representation(self.estimator_, X))


def _arguments(strategy: Any) -> dict[str, inspect.Parameter]:
    """Return the arguments of a strategy's query, for a wrapper those of what it wraps too."""
    parameters = inspect.signature(strategy.query).parameters
    arguments = {
        name: parameter
        for name, parameter in parameters.items()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }
    wrapped = getattr(strategy, "query_strategy", None)
    if wrapped is not None and len(arguments) < len(parameters):
        arguments = {**_arguments(wrapped), **arguments}
    return arguments


def _is_either(model: Any) -> bool:
    return is_classifier(model) or is_regressor(model)


def _marked(estimator: Any, marker: Any) -> Any:
    """Set how a strategy or model, and what is in it, marks unlabeled rows."""
    names = [name for name in estimator.get_params() if name.split("__")[-1] == "missing_label"]
    return estimator.set_params(**dict.fromkeys(names, marker))


def _seeded(value: Any, random_state: np.random.RandomState) -> Any:
    if isinstance(value, (list, tuple)):
        return [_seeded(part, random_state) for part in value]
    if not isinstance(value, BaseEstimator):
        return value
    value = seeded(value, random_state)
    # Clue and DropQuery leave the clustering that they make of these to numpy's global state.
    for name, params in value.get_params().items():
        if name.split("__")[-1] == "cluster_algo_dict":
            algorithm = value.get_params()[name.removesuffix("_dict")]
            if "random_state" in inspect.signature(algorithm).parameters:
                params = {"random_state": random_state.randint(MAX_SEED), **(params or {})}
                value.set_params(**{name: params})
    return value


def _as_native(value: Any, marker: Any) -> Any:
    """Wrap a model of scikit-learn for scikit-activeml; whatever else it is, leave it."""
    if isinstance(value, list):
        return [_as_native(part, marker) for part in value]
    if isinstance(value, _NATIVE):
        return _marked(value, marker)
    if not isinstance(value, BaseEstimator):
        return value
    if is_classifier(value):
        return SklearnClassifier(value, missing_label=marker)
    return SklearnRegressor(value, missing_label=marker) if is_regressor(value) else value
