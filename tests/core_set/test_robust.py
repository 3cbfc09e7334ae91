from __future__ import annotations

import itertools
import os
import sys
import time
import tracemalloc
import types
import warnings

import numpy as np
import pulp
import pytest
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.spatial.distance import cdist
from sklearn.exceptions import ConvergenceWarning

from skdal.core_set import cover_bound, cover_models
from skdal.core_set import nearby as _nearby
from skdal.core_set import radius_search as module
from skdal.core_set import robust as api
from skdal.core_set import swaps as _swaps
from skdal.core_set.cover import Cover
from skdal.core_set.cover_bound import is_refuted
from skdal.core_set.cover_models import (
    available_solvers,
    covering_problem,
    fewest_outliers,
    seconds_to_start,
    solve,
)
from skdal.core_set.greedy import covering_radius, greedy_k_center
from skdal.core_set.neighbors import RowDistances
from skdal.core_set.robust import robust_k_center
from skdal.core_set.swaps import search_swaps

SOLVERS = ["cbc", "highs"]
with_solvers = pytest.mark.parametrize("solver", SOLVERS)


@pytest.fixture(autouse=True)
def _installed(request):
    solver = getattr(request.node, "callspec", None) and request.node.callspec.params.get("solver")
    if solver == "highs":
        pytest.importorskip("highspy")


def smallest_radius(X, centers, k, n_outliers, metric="euclidean"):
    """Try all choices of k rows."""
    D = cdist(X, X, metric)
    base = cdist(X, centers, metric).min(axis=1) if centers is not None else np.full(len(X), np.inf)
    choices = np.array(list(itertools.combinations(range(len(X)), k)))
    distance = np.minimum(D[:, choices].min(axis=2), base[:, None])
    return np.sort(distance, axis=0)[len(X) - 1 - n_outliers].min()


def radius_of(X, centers, rows, n_outliers, metric="euclidean"):
    all_centers = X[rows] if centers is None else np.concatenate([centers, X[rows]])
    distance = np.sort(cdist(X, all_centers, metric).min(axis=1))
    return distance[len(X) - 1 - n_outliers]


def small_problem(seed):
    """Make rows with ties and duplicates, or without; sometimes centers, sometimes outliers."""
    rng = np.random.RandomState(seed)
    n, d = rng.randint(4, 12), rng.randint(1, 4)
    if seed % 3 == 0:
        X = rng.randint(0, 4, (n, d)).astype(float)
    elif seed % 3 == 1:
        X = rng.randn(n, d) + 100
    else:
        X = np.round(rng.randn(n, d), 1)[rng.randint(0, n, n)]
    k = rng.choice([1, 2, 3, n]) if n <= 8 else rng.randint(1, 5)
    n_outliers = rng.choice([0, 0, 1, 2, min(5, n - 1)])
    centers = None if rng.rand() < 0.5 else X[rng.randint(0, n, 2)] + rng.randint(0, 2, d)
    return X, centers, int(min(k, n)), int(n_outliers)


def check(result, X, centers, k, n_outliers, tolerance, metric="euclidean"):
    truth = smallest_radius(X, centers, k, n_outliers, metric)
    rounding = 1e-7 * max(1, truth) if metric == "euclidean" else 1e-7
    assert result.rows.dtype.kind == "i"
    assert len(set(result.rows.tolist())) == len(result.rows) == k
    real = radius_of(X, centers, result.rows, n_outliers, metric)
    assert result.radius == pytest.approx(real, rel=1e-7, abs=1e-7)
    assert result.lower_bound <= truth + rounding
    assert truth <= result.radius + rounding
    assert result.lower_bound <= result.radius
    greedy, _ = greedy_k_center(X, centers, k, metric=metric)
    assert result.radius <= radius_of(X, centers, greedy, n_outliers, metric) + rounding
    if result.status == "optimal":
        assert result.radius - result.lower_bound <= tolerance * result.radius + rounding


