"""Linear and integer programs of covering, and the solvers that PuLP finds for them."""

from __future__ import annotations

import copy
import sys
import tempfile
import time
from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np
import pulp
import scipy.sparse as sp
from scipy.optimize import linprog

from skdal.core_set.cover import Cover

# Faster first.
_PREFERRED = ("HiGHS", "COIN_CMD")
_SHORT_NAMES = {"cbc": "COIN_CMD", "pulp_cbc_cmd": "COIN_CMD"}
# Modules of solvers that PuLP runs in this process; they raise errors of their own.
_VENDORS = ("coptpy", "cplex.exceptions", "gurobipy", "mosek", "pyscipopt", "xpress")
# Nonzeros of the linear relaxation.
_MAX_RELAXED = 500_000
# A solver that took so much of its time limit may have been stopped by it.
_STOPPED = 0.9


class Answer(NamedTuple):
    """What a solver says about a cover: the sets, that there are none, or nothing.

    Attributes
    ----------
    sets : ndarray of int or None
        Sets it would choose, at most ``k``; not to be believed without a look.

    infeasible : bool
        Whether it has proved that no choice covers enough.

    failure : str or None
        What went wrong.
    """

    sets: np.ndarray | None = None
    infeasible: bool = False
    failure: str | None = None


def available_solvers() -> dict[str, Any]:
    """Return the solvers that can run here, by PuLP's name for them."""
    solvers = {}
    for name in pulp.listSolvers(onlyAvailable=True):
        # The name under which PuLP ships its own CBC goes away with PuLP 4.
        if name != "PULP_CBC_CMD":
            solvers[name] = pulp.getSolver(name, msg=False)
    path = getattr(getattr(pulp, "PULP_CBC_CMD", None), "pulp_cbc_path", None)
    if path is not None and "COIN_CMD" not in solvers:
        cbc = pulp.COIN_CMD(path=path, msg=False)
        if cbc.available():
            solvers["COIN_CMD"] = cbc
    return solvers


def find_solver(solver: Any) -> Any:
    """Return the solver object that a parameter ``solver`` means, None if there is none.

    Parameters
    ----------
    solver : str or PuLP solver
        "auto", "cbc", "highs" or another name that PuLP knows, in any case; or an object.

    Raises
    ------
    ValueError
        If it is not installed, or no solver at all.
    """
    if not isinstance(solver, str):
        needed = ("actualSolve", "available")
        if isinstance(solver, type) or not all(hasattr(solver, name) for name in needed):
            raise ValueError(
                f"solver={solver!r} must be 'auto', the name of a solver, or a solver object of "
                "PuLP."
            )
        if not solver.available():
            raise ValueError(_not_available(getattr(solver, "name", repr(solver))))
        return solver
    found = available_solvers()
    if solver.lower() == "auto":
        return next((found[name] for name in (*_PREFERRED, *found) if name in found), None)
    wanted = _SHORT_NAMES.get(solver.lower(), solver).lower()
    match = next((found[name] for name in found if name.lower() == wanted), None)
    if match is None:
        raise ValueError(_not_available(solver, found))
    return match


def _not_available(name: str, found: dict[str, Any] | None = None) -> str:
    short = {"COIN_CMD": "COIN_CMD (cbc)"}
    names = [short.get(name, name) for name in sorted(found or available_solvers())]
    there = f"there {'are' if len(names) > 1 else 'is'} {', '.join(names) or 'none'}"
    return (
        f"solver={name!r} is not available here; {there}. Take one of them, 'auto', or "
        "install it, as with `pip install highspy` for HiGHS."
    )


def seconds_to_start(n_nonzeros: int, solver: Any) -> float:
    """Return how long PuLP and a solver take before the solver looks at the clock."""
    # PuLP takes some 6 microseconds a nonzero to build a model and to hand it over; CBC goes on
    # for long before it notices that its time is up.
    return n_nonzeros * (6e-5 if isinstance(solver, pulp.COIN_CMD) else 1e-5)


def fewest_outliers(cover: Cover, k: int, time_limit: float) -> tuple[float, np.ndarray | None]:
    """Bound from below how many elements any choice of sets leaves uncovered.

    The bound is that of the linear relaxation. It is not the solver's word for it: it is worked
    out from the dual values, and weak duality makes it valid whatever these are. Of a large
    cover, elements that many sets cover are left out, and the bound is lower.

    Parameters
    ----------
    cover : Cover
        What to cover.

    k : int
        How many sets may be chosen.

    time_limit : float
        Seconds.

    Returns
    -------
    bound : float
        By weight. 0 if there was no time.

    shares : ndarray of float of shape (n_sets,) or None
        How far the relaxation chooses each set.
    """
    degrees = np.diff(cover.matrix.indptr)
    rarest = np.argsort(degrees, kind="stable")
    rarest = rarest[np.cumsum(degrees[rarest]) <= _MAX_RELAXED]
    A, weights = cover.matrix[rarest].astype(float), cover.weights[rarest]
    n_elements, n_sets = A.shape
    limit = sp.csr_matrix(np.concatenate([np.ones(n_sets), np.zeros(n_elements)])[None])
    rows = sp.vstack([sp.hstack([-A, -sp.identity(n_elements)]), limit], format="csr")
    result = linprog(
        np.concatenate([np.zeros(n_sets), weights]),
        A_ub=rows,
        b_ub=np.append(-np.ones(n_elements), k),
        bounds=(0, 1),
        method="highs-ipm",
        options={"time_limit": max(time_limit, 1e-3)},
    )
    if result.status != 0:
        return 0.0, None
    dual = np.clip(-result.ineqlin.marginals[:n_elements], 0, weights)
    worth = np.sort(A.T @ dual)[::-1]
    return float(dual.sum() - worth[:k].sum()), result.x[:n_sets]


