"""Robust k-center by integer programming: a small covering radius, with a certificate."""

from __future__ import annotations

import time
import warnings
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from skdal.core_set.cover_models import find_solver
from skdal.core_set.greedy import greedy_k_center
from skdal.core_set.neighbors import RowDistances
from skdal.core_set.points import check_integer, check_points, unit_of
from skdal.core_set.radius_search import RadiusSearch

_ADVICE = {
    "time_limit": "ran out of time_limit={time_limit} s; raise it, or tolerance={tolerance}",
    "no_solver": (
        "found no solver for integer programs, and did without; install one, as with "
        "`pip install highspy`"
    ),
    "solver_failed": "went on without the solver, which failed ({failure}); try another one",
    "too_large": (
        "has more rows to cover than an integer program can hold, and did without; pass fewer "
        "rows of X, or more centers"
    ),
}


class RobustKCenter(NamedTuple):
    """What :func:`robust_k_center` returns.

    Attributes
    ----------
    rows : ndarray of int of shape (k,)
        Row numbers of ``X``, all different, each the farthest from those before it.

    radius : float
        Smallest distance within which all rows but the outliers have one of ``rows`` or of
        ``centers``.

    lower_bound : float
        No ``k`` rows have a smaller radius than this.

    status : str
        "optimal" if the two are as close as ``tolerance`` asks; else why they are not:
        "time_limit", "no_solver", "solver_failed" or "too_large".
    """

    rows: np.ndarray
    radius: float
    lower_bound: float
    status: str


