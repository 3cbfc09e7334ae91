"""A sampler as a strategy of scikit-activeml."""

from __future__ import annotations

from typing import Any

import numpy as np
from skactiveml.base import SingleAnnotatorPoolQueryStrategy
from skactiveml.classifier import SklearnClassifier
from skactiveml.utils import MISSING_LABEL, is_labeled
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from skdal._labels import labeled_values
from skdal._pool import take
from skdal._seeding import seeded
from skdal.base import BaseSampler


class SamplerQueryStrategy(SingleAnnotatorPoolQueryStrategy):
    """Let a sampler choose rows in a loop of scikit-activeml.

    Parameters
    ----------
    sampler : sampler
        It is cloned for every query.

    missing_label : scalar, str, None or NaN, default=NaN
        What marks a row without a label in ``y``.

    random_state : int, RandomState instance or None, default=None
        Seeds every ``random_state`` of the sampler, nested ones too, that is None: anew in
        every turn of the loop, since scikit-activeml mixes in how many rows are unlabeled.

    Attributes
    ----------
    n_features_in_ : int
        Second dimension of ``X`` in the last query.

    See Also
    --------
    SkactivemlSampler : The other way: a strategy of scikit-activeml as a sampler.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from skdal import CoreSetSampler
    >>> from skdal.interop import SamplerQueryStrategy
    >>> X, y_true = load_iris(return_X_y=True)
    >>> y = np.full(len(X), np.nan)
    >>> y[::10] = y_true[::10]
    >>> strategy = SamplerQueryStrategy(CoreSetSampler(), random_state=0)
    >>> rows = strategy.query(X, y, batch_size=5)
    >>> y[rows] = y_true[rows]
    >>> int(np.isfinite(y).sum())
    20
    """

    def __init__(
        self, sampler: Any, *, missing_label: Any = MISSING_LABEL, random_state: Any = None
    ) -> None:
        super().__init__(missing_label=missing_label, random_state=random_state)
        self.sampler = sampler

    def query(
        self,
        X: Any,
        y: Any,
        clf: Any = None,
        fit_clf: bool = True,
        candidates: Any = None,
        batch_size: int = 1,
        return_utilities: bool = False,
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Choose the rows to label next.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            All rows, labeled or not.

        y : array-like of shape (n_rows,)
            Their labels, ``missing_label`` where there is none.

        clf : classifier or None, default=None
            The task model for a sampler whose ``estimator`` is None, of scikit-activeml or of
            scikit-learn. None: the sampler makes do with what it has.

        fit_clf : bool, default=True
            Whether to train a clone of ``clf`` first. False if it is trained already.

        candidates : None or array-like, default=None
            Which rows may be taken. None: all that are unlabeled. Integers of shape
            (n_candidates,): these rows of ``X``, which must be unlabeled. More dimensions: rows
            that need not be in ``X``.

        batch_size : int, default=1
            How many rows to choose. Too many are cut down to what there is, with a warning.

        return_utilities : bool, default=False
            Whether to return also the utilities.

        Returns
        -------
        rows : ndarray of int of shape (batch_size,)
            Row numbers, each once, in the order of choice: of ``X``, or of ``candidates`` where
            these are rows themselves.

        utilities : ndarray of float of shape (batch_size, n_rows) or (batch_size, n_candidates)
            Only with ``return_utilities=True``: in the i-th line, NaN for what is no candidate
            or was chosen before. Candidates have their scores by ``score_samples``, or, where
            the sampler has no such method, 1 for the one that is chosen and 0 for the others.

        Raises
        ------
        TypeError
            If ``sampler`` is none.
        ValueError
            If there is nothing to choose from, rows of ``candidates`` are labeled, or the
            sampler cannot work with ``X``, ``y`` and ``clf``.
        """
        if not isinstance(self.sampler, BaseSampler):
            raise TypeError(f"sampler={self.sampler!r} is no sampler; pass an instance of one.")
        X, y, candidates, batch_size, return_utilities = self._validate_data(
            X, y, candidates, batch_size, return_utilities
        )
        pool, rows = self._transform_candidates(candidates, X, y, allow_only_unlabeled=True)
        if not len(pool):
            raise ValueError(
                f"There is no row to choose: y marks none by missing_label={self.missing_label!r}, "
                "or candidates is empty. Stop, or pass others."
            )
        known = is_labeled(y, self.missing_label)
        sampler = seeded(self.sampler, self.random_state_)
        # Without labels a model of scikit-learn cannot be trained; one of scikit-activeml can.
        if clf is not None and (known.any() or not fit_clf or hasattr(clf, "missing_label")):
            sampler = sampler.bind(_trained(clf, X, y, known) if fit_clf else _inner(clf))
        if known.any():
            sampler._fit_known(X, labeled_values(y, known), known)
        else:
            # This one says what to do where labels are needed.
            sampler.fit(X, np.full(len(X), -1))
        if rows is None:
            chosen = sampler.query(pool, batch_size)
            n_rows, rows = len(pool), np.arange(len(pool))
        else:
            n_rows, rows = len(X), np.sort(rows)
            rng = sampler._query_random_state()
            chosen = sampler._choose(sampler._X, rows, batch_size, rng).rows
            pool = take(X, rows)
        if not return_utilities:
            return chosen
        utilities = np.full((batch_size, n_rows), np.nan)
        if hasattr(sampler, "score_samples"):
            utilities[:, rows] = sampler.score_samples(pool)
        else:
            utilities[:, rows] = 0
            utilities[np.arange(batch_size), chosen] = 1
        for i in range(1, batch_size):
            utilities[i, chosen[:i]] = np.nan
        return chosen, utilities


def _trained(clf: Any, X: np.ndarray, y: np.ndarray, known: np.ndarray) -> Any:
    if hasattr(clf, "missing_label"):
        return _inner(clone(clf).fit(X, y))
    # One of scikit-learn knows no marker.
    return clone(clf).fit(X[known], labeled_values(y, known))


def _inner(clf: Any) -> Any:
    """Return the model of scikit-learn in a wrapper, that samplers may look into it."""
    check_is_fitted(clf)
    # Without labels the wrapper's guesses are all there is.
    return clf.estimator_ if isinstance(clf, SklearnClassifier) and clf.is_fitted_ else clf