def covering_problem(cover: Cover, k: int) -> tuple[Any, list[Any]]:
    """State in PuLP that at most ``k`` sets cover all elements but the outliers.

    Parameters
    ----------
    cover : Cover
        What to cover.

    k : int
        How many sets may be chosen.

    Returns
    -------
    problem : LpProblem
        Without an objective: any choice will do.

    chosen : list of LpVariable
        Binary, one a set.
    """
    problem = pulp.LpProblem("cover")
    chosen = [
        problem.add_variable(f"x{i}", cat=pulp.LpBinary) for i in range(cover.matrix.shape[1])
    ]
    pointers, indices = cover.matrix.indptr, cover.matrix.indices.tolist()
    outliers = {}
    for row, weight in enumerate(cover.weights.tolist()):
        # Through a dict: PuLP's own sums take several times as long.
        terms = dict.fromkeys([chosen[i] for i in indices[pointers[row] : pointers[row + 1]]], 1)
        if weight <= cover.n_outliers:
            # Whole wherever the choice is.
            outlier = problem.add_variable(f"u{row}", 0, 1)
            terms[outlier] = 1
            outliers[outlier] = weight
        _require(problem, terms, pulp.LpConstraintGE, 1)
    _require(problem, dict.fromkeys(chosen, 1), pulp.LpConstraintLE, k)
    if outliers:
        _require(problem, outliers, pulp.LpConstraintLE, cover.n_outliers)
    return problem, chosen


def _require(problem: Any, terms: dict[Any, int], sense: int, limit: int) -> None:
    problem.addConstraint(pulp.LpConstraint(pulp.LpAffineExpression(terms), sense=sense, rhs=limit))


def solve(
    problem: Any, chosen: list[Any], cover: Cover, k: int, solver: Any, time_limit: float
) -> Answer:
    """Let a solver look for a choice of sets.

    Parameters
    ----------
    problem, chosen : LpProblem, list of LpVariable
        From :func:`covering_problem`.

    cover : Cover
        What to cover.

    k : int
        How many sets may be chosen.

    solver : PuLP solver
        Copied, not changed.

    time_limit : float
        Seconds.
    """
    # Only some solvers write files.
    writes = hasattr(solver, "tmpDir")
    try:
        with tempfile.TemporaryDirectory(prefix="skdal-") if writes else nullcontext("") as folder:
            mine = _configured(solver, time_limit, folder)
            start = time.perf_counter()
            problem.solve(mine)
            seconds = time.perf_counter() - start
        values = [variable.varValue for variable in chosen]
        unknown = any(value is None for value in values)
        shares = np.array([0.0] if unknown else values, dtype=float)
    # A solver is a program of others: missing, killed, or with a broken file for an answer.
    except (
        *(pulp.PulpError, OSError, RuntimeError, ValueError, LookupError),
        *(TypeError, AttributeError, ArithmeticError, MemoryError),
        *_errors_of_vendors(),
    ) as error:
        return Answer(failure=f"{type(error).__name__}: {error}")
    if problem.status == pulp.LpStatusInfeasible:
        # CBC says so, too, of what its time was too short to preprocess.
        limit = getattr(mine, "timeLimit", None)
        return Answer(infeasible=limit is None or seconds < _STOPPED * limit)
    if unknown:
        finished = problem.status == pulp.LpStatusOptimal
        return Answer(failure="it returned no values" if finished else None)
    # Out of time, the values may be no choice at all: whoever asked has a look.
    largest = np.argsort(-shares, kind="stable")[:k]
    sets = largest[shares[largest] > 0.5]
    if problem.sol_status == pulp.LpSolutionOptimal and cover.n_uncovered(sets) > cover.n_outliers:
        return Answer(sets, failure="what it returned as a solution is none")
    return Answer(sets)


def _errors_of_vendors() -> tuple[type[Exception], ...]:
    """Return the classes of errors that modules of solvers define, as far as they are loaded."""
    found = [
        value
        for name in _VENDORS
        if name in sys.modules
        for value in vars(sys.modules[name]).values()
    ]
    return tuple(
        value
        for value in found
        if isinstance(value, type) and issubclass(value, Exception) and value is not Exception
    )


def _configured(solver: Any, time_limit: float, folder: str) -> Any:
    # A plain copy: PuLP's own loses the options.
    mine = copy.copy(solver)
    mine.msg, mine.mip = False, True
    if hasattr(mine, "timeLimit"):
        own = mine.timeLimit
        mine.timeLimit = time_limit if own is None else min(own, time_limit)
    if "timeMode" in getattr(mine, "optionsDict", {}):
        # CPU seconds of several threads run faster than the clock.
        mine.optionsDict = {**mine.optionsDict, "timeMode": "elapsed"}
    if hasattr(mine, "tmpDir") and not getattr(mine, "keepFiles", False):
        mine.tmpDir = folder
    return mine
