"""Core-set: rows that cover the pool."""

from __future__ import annotations

from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from skdal._pool import Rows, is_dask
from skdal.core_set.greedy import greedy_k_center
from skdal.core_set.points import METRICS
from skdal.core_set.two_rounds import first_round, second_round
from skdal.represented import RepresentationSampler


class CoreSetSampler(RepresentationSampler):
    """Choose rows so that every row of the pool is near to a labeled or a chosen one.

    The largest distance of a row to its nearest such center, the covering radius, is made
    small in a representation Psi (k-center, [1]_). ``"greedy"`` takes the row farthest from all
    centers, time and again; its radius is at most twice the smallest. ``"mip"`` starts from
    there and looks for a smaller radius, a few outliers left out, by integer programs, and
    proves how far from the smallest its own can be.

    No label is read but by the task model that learns Psi, and no row need be labeled: the
    first batch can be a core-set.

    Parameters
    ----------
    estimator : estimator, "passthrough" or None, default=None
        The task model whose learned representation is Psi (see
        :func:`~skdal.representation.representation`); it is trained on the labeled rows. One
        that is trained already comes in a :class:`~sklearn.frozen.FrozenEstimator`. None is
        X itself, flattened to two dimensions, and inside a learner the learner's own model,
        if that has a representation. ``"passthrough"`` is X itself in a learner too.

    method : {"greedy", "mip"}, default="greedy"
        Farthest-first traversal, or the robust integer program.

    layer : str or None, default=None
        For a network, the name of the layer whose output is Psi, as in
        ``module.named_modules()``. None is the input of its last linear layer.

    metric : {"euclidean", "cosine"}, default="euclidean"
        The distance in Psi.

    two_rounds : bool or "auto", default="auto"
        Whether ``"greedy"`` works in two rounds: it chooses in every part of the pool, and then
        among the rows that the parts chose. Of a dask array the parts are its chunks, wherever
        they are, of others as many rows as scikit-learn's ``working_memory`` suggests. Every row is
        read once, and the radius is at most four times the smallest. ``"auto"`` is True for dask
        arrays. Where it is False, these come into a temporary file on this machine first.

    n_outliers : int or None, default=None
        How many rows of the pool ``"mip"`` may leave uncovered. None is a ten-thousandth of
        the pool, rounded down, as in [1]_, unless ``outlier_fraction`` is given. With
        ``max_candidates``, all of this is of the candidates.

    outlier_fraction : float or None, default=None
        The same as a fraction of the pool, or of the candidates.

    solver : str or PuLP solver, default="auto"
        For ``"mip"``: "auto" is HiGHS or CBC, whichever is there; another name that PuLP
        knows, or a solver object of PuLP, so that a license for another solver can be used.

    time_limit : float, default=60.0
        Seconds that ``"mip"`` may take in all. What it has by then is never worse than greedy.

    tolerance : float, default=0.005
        Relative gap between radius and lower bound at which ``"mip"`` is content.

    max_candidates : int or None, default=None
        If given, a query covers, and chooses from, a random subset of at most this many rows
        of the pool. That is faster, and less drawn to outliers, of which a subset holds few. On
        MNIST two to five times ``n_instances`` were best, and all of the pool worse than random.

    random_state : int, RandomState instance or None, default=None
        Draws the ``max_candidates``, drives the search of ``"mip"``, and seeds every
        ``random_state`` of the estimator that is None.

    Attributes
    ----------
    estimator_ : estimator or None
        The fitted task model.

    labeled_rows_ : ndarray of int
        Rows of fit's X that are labeled.

    pool_rows_ : ndarray of int
        Rows of fit's X that are not.

    n_features_in_ : int
        Second dimension of ``X`` seen in ``fit``.

    feature_names_in_ : ndarray of str
        Column names of ``X`` seen in ``fit``, where it has some.

    Warns
    -----
    ConvergenceWarning
        In ``query``, where ``"mip"`` ends without a proof that is good enough: no solver, no
        time, a solver that failed.

    See Also
    --------
    skdal.core_set.greedy_k_center : Greedy on arrays.
    skdal.core_set.robust_k_center : The integer program on arrays.

    Notes
    -----
    ``query(..., return_details=True)`` also returns ``radius``, the covering radius of labeled
    and chosen rows over the pool, or the candidates, outliers left out, and after two rounds a
    bound that it does not exceed; for ``"mip"`` also
    ``lower_bound``, below which no choice of so many rows can get, and ``status``, ``"optimal"``
    where the two are as near as ``tolerance`` asks. Like ``scores`` (there are none), they belong
    to a query, not to the fitted sampler, which a query does not change.

    References
    ----------
    .. [1] Sener and Savarese, "Active Learning for Convolutional Neural Networks: A Core-Set
       Approach", ICLR 2018, arXiv:1708.00489.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skdal import CoreSetSampler
    >>> X, y = load_digits(return_X_y=True)
    >>> y[100:] = -1  # only the first 100 rows are labeled
    >>> sampler = CoreSetSampler().fit(X, y)
    >>> rows, details = sampler.query(n_instances=20, return_details=True)
    >>> len(rows), round(details.radius, 1)
    (20, 36.9)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **RepresentationSampler._parameter_constraints,
        "method": [StrOptions({"greedy", "mip"})],
        "metric": [StrOptions(set(METRICS))],
        "two_rounds": ["boolean", StrOptions({"auto"})],
        "n_outliers": [Interval(Integral, 0, None, closed="left"), None],
        "outlier_fraction": [Interval(Real, 0, 1, closed="left"), None],
        "solver": [str, HasMethods(["actualSolve", "available"])],
        "time_limit": [Interval(Real, 0, None, closed="left")],
        "tolerance": [Interval(Real, 0, 1, closed="left")],
        "max_candidates": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        method: str = "greedy",
        layer: str | None = None,
        metric: str = "euclidean",
        two_rounds: bool | str = "auto",
        n_outliers: int | None = None,
        outlier_fraction: float | None = None,
        solver: Any = "auto",
        time_limit: float = 60.0,
        tolerance: float = 0.005,
        max_candidates: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.layer = layer
        self.metric = metric
        self.two_rounds = two_rounds
        self.n_outliers = n_outliers
        self.outlier_fraction = outlier_fraction
        self.solver = solver
        self.time_limit = time_limit
        self.tolerance = tolerance
        self.max_candidates = max_candidates
        self.random_state = random_state

    @property
    def _needs_labels(self) -> bool:
        return self._learns_psi()

    def _fit(self, X: Any, y: np.ndarray | None) -> None:
        rng = check_random_state(self.random_state)
        self._fit_estimator(X, y, rng)
        self._centers = None
        if len(self.labeled_rows_):
            self._centers = _dense(self._reader(X, remember=False)(self.labeled_rows_))
            _check_directions(self._centers, self.labeled_rows_, self.metric)

    def _select(
        self, X: Any, rows: np.ndarray, n_instances: int, random_state: np.random.RandomState
    ) -> Bunch:
        if self.method == "greedy":
            return self._select_greedily(X, rows, n_instances)
        Z = _dense(self._reader(X, remember=False)(rows))
        _check_directions(Z, rows, self.metric)
        from skdal.core_set.robust import robust_k_center

        if self.n_outliers is not None and self.n_outliers >= len(rows):
            raise ValueError(
                f"n_outliers={self.n_outliers} must be less than the {len(rows)} candidates; "
                f"lower it, or raise max_candidates={self.max_candidates}."
            )
        result = robust_k_center(
            Z,
            self._centers,
            n_instances,
            n_outliers=self.n_outliers,
            outlier_fraction=self.outlier_fraction,
            metric=self.metric,
            solver=self.solver,
            time_limit=self.time_limit,
            tolerance=self.tolerance,
            random_state=random_state,
        )
        return Bunch(
            rows=rows[result.rows],
            scores=np.full(n_instances, np.nan),
            radius=result.radius,
            lower_bound=result.lower_bound,
            status=result.status,
        )

    def _select_greedily(self, X: Any, rows: np.ndarray, n_instances: int) -> Bunch:
        read = self._reader(X, remember=False)
        how: dict[str, Any] = {"centers": self._centers, "k": n_instances, "metric": self.metric}
        if self.two_rounds is True or (self.two_rounds == "auto" and is_dask(X)):
            parts = read.map_parts(partial(_part, **how), rows)
            chosen, radius = second_round(parts, **how)
        else:
            Z = read.points(rows)
            if not isinstance(Z, Rows):  # whose rows are looked at as they are read
                Z = _dense(Z)
                _check_directions(Z, rows, self.metric)
            chosen, radius = greedy_k_center(Z, **how)
            chosen = rows[chosen]
        return Bunch(rows=chosen, scores=np.full(n_instances, np.nan), radius=radius)


def _check_directions(Z: np.ndarray, rows: np.ndarray, metric: str) -> None:
    zero = rows[~Z.any(axis=1)] if metric == "cosine" else rows[:0]
    if len(zero):
        raise ValueError(
            f"Row {zero[0]} of X is zero where distances are measured, and has no cosine; "
            "leave it out, or use metric='euclidean'."
        )


def _part(Z: Any, rows: np.ndarray, **how: Any) -> Bunch:
    """Choose in a part of the pool; this may run in another process."""
    Z = _dense(Z)
    _check_directions(Z, rows, how["metric"])
    return first_round(Z, rows, **how)


def _dense(Z: Any) -> np.ndarray:
    return Z.toarray() if sp.issparse(Z) else Z