@pytest.mark.parametrize("seed", range(150))
def test_bracket_holds_the_optimum(seed):
    X, centers, k, n_outliers = small_problem(seed)
    for tolerance in (0.0, 0.1):
        result = robust_k_center(
            X, centers, k, n_outliers=n_outliers, tolerance=tolerance, random_state=0
        )
        assert result.status == "optimal"
        check(result, X, centers, k, n_outliers, tolerance)


@with_solvers
@pytest.mark.usefixtures("no_shortcuts")
def test_bracket_by_solvers_alone(solver):
    for seed in range(30):
        X, centers, k, n_outliers = small_problem(1000 + seed)
        result = robust_k_center(X, centers, k, n_outliers=n_outliers, tolerance=0, solver=solver)
        assert result.status == "optimal"
        check(result, X, centers, k, n_outliers, 0)


def test_bracket_without_solver(monkeypatch):
    monkeypatch.setattr(cover_models, "available_solvers", dict)
    for seed in range(60):
        X, centers, k, n_outliers = small_problem(2000 + seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            result = robust_k_center(X, centers, k, n_outliers=n_outliers, random_state=0)
        assert result.status in ("optimal", "no_solver")
        check(result, X, centers, k, n_outliers, 0.005)


def test_bracket_on_a_sample_of_rows(monkeypatch):
    monkeypatch.setattr(_nearby, "_MAX_NEIGHBORS", 40)
    monkeypatch.setattr(_nearby, "_N_SAMPLED", 1)
    monkeypatch.setattr(_nearby, "_N_VIOLATED", 1)
    for seed in range(60):
        X, centers, k, n_outliers = small_problem(3000 + seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            result = robust_k_center(
                X, centers, k, n_outliers=n_outliers, time_limit=1, random_state=0
            )
        check(result, X, centers, k, n_outliers, 0.005)


def test_bracket_with_cosine():
    for seed in range(40):
        rng = np.random.RandomState(seed)
        X = rng.randn(9, 3) * rng.rand(9, 1) * 100
        X[3] = 2 * X[4]
        centers = None if seed % 2 else rng.randn(2, 3)
        k, n_outliers = rng.randint(1, 4), rng.randint(0, 3)
        result = robust_k_center(
            X, centers, k, n_outliers=n_outliers, metric="cosine", tolerance=0.01
        )
        assert result.status == "optimal"
        check(result, X, centers, k, n_outliers, 0.01, "cosine")


def test_first_bound_by_hand():
    # One row may stay out, so that four picks, not three, are pairwise at least 2 apart.
    X = np.array([[0.0], [2.0], [4.0], [100.0]])
    with pytest.warns(ConvergenceWarning, match=r"time_limit=0 s; raise it") as record:
        result = robust_k_center(X, None, 2, n_outliers=1, time_limit=0)
    assert record[0].filename == __file__
    assert result.status == "time_limit"
    assert result.lower_bound == pytest.approx(1)
    assert result.rows.tolist() == greedy_k_center(X, None, 2)[0].tolist()
    assert robust_k_center(X, None, 2, n_outliers=1).radius == 2


def test_duplicates_fill_up_with_other_rows():
    X = np.repeat([[0.0], [5.0], [9.0]], 4, axis=0)
    result = robust_k_center(X, None, 7)
    assert (result.radius, result.lower_bound, result.status) == (0, 0, "optimal")
    assert len(set(result.rows.tolist())) == 7


def test_all_rows_chosen_or_outliers():
    X = np.random.RandomState(0).randn(6, 2)
    for k, n_outliers in [(6, 0), (6, 3), (4, 2), (1, 5)]:
        result = robust_k_center(X, None, k, n_outliers=n_outliers)
        assert (len(result.rows), result.radius, result.status) == (k, 0, "optimal")


def test_number_of_outliers():
    X = np.random.RandomState(0).randn(40, 2)
    expected = robust_k_center(X, None, 3, n_outliers=4)
    assert robust_k_center(X, None, 3, outlier_fraction=0.1).radius == expected.radius
    assert robust_k_center(X, None, 3).radius == robust_k_center(X, None, 3, n_outliers=0).radius
    # 0.29 * 100 is a little less than 29.
    assert api._check_outliers(None, 0.29, 100) == 29
    assert api._check_outliers(None, None, 29_999) == 2
    assert api._check_outliers(None, 1 - 1e-13, 40) == 39


def test_far_from_the_origin_and_in_float32():
    X = np.random.RandomState(0).randn(60, 3)
    expected = robust_k_center(X, X[:3], 5, n_outliers=1, tolerance=0)
    moved = robust_k_center(X + 1e6, X[:3] + 1e6, 5, n_outliers=1, tolerance=0)
    assert moved.radius == pytest.approx(expected.radius, rel=1e-6)
    single = robust_k_center(X.astype(np.float32), X[:3], 5, n_outliers=1, tolerance=0)
    assert single.radius == pytest.approx(expected.radius, rel=1e-6)


@pytest.mark.parametrize("scale", [2.0**660, 2.0**-660])
def test_extremes_of_float64(scale):
    X = np.random.RandomState(0).randn(30, 4)
    expected = robust_k_center(X, X[:2], 4, n_outliers=1, tolerance=0, random_state=0)
    found = robust_k_center(X * scale, X[:2] * scale, 4, n_outliers=1, tolerance=0, random_state=0)
    assert found.radius == pytest.approx(expected.radius * scale, rel=1e-9)
    assert found.lower_bound == found.radius


def test_almost_parallel_rows_of_float32():
    X = (1 + 1e-4 * np.random.RandomState(0).randn(9, 4)).astype(np.float32)
    found = robust_k_center(X, None, 2, n_outliers=1, metric="cosine", tolerance=0)
    unit = X.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    truth = smallest_radius(unit, None, 2, 1) ** 2 / 2
    assert found.radius == pytest.approx(truth, rel=1e-6)
    assert found.lower_bound == pytest.approx(truth, rel=1e-6)


def test_two_clusters_far_apart():
    # Distances within a cluster are lost in a product of rows this long.
    rng = np.random.RandomState(0)
    X = np.concatenate([rng.randn(6, 2), rng.randn(6, 2) + 1e8])
    result = robust_k_center(X, None, 4, tolerance=0)
    check(result, X, None, 4, 0, 0)
    # Centers that a product cannot tell apart either.
    centers = X[:2] + 0.01
    check(robust_k_center(X, centers, 2, tolerance=0), X, centers, 2, 0, 0)


def larger_problem(n=150, k=12):
    return np.random.RandomState(5).randn(n, 6), None, k


@pytest.fixture
def no_shortcuts(monkeypatch):
    """Leave to the solver what the relaxation and the swaps would settle."""
    monkeypatch.setattr(module, "fewest_outliers", lambda *args: (0.0, None))
    monkeypatch.setattr(module, "is_refuted", lambda *args: False)
    monkeypatch.setattr(module, "search_swaps", lambda cover, start, *args: start)


@with_solvers
def test_solvers_agree_and_are_silent(solver, capfd):
    X, centers, k = larger_problem(100)
    result = robust_k_center(X, centers, k, n_outliers=1, solver=solver, random_state=0)
    assert result.status == "optimal"
    assert result.radius - result.lower_bound <= 0.005 * result.radius
    assert capfd.readouterr() == ("", "")


@with_solvers
def test_repeats(solver):
    X, centers, k = larger_problem(80, 8)
    first, second = (
        robust_k_center(X, centers, k, n_outliers=1, solver=solver, random_state=3)
        for _ in range(2)
    )
    assert first.rows.tolist() == second.rows.tolist()
    assert first[1:] == second[1:]


def swapped(seed, n_steps=2000):
    """Search for 28 rows of 300 in the plane; greedy leaves 4 uncovered."""
    X = np.random.RandomState(0).rand(300, 2)
    cover = Cover(sp.csr_matrix((cdist(X, X) <= 0.12).astype(np.int8)), 0)
    rng = np.random.RandomState(seed)
    found = search_swaps(cover, cover.greedy(28), 28, rng, n_steps, time.perf_counter() + 60)
    return found.tolist(), cover.n_uncovered(found)


def test_swaps_repeat():
    assert swapped(0) == swapped(0)
    assert swapped(0) != swapped(1)


def test_swaps_leave_dead_ends_by_penalties(monkeypatch):
    assert [swapped(seed)[1] for seed in range(3)] == [0, 0, 0]
    monkeypatch.setattr(_swaps._Swaps, "penalize", lambda self, uncovered: None)
    assert min(swapped(seed)[1] for seed in range(3)) > 0


@with_solvers
@pytest.mark.parametrize("time_limit", [0, 0.001, 0.05, 0.3])
def test_time_limit_ends_the_search(solver, time_limit):
    X, centers, k = larger_problem(400, 20)
    with pytest.warns(ConvergenceWarning, match="ran out of time_limit"):
        result = robust_k_center(
            X, centers, k, solver=solver, time_limit=time_limit, tolerance=0, random_state=0
        )
    assert result.status == "time_limit"
    assert 0 < result.lower_bound < result.radius
    greedy, _ = greedy_k_center(X, centers, k)
    assert result.radius <= covering_radius(X, X[greedy])
    assert result.radius == pytest.approx(covering_radius(X, X[result.rows]))


class FakeSolver(pulp.LpSolver):
    """Does to a problem what a test wants."""

    name = "fake"

    def __init__(self, act, **params):
        super().__init__(**params)
        self.act = act

    def available(self):
        return True

    def actualSolve(self, lp, **kwargs):  # noqa: N802
        return self.act(lp)


def crash(lp):
    raise pulp.PulpSolverError("killed")


def time_out(lp):
    lp.assignStatus(pulp.LpStatusNotSolved, pulp.LpSolutionNoSolutionFound)


def time_out_with_values(lp):
    for variable in lp.variables():
        variable.varValue = 0.1
    lp.assignStatus(pulp.LpStatusOptimal, pulp.LpSolutionIntegerFeasible)


def return_nothing(lp):
    lp.assignStatus(pulp.LpStatusOptimal, pulp.LpSolutionOptimal)


def return_wrong_set(lp):
    for i, variable in enumerate(lp.variables()):
        variable.varValue = float(i < 3)
    lp.assignStatus(pulp.LpStatusOptimal, pulp.LpSolutionOptimal)


@pytest.mark.parametrize(
    ("act", "status", "reason"),
    [
        (crash, "solver_failed", r"PulpSolverError: killed\); try another"),
        (return_nothing, "solver_failed", "returned no values"),
        (return_wrong_set, "solver_failed", "as a solution is none"),
        (time_out, "time_limit", "ran out of time_limit"),
        (time_out_with_values, "time_limit", "ran out of time_limit"),
    ],
)
@pytest.mark.usefixtures("no_shortcuts")
def test_unreliable_solvers(act, status, reason):
    X, centers, k = larger_problem()
    with pytest.warns(ConvergenceWarning, match=reason):
        result = robust_k_center(
            X, centers, k, solver=FakeSolver(act), time_limit=5, tolerance=0, random_state=0
        )
    assert result.status == status
    assert result.radius == pytest.approx(covering_radius(X, X[result.rows]))
    assert 0 < result.lower_bound < result.radius


def small_program():
    cover = Cover(sp.csr_matrix(1 - np.eye(3, dtype=np.int8)), 0, reduce=False)
    return *covering_problem(cover, 2), cover, 2


@pytest.mark.parametrize(("seconds", "believed"), [(0, True), (0.15, False)])
def test_infeasible_when_time_is_up_is_no_proof(seconds, believed):
    def act(lp):
        time.sleep(seconds)
        lp.assignStatus(pulp.LpStatusInfeasible, pulp.LpSolutionInfeasible)

    answer = solve(*small_program(), FakeSolver(act), 0.1)
    assert answer.infeasible == believed
    assert (answer.sets, answer.failure) == (None, None)
    # A limit of its own that is shorter counts.
    answer = solve(*small_program(), FakeSolver(act, timeLimit=0.1), 60)
    assert answer.infeasible == believed


def test_time_is_that_of_the_clock():
    cbc = available_solvers()["COIN_CMD"]
    cbc.optionsDict["timeMode"] = "cpu"
    assert cover_models._configured(cbc, 1, "").optionsDict["timeMode"] == "elapsed"
    assert cbc.optionsDict["timeMode"] == "cpu"
    assert seconds_to_start(10**5, cbc) > 5 > seconds_to_start(10**5, FakeSolver(crash))


@pytest.mark.usefixtures("no_shortcuts")
def test_an_error_of_a_vendor_does_not_lose_greedy(monkeypatch):
    class GurobiError(Exception):
        pass

    def act(lp):
        raise GurobiError("no license")

    vendor = types.ModuleType("gurobipy")
    X, centers, k = larger_problem()
    with pytest.raises(GurobiError):
        robust_k_center(X, centers, k, solver=FakeSolver(act), tolerance=0)
    vendor.GurobiError = GurobiError
    monkeypatch.setitem(sys.modules, "gurobipy", vendor)
    with pytest.warns(ConvergenceWarning, match="GurobiError: no license"):
        result = robust_k_center(X, centers, k, solver=FakeSolver(act), tolerance=0)
    assert result.status == "solver_failed"


@pytest.mark.usefixtures("no_shortcuts")
def test_interrupt_passes():
    def interrupt(lp):
        raise KeyboardInterrupt

    X, centers, k = larger_problem()
    with pytest.raises(KeyboardInterrupt):
        robust_k_center(X, centers, k, solver=FakeSolver(interrupt), tolerance=0)


@pytest.mark.usefixtures("no_shortcuts")
def test_no_solver(monkeypatch):
    monkeypatch.setattr(cover_models, "available_solvers", dict)
    X, centers, k = larger_problem()
    with pytest.warns(ConvergenceWarning, match="found no solver .*pip install highspy"):
        result = robust_k_center(X, centers, k, tolerance=0, random_state=0)
    assert result.status == "no_solver"
    with pytest.raises(ValueError, match="solver='cbc' is not available here; there is none"):
        robust_k_center(X, centers, k, solver="cbc")


@pytest.mark.usefixtures("no_shortcuts")
def test_too_large_for_a_model(monkeypatch):
    monkeypatch.setattr(module, "_MAX_NONZEROS", 10)
    X, centers, k = larger_problem()
    with pytest.warns(ConvergenceWarning, match="more rows to cover than"):
        result = robust_k_center(X, centers, k, tolerance=0, random_state=0)
    assert result.status == "too_large"


@with_solvers
@pytest.mark.usefixtures("no_shortcuts")
def test_solver_object_is_left_alone(solver, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = available_solvers()
    mine = found["COIN_CMD" if solver == "cbc" else "HiGHS"]
    mine.timeLimit, mine.msg = 1000, True
    before = dict(vars(mine))
    X, centers, k = larger_problem(30, 4)
    assert robust_k_center(X, centers, k, solver=mine).status == "optimal"
    assert vars(mine) == before
    assert os.listdir(tmp_path) == []


@with_solvers
def test_names_in_any_case(solver):
    X = np.random.RandomState(0).randn(30, 2)
    assert robust_k_center(X, None, 3, solver=solver.upper()).status == "optimal"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"k": 0}, "k=0 must be an integer from 1 to 10, the number of rows of X"),
        ({"k": 11}, "k=11 must be"),
        ({"k": 2.0}, r"k=2.0 must be an integer"),
        ({"n_outliers": -1}, "n_outliers=-1 must be an integer from 0 to 9"),
        ({"n_outliers": 10}, "n_outliers=10 must be"),
        ({"outlier_fraction": 1.0}, "outlier_fraction=1.0 must be"),
        ({"n_outliers": 1, "outlier_fraction": 0.1}, "give one"),
        ({"metric": "l1"}, "metric='l1' must be one of 'euclidean', 'cosine'"),
        ({"time_limit": -1}, "time_limit=-1 must be a number from 0 upward"),
        ({"time_limit": np.nan}, "time_limit=nan"),
        ({"tolerance": -0.1}, "tolerance=-0.1 must be a number from 0 to less than 1"),
        ({"tolerance": 1}, "tolerance=1 must be a number from 0 to less than 1"),
        ({"tolerance": np.inf}, "tolerance=inf"),
        (
            {"solver": "nonsense"},
            r"solver='nonsense' is not available here; there .*COIN_CMD \(cbc\)",
        ),
        ({"solver": 3}, "solver=3 must be"),
        ({"centers": np.ones((2, 3))}, "centers has 3 columns, X 2"),
        ({"X": np.full((10, 2), np.nan)}, "Row 0 of X holds NaN"),
        ({"centers": np.full((2, 2), np.inf)}, "Row 0 of centers holds NaN or infinity"),
        ({"X": np.eye(10, 2), "metric": "cosine"}, "of X is zero"),
    ],
)
def test_bad_input(params, message):
    X = np.random.RandomState(0).randn(10, 2)
    params = {"X": X, "centers": None, "k": 2, **params}
    with pytest.raises(ValueError, match=message):
        robust_k_center(**params)


