"""The sampler contract: what fit and query check and remember, once for all samplers."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from numbers import Integral, Number
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import Bunch, Tags, check_random_state
from sklearn.utils.random import sample_without_replacement
from sklearn.utils.validation import _num_samples, check_is_fitted, validate_data

from skdal._labels import labeled_mask, labeled_values
from skdal._pool import check_kind, reads_on_demand
from skdal._seeding import MAX_SEED

__all__ = ["BaseSampler"]


class PoolEstimator(BaseEstimator, metaclass=ABCMeta):
    """Base class of whatever learns from a pool of labeled and unlabeled rows.

    A subclass has a ``random_state`` among its parameters, and says in ``_fit`` what it learns.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {"random_state": ["random_state"]}

    @property
    def _needs_labels(self) -> bool:
        """Whether fit must find at least one labeled row."""
        return True

    @abstractmethod
    def _fit(self, X: Any, y: np.ndarray | None) -> None:
        """Learn from the labeled rows.

        ``X`` is checked and whole, ``y`` the labels of ``self.labeled_rows_``, or None where
        fit got none.
        """

    def bind(self, model: Any) -> Self:
        """Return a clone that works with a learner's own fitted model.

        It is what ``estimator=None`` means inside a learner.

        Parameters
        ----------
        model : fitted estimator
            The learner's. It is not trained again.

        Returns
        -------
        estimator
            A clone. Where its ``estimator`` is None, it is replaced by ``model``, frozen.
        """
        bound = clone(self)
        if self._wants(model) and bound.get_params(deep=False).get("estimator", model) is None:
            bound.set_params(estimator=FrozenEstimator(model))
        return bound

    def _wants(self, model: Any) -> bool:
        """Return whether it can make use of a model at all."""
        return True

    def _check_X(self, X: Any, *, reset: bool) -> Any:
        """Check the pool. This is for estimators that read X themselves, as numbers."""
        check_kind(X)
        if reads_on_demand(X):
            return self._check_large(X, reset=reset)
        if np.ma.isMaskedArray(X) and np.ma.getmaskarray(X).any():
            raise ValueError("X is a masked array with masked values; fill them: X.filled(...).")
        tags = self.__sklearn_tags__().input_tags
        X = validate_data(
            self,
            X,
            accept_sparse="csr" if tags.sparse else False,
            dtype="numeric",
            allow_nd=True,
            ensure_all_finite=not tags.allow_nan,
            reset=reset,
        )
        self._check_row_shape(X, reset)
        return X

    def _check_large(self, X: Any, *, reset: bool) -> Any:
        """Check a pool that is not in memory by all that can be told without reading it."""
        dtype = getattr(X, "dtype", None)
        if dtype is None or dtype.kind not in "biuf":
            raise ValueError(f"X holds {dtype or 'no array'}; pass real numbers.")
        if X.ndim < 2 or not all(X.shape):
            raise ValueError(
                f"X has the shape {X.shape}; it must have at least one row and one column: a row "
                "for every row of the pool."
            )
        # Whether its numbers are finite is looked at as they are read.
        X = validate_data(self, X, skip_check_array=True, reset=reset)
        self._check_row_shape(X, reset)
        return X

    def _check_row_shape(self, X: Any, reset: bool) -> None:
        if not reset and X.shape[1:] != self._row_shape:
            raise ValueError(
                f"The rows of X have the shape {X.shape[1:]}, but those seen in fit had "
                f"{self._row_shape}."
            )

    def _check_rows(self, X: Any, *, reset: bool) -> Any:
        """Check the pool only as rows. This is for estimators whose task model reads X."""
        # The model checks X for itself, and may take DataFrames and texts.
        X = X.tocsr() if sp.issparse(X) else X  # rows are taken by their numbers
        check_kind(X)
        return validate_data(self, X, skip_check_array=True, reset=reset)

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn from the labeled rows, and remember the unlabeled ones as the pool.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_rows, ...)
            All rows, labeled or not. It is kept, not copied. A ``numpy.memmap`` or a dask array
            is never read as a whole: whether its numbers are finite is looked at where they are.

        y : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
            The labels. A row is unlabeled where ``y`` is -1 (integers and objects), NaN
            (floats), None or NA (objects, pandas). None: every row is labeled.

        Returns
        -------
        self
            Fitted.

        Raises
        ------
        ValueError
            If ``X`` or ``y`` is not what it must be, a parameter is out of range, or no row
            is labeled and one is needed.
        """
        self._validate_params()
        # A fit that fails must leave self as it was, so another one is fitted first.
        fitted = type(self)(**self.get_params(deep=False))
        X = fitted._check_X(X, reset=True)
        mask = labeled_mask(y, _num_samples(X))
        if self._needs_labels and not mask.any():
            raise ValueError(
                f"y has no labeled row, and {type(self).__name__} needs at least one; label a "
                "first batch chosen by RandomSampler().fit(X, y)."
            )
        fitted._learn(X, None if y is None else labeled_values(y, mask), mask)
        take_over(self, fitted)
        return self

    def _learn(self, X: Any, y: np.ndarray | None, mask: np.ndarray) -> None:
        self._X = X
        self._row_shape = getattr(X, "shape", ())[1:]
        self.labeled_rows_ = np.flatnonzero(mask)
        self.pool_rows_ = np.flatnonzero(~mask)
        self._fit(X, y)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = True
        return tags


class BaseSampler(PoolEstimator):
    """Base class of all samplers.

    A subclass has a ``random_state`` among its parameters, says in ``_fit`` what it learns
    from the labeled rows, and in ``_select`` which rows of a pool it takes. It may have
    ``score_samples`` and a parameter ``max_candidates``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.utils import Bunch
    >>> from skdal.base import BaseSampler
    >>> class LargestSampler(BaseSampler):
    ...     def __init__(self, *, random_state=None):
    ...         self.random_state = random_state
    ...
    ...     def _fit(self, X, y):
    ...         pass
    ...
    ...     def _select(self, X, rows, n_instances, random_state):
    ...         size = np.linalg.norm(X[rows], axis=1)
    ...         best = np.argsort(-size, kind="stable")[:n_instances]
    ...         return Bunch(rows=rows[best], scores=size[best])
    >>> X = np.array([[1.0], [5.0], [3.0], [4.0]])
    >>> y = np.array([0, -1, -1, -1])
    >>> LargestSampler().fit(X, y).query(n_instances=2)
    array([1, 3])
    """

    @abstractmethod
    def _select(
        self, X: Any, rows: np.ndarray, n_instances: int, random_state: np.random.RandomState
    ) -> Bunch:
        """Take ``n_instances`` of ``rows``, which are numbers of rows of ``X`` in rising order.

        Returns ``rows``, those taken in the order of choice, ``scores``, theirs (NaN if the
        sampler has none), and whatever else is worth telling. It must not change ``self``.
        """

    def _fit_known(self, X: Any, y: np.ndarray | None, mask: np.ndarray) -> Self:
        """Fit a fresh sampler to labels that are known, whatever they look like: no marker."""
        self._validate_params()
        self._learn(self._check_X(X, reset=True), y, mask)
        return self

    def query(
        self, X: ArrayLike | None = None, n_instances: int = 1, *, return_details: bool = False
    ) -> np.ndarray | tuple[np.ndarray, Bunch]:
        """Choose the rows to label next. It changes nothing.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_rows, ...), default=None
            The pool. None is the pool of ``fit``: its unlabeled rows.

        n_instances : int, default=1
            How many rows to choose.

        return_details : bool, default=False
            Whether to return also how they were chosen.

        Returns
        -------
        rows : ndarray of int of shape (n_instances,)
            Row numbers, each once, in the order of choice: of ``X``, or of the X of ``fit``
            where ``X`` is None.

        details : Bunch
            Only with ``return_details=True``: ``rows`` again; ``scores``, ndarray of float of
            shape (n_instances,), as they were when each row was chosen, NaN for a sampler
            without scores; and what the class documents.

        Raises
        ------
        ValueError
            If ``n_instances`` is no positive integer or more than the pool holds, or ``X``
            does not go with the X of ``fit``.
        TypeError
            If ``X`` is a number: ``query(100)`` for ``query(n_instances=100)``.
        """
        check_is_fitted(self)
        self._validate_params()
        if isinstance(X, Number):
            raise TypeError(
                f"query({X!r}): the first argument is X, a pool. To choose {X!r} rows of the "
                f"pool of fit, call query(n_instances={X!r})."
            )
        if X is None:
            X, rows = self._X, self.pool_rows_
            if not len(rows):
                raise ValueError(
                    "The pool is empty: in fit y marked no row as unlabeled, and without y every "
                    "row counts as labeled. Mark rows without a label by -1, NaN or None in y "
                    "(none labeled: y=np.full(len(X), -1)), or pass another pool as X."
                )
        else:
            X = self._check_X(X, reset=False)
            rows = np.arange(_num_samples(X))
        _check_n_instances(n_instances)
        details = self._choose(X, rows, int(n_instances), self._query_random_state())
        return (details.rows, details) if return_details else details.rows

    def _query_random_state(self) -> np.random.RandomState:
        # The 1 keeps these draws apart from those that fit made with the same seed.
        return np.random.RandomState([check_random_state(self.random_state).randint(MAX_SEED), 1])

    def _choose(
        self, X: Any, rows: np.ndarray, n_instances: int, random_state: np.random.RandomState
    ) -> Bunch:
        """Check what is asked for, and take ``n_instances`` of ``rows`` of a checked ``X``."""
        limit = getattr(self, "max_candidates", None)
        _check_enough_rows(n_instances, len(rows), limit)
        if limit is not None and limit < len(rows):
            some = sample_without_replacement(len(rows), limit, random_state=random_state)
            rows = rows[np.sort(some)]
        details = self._select(X, rows, n_instances, random_state)
        _check_chosen(self, details, rows, n_instances)
        return details

    def __call__(
        self, learner: Any, X_pool: ArrayLike, n_instances: int = 1, **ignored: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        """Choose rows for a modAL learner: a sampler is a modAL query strategy.

        Parameters
        ----------
        learner : modAL learner
            Its ``X_training`` and ``y_training`` are the labeled rows.

        X_pool : array-like of shape (n_rows, ...)
            The pool.

        n_instances : int, default=1
            How many rows to choose.

        **ignored : dict
            Whatever else modAL passes on.

        Returns
        -------
        rows : ndarray of int of shape (n_instances,)
            Rows of ``X_pool``, in the order of choice.

        scores : ndarray of float of shape (n_instances,)
            Their scores, NaN for a sampler without.
        """
        if learner.X_training is None:
            # Before the first label the pool is all there is, and the model is not trained.
            sampler = clone(self)
            sampler.fit(X_pool, np.full(_num_samples(X_pool), -1))
            details = sampler.query(n_instances=n_instances, return_details=True)[1]
            return details.rows, details.scores
        sampler = self.bind(learner.estimator)
        y = np.asarray(learner.y_training)
        sampler._fit_known(learner.X_training, y, np.ones(len(y), dtype=bool))
        details = sampler.query(X_pool, n_instances, return_details=True)[1]
        return details.rows, details.scores


def take_over(estimator: Any, fitted: Any) -> None:
    """Give an estimator what another one of its kind has learned, and nothing that it had.

    Parameters
    ----------
    estimator, fitted : estimator
        Of the same class and parameters.
    """
    for name in [name for name in vars(estimator) if name.endswith("_")]:
        delattr(estimator, name)
    estimator.__dict__.update(vars(fitted))


def _check_chosen(sampler: Any, details: Any, rows: np.ndarray, n_instances: int) -> None:
    """Catch a strategy that breaks the contract before its rows reach anybody."""
    if not isinstance(details, Bunch) or not {"rows", "scores"} <= details.keys():
        raise ValueError(
            f"_select of {type(sampler).__name__} returned {details!r}; it must return "
            "sklearn.utils.Bunch(rows=..., scores=...), scores NaN where there are none."
        )
    chosen = details.rows
    if (
        not isinstance(chosen, np.ndarray)
        or chosen.dtype.kind not in "iu"
        or chosen.shape != (n_instances,)
        or len(np.unique(chosen)) < n_instances
        or not np.isin(chosen, rows).all()
    ):
        raise ValueError(
            f"{type(sampler).__name__} chose {chosen!r}; its _select must return an array of "
            f"{n_instances} different rows of those that it was given."
        )


def _check_n_instances(n_instances: int) -> None:
    if isinstance(n_instances, bool) or not isinstance(n_instances, Integral) or n_instances < 1:
        raise ValueError(f"n_instances={n_instances!r} must be an integer of at least 1.")


def _check_enough_rows(n_instances: int, n_rows: int, max_candidates: int | None) -> None:
    if n_instances > n_rows:
        raise ValueError(
            f"n_instances={n_instances} is more than the {n_rows} rows that the pool holds; "
            f"ask for {n_rows} at most."
        )
    if max_candidates is not None and n_instances > max_candidates:
        raise ValueError(
            f"n_instances={n_instances} is more than max_candidates={max_candidates}; raise "
            "max_candidates or set it to None."
        )
