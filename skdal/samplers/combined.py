"""Several samplers that share a query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils import Bunch, Tags, check_random_state, get_tags
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import _num_samples

from skdal._seeding import seeded
from skdal.base import BaseSampler


class CombinedSampler(_BaseComposition, BaseSampler):
    """Share every query among several samplers.

    Each one in turn chooses its share of the rows that those before it left, so that no row
    is chosen twice.

    Parameters
    ----------
    samplers : list of (str, sampler)
        Names and samplers. Their parameters are ``<name>__<parameter>``; the name alone stands
        for the sampler.

    weights : array-like of float of shape (n_samplers,) or None, default=None
        Shares, not negative; they need not add up to 1. None is the same for all. What is left
        when shares are rounded down goes to the largest remainders, the earlier of equals
        first.

    random_state : int, RandomState instance or None, default=None
        Seeds every ``random_state`` of the samplers that is None.

    Attributes
    ----------
    samplers_ : list of sampler
        The fitted samplers.

    named_samplers_ : Bunch
        The same by their names.

    labeled_rows_ : ndarray of int
        Rows of fit's X that are labeled.

    pool_rows_ : ndarray of int
        Rows of fit's X that are not.

    n_features_in_ : int
        Second dimension of ``X`` seen in ``fit``, where it has one.

    feature_names_in_ : ndarray of str
        Column names of ``X`` seen in ``fit``, where it has some.

    Notes
    -----
    ``query(..., return_details=True)`` also returns, for every row, ``sampler``, the name of
    the one that chose it. There are no scores: those of two samplers are not to be compared.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdal import CombinedSampler, RandomSampler, UncertaintySampler
    >>> X, y = load_digits(return_X_y=True)
    >>> y[100:] = -1  # only the first 100 rows are labeled
    >>> uncertain = UncertaintySampler(LogisticRegression(max_iter=1000))
    >>> sampler = CombinedSampler(
    ...     [("uncertain", uncertain), ("random", RandomSampler())], weights=[3, 1], random_state=0
    ... ).fit(X / 16, y)
    >>> rows, details = sampler.query(n_instances=8, return_details=True)
    >>> details.sampler.tolist().count("uncertain")
    6
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseSampler._parameter_constraints,
        "samplers": [list],
        "weights": ["array-like", None],
    }

    def __init__(
        self,
        samplers: Sequence[tuple[str, Any]],
        *,
        weights: ArrayLike | None = None,
        random_state: Any = None,
    ) -> None:
        self.samplers = samplers
        self.weights = weights
        self.random_state = random_state

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, those of the samplers too.

        Parameters
        ----------
        deep : bool, default=True
            Whether to add the samplers by their names, and their parameters.

        Returns
        -------
        dict
            Values by name.
        """
        return self._get_params("samplers", deep=deep)

    def set_params(self, **params: Any) -> Self:
        """Set parameters, those of the samplers too, or whole samplers.

        Parameters
        ----------
        **params : dict
            ``samplers``, ``<name>``, ``<name>__<parameter>`` and so on.

        Returns
        -------
        self
            The sampler.
        """
        self._set_params("samplers", **params)
        return self

    def bind(self, model: Any) -> Self:
        """Return a clone whose samplers work with a learner's own fitted model.

        Parameters
        ----------
        model : fitted estimator
            The learner's. It is not trained again.

        Returns
        -------
        sampler
            A clone.
        """
        self._validate_params()
        bound = clone(self)
        bound.samplers = [(name, sampler.bind(model)) for name, sampler in self.samplers]
        return bound

    @property
    def _needs_labels(self) -> bool:
        return any(sampler._needs_labels for _, sampler in self.samplers)

    def _check_X(self, X: Any, *, reset: bool) -> Any:
        return self._check_rows(X, reset=reset)

    def _validate_params(self) -> None:
        super()._validate_params()
        if not self.samplers:
            raise ValueError("samplers=[] is empty; give at least one pair (name, sampler).")
        for pair in self.samplers:
            if not _is_pair(pair):
                raise ValueError(
                    f"samplers holds {pair!r}, which is no pair (name, sampler); wrap it in one."
                )
            if isinstance(pair[1], type) or not isinstance(pair[1], BaseSampler):
                raise ValueError(
                    f"samplers holds {pair[1]!r} under the name {pair[0]!r}, which is no sampler; "
                    "pass an instance of one."
                )
        self._validate_names([name for name, _ in self.samplers])
        try:
            weights = self._weights()
        except (TypeError, ValueError):
            weights = np.array(np.nan)
        if (
            weights.shape != (len(self.samplers),)
            or not np.isfinite(weights).all()
            or (weights < 0).any()
            or not weights.any()
        ):
            raise ValueError(
                f"weights={self.weights!r} must be {len(self.samplers)} numbers, one a sampler, "
                "not negative and not all 0."
            )

    def _weights(self) -> np.ndarray:
        if self.weights is None:
            return np.ones(len(self.samplers))
        return np.asarray(self.weights, dtype=float)

    def _fit(self, X: Any, y: np.ndarray | None) -> None:
        rng = check_random_state(self.random_state)
        known = np.isin(np.arange(_num_samples(X)), self.labeled_rows_)
        self.samplers_ = [
            seeded(sampler, rng)._fit_known(X, y, known) for _, sampler in self.samplers
        ]
        names = [name for name, _ in self.samplers]
        self.named_samplers_ = Bunch(**dict(zip(names, self.samplers_, strict=True)))

    def _select(
        self, X: Any, rows: np.ndarray, n_instances: int, random_state: np.random.RandomState
    ) -> Bunch:
        parts = []
        names = []
        weights = self._weights()
        weights = weights / weights.max()
        shares = divide(n_instances, weights / weights.sum())
        for (name, sampler), share in zip(self.named_samplers_.items(), shares, strict=True):
            if share:
                own = sampler._X if X is self._X else sampler._check_X(X, reset=False)
                rng = sampler._query_random_state()
                parts.append(sampler._choose(own, rows, int(share), rng))
                names += [name] * int(share)
                rows = np.setdiff1d(rows, parts[-1].rows, assume_unique=True)
        return Bunch(
            rows=np.concatenate([part.rows for part in parts]),
            scores=np.full(n_instances, np.nan),
            sampler=np.array(names),
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        samplers = [pair[1] for pair in self.samplers if _is_pair(pair)]
        inner = [get_tags(sampler).input_tags for sampler in samplers]
        tags.input_tags.sparse = all(tag.sparse for tag in inner)
        tags.input_tags.allow_nan = all(tag.allow_nan for tag in inner)
        tags.input_tags.string = all(tag.string for tag in inner)
        return tags


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str)


def divide(n_rows: int, shares: np.ndarray) -> np.ndarray:
    """Divide rows by shares, as evenly as whole numbers can.

    Parameters
    ----------
    n_rows : int
        To be divided.

    shares : ndarray of float of shape (n_samplers,)
        They add up to 1.

    Returns
    -------
    ndarray of int of shape (n_samplers,)
        They add up to ``n_rows``. Each is its share rounded down, or one more for the largest
        remainders, the earlier of equals first.

    Examples
    --------
    >>> import numpy as np
    >>> from skdal.samplers.combined import divide
    >>> divide(5, np.array([0.5, 0.5]))
    array([3, 2])
    """
    # Rounded, so that what is a whole number but for its last bit counts as one.
    exact = np.round(n_rows * shares, 9)
    counts = np.floor(exact).astype(int)
    order = np.argsort(counts - exact, kind="stable")
    counts[order[: n_rows - counts.sum()]] += 1
    return counts
