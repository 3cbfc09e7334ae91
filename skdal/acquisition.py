"""Samplers that rank rows by an acquisition function of the task model."""

from __future__ import annotations

from abc import abstractmethod
from copy import copy, deepcopy
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.utils import Bunch, Tags, check_random_state, get_tags
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import _num_samples, check_is_fitted

from skdal._fitting import fit_seeded
from skdal._parts import map_rows
from skdal._pool import take
from skdal._ranking import top
from skdal._seeding import MAX_SEED
from skdal._torch import torch_random_state_kept, unfrozen
from skdal.base import BaseSampler

if TYPE_CHECKING:
    from torch import nn

__all__ = ["AcquisitionSampler"]


class AcquisitionSampler(BaseSampler):
    """Base class of samplers that take the rows of the largest acquisition value.

    A subclass has the parameters ``estimator``, ``max_candidates`` and ``random_state`` at
    least, says in ``_acquire`` what the acquisition values of rows are under the fitted
    task model ``estimator_``, and in ``_check_estimator`` which models it can read. The value
    of a row must not hang on its company: the pool is read in chunks.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdal.acquisition import AcquisitionSampler
    >>> class LeastConfident(AcquisitionSampler):
    ...     def __init__(self, estimator=None, *, max_candidates=None, random_state=None):
    ...         self.estimator = estimator
    ...         self.max_candidates = max_candidates
    ...         self.random_state = random_state
    ...
    ...     def _check_estimator(self, estimator):
    ...         if not hasattr(estimator, "predict_proba"):
    ...             raise ValueError(f"estimator={estimator!r} has no predict_proba.")
    ...
    ...     def _acquire(self, X):
    ...         return 1 - self.estimator_.predict_proba(X).max(axis=1)
    >>> X, y = load_iris(return_X_y=True)
    >>> y[10:50] = y[60:100] = y[110:] = -1  # ten labels a class
    >>> sampler = LeastConfident(LogisticRegression(max_iter=1000)).fit(X, y)
    >>> sampler.query(n_instances=3).shape
    (3,)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseSampler._parameter_constraints,
        "estimator": [HasMethods("fit"), None],
        "max_candidates": [Interval(Integral, 1, None, closed="left"), None],
    }

    estimator: Any

    @abstractmethod
    def _check_estimator(self, estimator: Any) -> None:
        """Raise a ValueError where the task model, fitted or not, is none that can be read."""

    @abstractmethod
    def _acquire(self, X: Any) -> np.ndarray:
        """Return the acquisition value of every row of ``X``, higher: label sooner.

        Floats, finite, of shape (n_rows,). Random numbers must come from ``self._seed``, so
        that rows get the same ones in whatever chunks they are read.
        """

    @property
    def _needs_labels(self) -> bool:
        # One that is trained already has no need of them.
        return not isinstance(self.estimator, FrozenEstimator)

    def _check_X(self, X: Any, *, reset: bool) -> Any:
        return self._check_rows(X, reset=reset)

    def _fit(self, X: Any, y: np.ndarray | None) -> None:
        if self.estimator is None:
            raise ValueError(
                f"estimator=None: {type(self).__name__} ranks rows by what a task model says of "
                "them. Pass the model, or hand the sampler itself, not in a Pipeline, to a "
                "learner, which lends it its own."
            )
        self._check_estimator(self.estimator)
        rng = check_random_state(self.random_state)
        if self._needs_labels:
            self._check_classes(y)
            rows = take(X, self.labeled_rows_)
            self.estimator_ = fit_seeded(self.estimator, rows, y, rng)
        else:
            self.estimator_ = self.estimator
            check_is_fitted(self.estimator_)
        self._check_fitted()
        self._seed = int(rng.randint(MAX_SEED))

    def _check_fitted(self) -> None:
        """Raise a ValueError where the fitted ``estimator_`` shows that it cannot be read."""

    def _check_classes(self, y: np.ndarray | None) -> None:
        if y is not None and y.ndim == 1 and len(np.unique(y)) == 1:
            raise ValueError(
                f"The labeled rows are all of one class, {y.tolist()[0]!r}: a task model trained "
                f"on them tells {type(self).__name__} nothing. Label rows of another class first, "
                "chosen by RandomSampler or DiscriminativeSampler, say."
            )

    def _select(
        self, X: Any, rows: np.ndarray, n_instances: int, random_state: np.random.RandomState
    ) -> Bunch:
        scores = self._scores(X, rows)
        self._warn(scores)
        # By their numbers, rows that are sorted by class would be taken from a single class.
        best = top(scores, n_instances, random_state)
        return Bunch(rows=rows[best], scores=scores[best])

    def _warn(self, scores: np.ndarray) -> None:
        """Warn of what the acquisition values of a pool give away: nothing, as a rule."""

    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """Return the acquisition values of rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            What the task model takes.

        Returns
        -------
        ndarray of float of shape (n_rows,)
            Higher: label sooner.

        Raises
        ------
        ValueError
            If ``X`` has no rows, or does not go with the X of ``fit``.
        """
        check_is_fitted(self)
        self._validate_params()
        X = self._check_X(X, reset=False)
        if not _num_samples(X):
            raise ValueError("X has no rows; pass at least one.")
        return self._scores(X, np.arange(_num_samples(X)))

    def _scores(self, X: Any, rows: np.ndarray) -> np.ndarray:
        # Without what is as large as the pool, which goes to no other process.
        alone = copy(self)
        for name in ("_X", "labeled_rows_", "pool_rows_"):
            delattr(alone, name)
        scores = map_rows(alone._acquire, X, rows).astype(float, copy=False)
        bad = np.flatnonzero(~np.isfinite(scores))
        if len(bad):
            raise ValueError(
                f"{type(self).__name__} got {scores[bad[0]]} as the acquisition value of row "
                f"{rows[bad[0]]} of X, and no finite number for {len(bad)} of {len(rows)} rows: "
                f"estimator={unfrozen(self.estimator_)!r} does not answer in numbers. "
                "Scale X, or train the model with a lower learning rate."
            )
        return scores

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        if self.estimator is not None:
            tags.input_tags = deepcopy(get_tags(self.estimator).input_tags)
            # Rows are taken out of X, which a matrix of pairs does not survive.
            tags.input_tags.pairwise = False
        return tags


class NetworkSampler(AcquisitionSampler):
    """Base class of samplers that look into a network.

    A subclass says in ``_values`` what the acquisition values of a batch are.
    """

    # Whether _values itself cuts what it is given into batches that fit into memory.
    _cuts_batches: ClassVar[bool] = False

    @abstractmethod
    def _values(self, module: nn.Module, x: Any) -> np.ndarray:
        """Return the acquisition values of a batch.

        ``module`` is in evaluation mode and returns logits of shape (n_rows, n_classes) for
        ``x``, a tensor or a dict of tensors on its device.
        """

    def _check_estimator(self, estimator: Any) -> None:
        from skdal.neural.network import check_has_network

        check_has_network(estimator)
        if not is_classifier(estimator):
            raise ValueError(
                f"estimator={unfrozen(estimator)!r} is no classifier, and "
                f"{type(self).__name__} ranks rows by classes; pass one, or take a "
                "sampler that needs none."
            )

    def _acquire(self, X: Any) -> np.ndarray:
        from skdal.neural.network import Network

        network = Network(self.estimator_)
        # Batches of a skorch net may come from a DataLoader.
        module = network.logits()
        values = []
        with torch_random_state_kept():
            for x in network.batches(X, whole=self._cuts_batches):
                if self._cuts_batches and isinstance(x, dict):
                    raise ValueError(
                        f"{type(self).__name__} reads modules that take one tensor, but that of "
                        f"estimator={unfrozen(self.estimator)!r} takes {', '.join(x)}; let it "
                        "take them as columns of one array, or use UncertaintySampler or "
                        "MCDropoutSampler."
                    )
                values.append(self._values(module, x))
        return np.concatenate(values)