def test_no_square_matrix():
    X = np.random.RandomState(0).randn(20_000, 8).astype(np.float32)
    robust_k_center(X[:50], None, 2)
    tracemalloc.start()
    robust_k_center(X[1000:], X[:1000], 20, tolerance=0.02, random_state=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A square matrix of single bits takes 45 MiB, of float64 2,900.
    assert peak < 250 * 2**20


def test_a_large_cover_is_not_searched_for_inclusions():
    n = 40_000
    matrix = sp.diags([np.ones(n), np.ones(n - 1)], [0, 1], dtype=np.int8, format="csr")
    tracemalloc.start()
    cover = Cover(matrix, 1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert cover.matrix.shape == (n, n)
    # In bits the matrix takes 190 MiB.
    assert peak < 50 * 2**20


def brute_outliers(A, k):
    choices = itertools.combinations(range(A.shape[1]), min(k, A.shape[1]))
    return min(int((~A[:, list(c)].any(axis=1)).sum()) for c in choices)


@pytest.mark.parametrize("n_outliers", [0, 1])
def test_reductions_keep_the_answer(n_outliers):
    rng = np.random.RandomState(n_outliers)
    for _ in range(30):
        A = rng.rand(rng.randint(3, 9), 7) < rng.choice([0.25, 0.5])
        A[np.arange(len(A)), rng.randint(0, 7, len(A))] = True
        cover = Cover(sp.csr_matrix(A.astype(np.int8)), n_outliers)
        assert cover.matrix.shape[0] <= len(A)
        for k in (1, 2, 3):
            left = brute_outliers(cover.matrix.toarray().astype(bool), k)
            # Weights are 1 unless elements are merged.
            possible = brute_outliers(A, k) <= n_outliers
            everything = np.repeat(cover.matrix.toarray().astype(bool), cover.weights, axis=0)
            assert (brute_outliers(everything, k) <= n_outliers) == possible
            assert left <= brute_outliers(A, k)
            bound, _ = fewest_outliers(cover, k, 10)
            assert not (bound > n_outliers + 1e-6 and possible)
            assert not (is_refuted(cover, k, 10) and possible)
            chosen = search_swaps(cover, cover.greedy(k), k, rng, 100, time.perf_counter() + 5)
            assert len(chosen) <= k
            assert (cover.n_uncovered(chosen) <= n_outliers) == possible


def test_neighbors_are_exact():
    rng = np.random.RandomState(0)
    X = rng.randn(50, 5) + 1e4
    X[7] = X[8]
    D = cdist(X, X, "sqeuclidean")
    rows = np.array([3, 7, 40])
    found = RowDistances(X).neighbors(rows, 9.0, 10_000, time.perf_counter() + 9)
    assert found.nnz == (D[rows] <= 9).sum()
    near = D[rows] <= 9
    np.testing.assert_allclose(found.toarray()[near], D[rows][near], rtol=1e-6)
    assert RowDistances(X).neighbors(rows, 9.0, 2, time.perf_counter() + 9) is None


@pytest.fixture
def no_cuts(monkeypatch):
    """Leave to columns, rows and branches what cuts would settle."""
    for name, value in {
        "_N_ROUNDS": 0,
        "_N_FIRST": 3,
        "_N_PRICED": 1,
        "_N_VIOLATED": 1,
        "_MAX_DEPTH": 50,
    }.items():
        monkeypatch.setattr(cover_bound, name, value)


@pytest.mark.parametrize("n_outliers", [0, 1, 2])
@pytest.mark.parametrize("cuts", [True, False])
def test_refuted_is_impossible(n_outliers, cuts, request):
    if not cuts:
        request.getfixturevalue("no_cuts")
    rng = np.random.RandomState(n_outliers)
    n_refuted = 0
    for _ in range(25):
        A = rng.rand(rng.randint(6, 16), 10) < rng.choice([0.15, 0.25, 0.4])
        A[np.arange(len(A)), rng.randint(0, 10, len(A))] = True
        cover = Cover(sp.csr_matrix(A.astype(np.int8)), n_outliers)
        for k in (1, 2, 3, 4):
            possible = brute_outliers(A, k) <= n_outliers
            refuted = is_refuted(cover, k, 10)
            # So small, the proof never fails for want of time.
            assert refuted == (not possible)
            n_refuted += refuted
    assert n_refuted > 20


def test_refuted_where_the_relaxation_is_not():
    # Of three elements, every set covers two: 1.5 sets are enough for the relaxation.
    cover = Cover(sp.csr_matrix(1 - np.eye(3, dtype=np.int8)), 0)
    assert fewest_outliers(cover, 1, 10)[0] > 0
    A = sp.block_diag([cover.matrix] * 2, format="csr")
    cover = Cover(A, 0)
    assert fewest_outliers(cover, 3, 10)[0] == pytest.approx(0)
    assert is_refuted(cover, 3, 10)
    assert not is_refuted(cover, 4, 10)
    assert not is_refuted(cover, 3, 0)


def fewest_sets(A, n_outliers):
    """Solve for the number of sets by an integer program of another make."""
    n, m = A.shape
    limits = LinearConstraint(np.hstack([A, np.eye(n)]), 1, np.inf)
    few = LinearConstraint(np.append(np.zeros(m), np.ones(n)), -np.inf, n_outliers)
    costs = np.append(np.ones(m), np.zeros(n))
    result = milp(costs, constraints=[limits, few], bounds=Bounds(0, 1), integrality=1)
    return round(result.fun)


@pytest.mark.parametrize("n_outliers", [0, 1, 3])
@pytest.mark.parametrize("cuts", [True, False])
def test_refuted_among_rows_in_space(n_outliers, cuts, request):
    if not cuts:
        request.getfixturevalue("no_cuts")
    for seed in range(12):
        rng = np.random.RandomState(seed)
        X = rng.randn(rng.randint(15, 61), rng.randint(2, 6))
        D = cdist(X, X)
        A = (np.quantile(D, rng.uniform(0.08, 0.3)) >= D).astype(np.int8)
        cover, fewest = Cover(sp.csr_matrix(A), n_outliers), fewest_sets(A, n_outliers)
        assert not is_refuted(cover, fewest, 20)
        if fewest > 1:
            assert is_refuted(cover, fewest - 1, 20)


def test_no_set_left_is_no_proof():
    assert not is_refuted(Cover(sp.csr_matrix((0, 5), dtype=np.int8), 0), 1, 10)


def test_what_a_pool_of_columns_cannot_do_is_no_proof():
    cover = Cover(sp.csr_matrix(1 - np.eye(3, dtype=np.int8)), 0)
    root, costs = cover_bound._root(cover)
    for pool in ([], [0]):
        some = np.isin(np.arange(len(costs)), pool)
        _, relaxed = cover_bound._solve(
            root._replace(pool=some), costs, 2, time.perf_counter() + 10
        )
        assert relaxed.bound == pytest.approx(1.5)
    # Without any column that is allowed, it is one.
    none = root._replace(allowed=some & False)
    _, relaxed = cover_bound._solve(none, costs, 2, time.perf_counter() + 10)
    assert relaxed.bound == np.inf


def on_a_line(places, base):
    X = np.array(places, dtype=float)[:, None]

    def pick(n):
        return np.argsort(-np.array(base, dtype=float), kind="stable")[:n]

    squared = np.square(np.array(base, dtype=float))
    return _nearby.Nearby(RowDistances(X), squared, pick, 1, 0, 9.0, time.perf_counter() + 60)


def test_the_next_radius_by_hand():
    # Pairs are 1, 2, 3, 4, 6 and 7 apart; a row is 2.5 from its center, which comes before 3.
    nearby = on_a_line([0, 1, 3, 7], [9, 9, 2.5, 9])
    nearby.cover(2.0)
    assert nearby.following(2.0) == pytest.approx(2.5)
    assert nearby.following(2.5) == pytest.approx(3)
    assert nearby.following(4.0) == pytest.approx(6)
    # Beyond the horizon, nothing is known.
    assert nearby.following(7.0) == pytest.approx(9)


def test_a_probe_too_far_down_leaves_the_store_alone(monkeypatch):
    places, base = np.arange(40.0), np.linspace(1, 9, 40)
    monkeypatch.setattr(_nearby, "_MAX_NEIGHBORS", 200)
    monkeypatch.setattr(_nearby, "_N_SAMPLED", 1)
    nearby = on_a_line(places, base)
    assert nearby.cover(8.0)[1]
    kept = nearby.rows.tolist()
    assert len(kept) == np.count_nonzero(base > 8)
    cover, complete = nearby.cover(1.5)
    assert not complete
    assert cover.matrix.shape[0]
    assert nearby.rows[: len(kept)].tolist() == kept
    assert nearby.cover(8.0)[1]
    assert nearby.cover(7.5)[1]
    assert not nearby.too_large


def test_a_sample_does_not_skip_radii(monkeypatch):
    search = object.__new__(module.RadiusSearch)
    search.k, search.radius, search.lower_bound = 1, 8.0, 1.0
    search.nearby = on_a_line(np.arange(40.0), np.full(40, 9.0))
    monkeypatch.setattr(search, "decide", lambda *args: (False, None), raising=False)
    assert search.probe(2.5) is False
    assert search.lower_bound == pytest.approx(3)
    monkeypatch.setattr(_nearby, "_MAX_NEIGHBORS", 60)
    search.nearby, search.lower_bound = on_a_line(np.arange(40.0), np.full(40, 9.0)), 1.0
    assert search.probe(2.5) is False
    assert search.lower_bound == 2.5


def test_columns_of_some_choice_stay():
    rng = np.random.RandomState(0)
    n_seen = 0
    for _ in range(40):
        A = rng.rand(16, 14) < 0.3
        A[np.arange(16), rng.randint(0, 14, 16)] = True
        root, costs = cover_bound._root(Cover(sp.csr_matrix(A.astype(np.int8)), 0, reduce=False))
        k = fewest_sets(A.astype(float), 0)
        choices = itertools.combinations(range(14), k)
        used = np.unique([c for c in choices if A[:, list(c)].any(axis=1).all()])
        parts = cover_bound._split(root, costs, k, time.perf_counter() + 10)
        if parts is not None:
            assert parts[0].allowed[used].all()
            n_seen += not parts[0].allowed.all()
    assert n_seen > 5
