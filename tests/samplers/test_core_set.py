from __future__ import annotations

import numpy as np
import pulp
import pytest
import scipy.sparse as sp
from scipy.spatial.distance import cdist
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

from skdal import BudgetedLearner, CoreSetSampler
from skdal.core_set.cover_models import find_solver
from skdal.representation import representation

X, TRUTH = load_iris(return_X_y=True)
X = np.round(10 * X)  # whole millimeters: squares of distances are exact, and so are ties
Y = np.where(np.arange(150) % 10 == 0, TRUTH, -1)
LABELED, POOL = np.flatnonzero(Y != -1), np.flatnonzero(Y == -1)


def _greedy(Z, k, metric="euclidean"):
    """The plain loop: rows and the radius that they leave over the pool."""
    # By differences: ties must be ties.
    distances = cdist(Z[POOL], Z, metric)
    nearest = distances[:, LABELED].min(axis=1)
    chosen = []
    for _ in range(k):
        chosen.append(nearest.argmax())
        nearest = np.minimum(nearest, distances[:, POOL[chosen[-1]]])
        nearest[chosen] = 0
    return POOL[chosen], nearest.max()


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("k", [1, 7, 40])
def test_greedy(k, metric):
    sampler = CoreSetSampler(metric=metric).fit(X, Y)
    rows, details = sampler.query(n_instances=k, return_details=True)
    expected, radius = _greedy(X, k, metric)
    np.testing.assert_array_equal(rows, expected)
    assert details.radius == pytest.approx(radius, rel=1e-6)
    assert np.isnan(details.scores).all()


@pytest.mark.parametrize("n_outliers", [0, 5])
def test_the_integer_program_is_no_worse_and_says_how_good(n_outliers):
    greedy = CoreSetSampler().fit(X, Y).query(n_instances=8, return_details=True)[1]
    sampler = CoreSetSampler(method="mip", n_outliers=n_outliers, tolerance=0.01, random_state=0)
    rows, details = sampler.fit(X, Y).query(n_instances=8, return_details=True)
    centers = np.concatenate([LABELED, rows])
    distances = np.sort(cdist(X[POOL], X[centers]).min(axis=1))
    assert details.radius == pytest.approx(distances[len(POOL) - 1 - n_outliers], rel=1e-6)
    assert details.lower_bound <= details.radius <= greedy.radius + 1e-9
    assert details.status == "optimal"
    assert 1 - details.lower_bound / details.radius <= 0.01


def test_it_covers_the_representation():
    model = MLPClassifier((6,), solver="lbfgs", alpha=1, max_iter=2000, random_state=0)
    sampler = CoreSetSampler(model).fit(X, Y)
    expected, radius = _greedy(representation(sampler.estimator_, X), 9)
    rows, details = sampler.query(n_instances=9, return_details=True)
    np.testing.assert_array_equal(rows, expected)
    assert details.radius == pytest.approx(radius)


def test_the_first_batch_needs_no_labels():
    for sampler in (CoreSetSampler(), CoreSetSampler(FrozenEstimator(PCA(2).fit(X)))):
        rows = sampler.fit(X, np.full(150, -1)).query(n_instances=6)
        assert len(set(rows)) == 6
    with pytest.raises(ValueError, match="no labeled row"):
        CoreSetSampler(make_pipeline(PCA(), LogisticRegression())).fit(X, np.full(150, -1))


def test_a_sparse_pool():
    sparse = sp.csr_matrix(X)
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        CoreSetSampler().fit(sparse, Y)
    svd = FrozenEstimator(TruncatedSVD(3, random_state=0).fit(sparse))
    assert len(set(CoreSetSampler(svd).fit(sparse, Y).query(n_instances=5))) == 5


def test_a_random_part_of_the_pool():
    sampler = CoreSetSampler(max_candidates=20, random_state=0).fit(X, Y)
    rows = sampler.query(n_instances=5)
    assert not np.array_equal(rows, CoreSetSampler().fit(X, Y).query(n_instances=5))
    np.testing.assert_array_equal(rows, sampler.query(n_instances=5))


def test_in_a_learner():
    learner = BudgetedLearner(
        make_pipeline(PCA(2), LogisticRegression()), CoreSetSampler(), budget=40, random_state=0
    ).fit(X, TRUTH)
    assert len(set(learner.labeled_rows_)) == 40
    assert learner.score(X, TRUTH) > 0.8


def test_a_solver_of_the_users_own():
    solver = find_solver("cbc")
    assert isinstance(solver, pulp.LpSolver)
    sampler = CoreSetSampler(method="mip", solver=solver, tolerance=0.05, random_state=0)
    assert len(set(sampler.fit(X, Y).query(n_instances=6))) == 6


def test_a_solver_need_not_be_of_a_class_of_pulp():
    class Solver:
        def __init__(self):
            self.solver = find_solver("cbc")

        def available(self):
            return True

        def actualSolve(self, lp):  # noqa: N802
            return self.solver.actualSolve(lp)

    sampler = CoreSetSampler(method="mip", solver=Solver(), tolerance=0.05, random_state=0)
    assert len(set(sampler.fit(X, Y).query(n_instances=6))) == 6


def test_no_time_is_greedy_with_a_warning():
    sampler = CoreSetSampler(method="mip", time_limit=0).fit(X, Y)
    with pytest.warns(ConvergenceWarning, match="time_limit"):
        rows, details = sampler.query(n_instances=6, return_details=True)
    np.testing.assert_array_equal(np.sort(rows), np.sort(_greedy(X, 6)[0]))
    assert details.status == "time_limit"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"method": "exact"}, "method"),
        ({"metric": "manhattan"}, "metric"),
        ({"n_outliers": -1}, "n_outliers"),
        ({"outlier_fraction": 1.5}, "outlier_fraction"),
        ({"time_limit": -1}, "time_limit"),
        ({"method": "mip", "solver": "abacus"}, "abacus"),
        ({"method": "mip", "n_outliers": 1, "outlier_fraction": 0.1}, "outlier_fraction"),
        ({"method": "mip", "n_outliers": 1000}, "n_outliers=1000 must be less than the 135"),
        (
            {"method": "mip", "n_outliers": 30, "max_candidates": 20},
            "n_outliers=30 must be less than the 20 candidates.*raise max_candidates=20",
        ),
        ({"solver": 3}, "solver"),
        ({"method": "mip", "solver": pulp.COIN_CMD}, "solver=.*COIN_CMD.* must be"),
    ],
)
def test_bad_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        CoreSetSampler(**params).fit(X, Y).query(n_instances=3)