def robust_k_center(
    X: ArrayLike,
    centers: ArrayLike | None,
    k: int,
    *,
    n_outliers: int | None = None,
    outlier_fraction: float | None = None,
    metric: str = "euclidean",
    solver: Any = "auto",
    time_limit: float = 60.0,
    tolerance: float = 0.005,
    random_state: Any = None,
) -> RobustKCenter:
    r"""Choose rows so that all rows but a few outliers lie close to one of them.

    The robust k-center problem that core-set selection solves by integer programs (section 4.3
    and appendix of [1]_): greedy farthest-first gives a first radius, and the question whether
    a smaller one can be had is asked again and again, until the radius and the best lower bound
    are close.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_features)
        Rows to cover, and to choose from.

    centers : array-like of shape (n_centers, n_features) or None
        Points that are centers already, the labeled rows. May be none.

    k : int
        How many rows to choose, from 1 to ``n_rows``.

    n_outliers : int or None, default=None
        How many rows may lie outside. None is ``n_rows // 10000``, as in [1]_, unless
        ``outlier_fraction`` is given.

    outlier_fraction : float or None, default=None
        The same as a fraction of the rows, rounded down.

    metric : {"euclidean", "cosine"}, default="euclidean"
        The distance; "cosine" is 1 minus the cosine of the angle.

    solver : str or PuLP solver, default="auto"
        "auto" takes HiGHS or CBC, whichever PuLP finds; "highs", "cbc" or any other name
        that PuLP knows insists on one. A solver object of PuLP that has not been used yet keeps
        its own options; it is copied, and its time limit lowered where necessary.

    time_limit : float, default=60.0
        Seconds for the whole call. Greedy's choice is computed whatever they are; with 0 it is
        the answer.

    tolerance : float, default=0.005
        Relative gap :math:`1 - \text{lower\_bound} / \text{radius}` that is good enough; less
        than 1.

    random_state : int, RandomState instance or None, default=None
        Drives the search by swaps. The same int gives the same rows unless the clock comes in
        between: proofs and solvers get a share of the time that is left, so that rows may differ
        between two calls even if both are "optimal".

    Returns
    -------
    RobustKCenter
        A named tuple ``(rows, radius, lower_bound, status)``. The smallest possible radius lies
        between ``lower_bound`` and ``radius``, but for rounding in the ninth digit. The radius
        is never larger than that of the first ``k`` rows of greedy, with the outliers left out.

    Raises
    ------
    ValueError
        If a parameter is out of its range, a value is not finite, a row is zero and the metric
        "cosine", or the solver is not available.

    TypeError
        If ``X`` or ``centers`` is sparse.

    Warns
    -----
    ConvergenceWarning
        If the status is not "optimal": with the reason and what to do.

    Notes
    -----
    The lower bound rises only by proof: by linear relaxations, with cuts and branching, whose dual
    values are checked here or which have no solution at all, or where a solver says that an integer
    program is infeasible. It starts from :math:`r / 2`, with :math:`r` the radius of greedy with as
    many rows more as there are outliers: so many points and one are pairwise :math:`r` apart, and
    as far from ``centers``.

    Memory does not grow with the square of the number of rows. Where too many distances matter,
    a part of the rows makes the lower bound, which stays valid.

    References
    ----------
    .. [1] Sener and Savarese, "Active Learning for Convolutional Neural Networks: A Core-Set
       Approach", ICLR 2018, arXiv:1708.00489.

    Examples
    --------
    >>> from skdal.core_set import robust_k_center
    >>> X = [[0.0], [1.0], [2.0], [3.0], [4.0], [5.0], [99.0]]
    >>> rows, radius, lower_bound, status = robust_k_center(X, None, 2, n_outliers=1)
    >>> sorted(rows.tolist())
    [1, 4]
    >>> radius, lower_bound, status
    (1.0, 1.0, 'optimal')
    """
    begin = time.perf_counter()
    # With "cosine", from here on the distances are those on the unit sphere.
    points, old = check_points(X, centers, metric)
    unit = unit_of(points, old)
    if unit != 1:
        points, old = (np.multiply(Z, 1 / unit, dtype=np.float64) for Z in (points, old))
    k = check_integer("k", k, 1, len(points), "the number of rows of X")
    n_outliers = _check_outliers(n_outliers, outlier_fraction, len(points))
    _check_number("time_limit", time_limit)
    _check_number("tolerance", tolerance, below=1)
    found = find_solver(solver)

    n_picks = min(k + n_outliers, len(points))
    picks, spread = greedy_k_center(points, old, n_picks)
    if n_picks == len(points):
        # Every row is either chosen or an outlier.
        return RobustKCenter(picks[:k], 0.0, 0.0, "optimal")

    def pick(n: int) -> np.ndarray:
        if n <= n_picks:
            return picks[:n]
        return greedy_k_center(points, old, n)[0]

    cosine = metric == "cosine"
    search = RadiusSearch(
        RowDistances(points),
        old,
        pick,
        k,
        n_outliers,
        spread=spread,
        # On the unit sphere, the cosine distance is half the square of the Euclidean one.
        tolerance=1 - np.sqrt(1 - tolerance) if cosine else tolerance,
        solver=found,
        random_state=check_random_state(random_state),
        deadline=begin + time_limit,
    )
    status = search.run()
    rows = search.rows
    if not np.array_equal(rows, picks[:k]):
        order, _ = greedy_k_center(points[rows], old, k)
        rows = rows[order]
    radius, lower_bound = search.radius * unit, search.lower_bound * unit
    if cosine:
        radius, lower_bound = radius**2 / 2, lower_bound**2 / 2
    if status != "optimal":
        reason = _ADVICE[status].format(
            time_limit=time_limit, tolerance=tolerance, failure=search.failure
        )
        warnings.warn(
            f"robust_k_center {reason}. The radius is {radius:.6g}; the smallest possible may be "
            f"{lower_bound:.6g}.",
            ConvergenceWarning,
            stacklevel=2,
        )
    return RobustKCenter(rows, radius, lower_bound, status)


def _check_number(name: str, value: Any, below: float | None = None) -> None:
    good = not isinstance(value, bool) and isinstance(value, Real) and float(value) >= 0
    if not good or (below is not None and value >= below):
        most = "upward" if below is None else f"to less than {below}"
        raise ValueError(f"{name}={value!r} must be a number from 0 {most}.")


def _check_outliers(n_outliers: int | None, fraction: float | None, n_rows: int) -> int:
    if n_outliers is not None and fraction is not None:
        raise ValueError(
            f"n_outliers={n_outliers!r} and outlier_fraction={fraction!r} say the same: give one."
        )
    if fraction is not None:
        if isinstance(fraction, bool) or not isinstance(fraction, Real) or not 0 <= fraction < 1:
            raise ValueError(f"outlier_fraction={fraction!r} must be a number from 0, less than 1.")
        # A fraction such as 0.29 must not lose a row to binary rounding.
        return min(int(fraction * n_rows + 1e-9), n_rows - 1)
    if n_outliers is None:
        return n_rows // 10_000
    return check_integer("n_outliers", n_outliers, 0, n_rows - 1, "one row less than X")
