"""Pools that are not in memory: the same rows, and never all of them at once."""

from __future__ import annotations

import os
import signal
import time
from threading import Thread

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdal import (
    ActiveLearner,
    BudgetedLearner,
    CoreSetSampler,
    DiscriminativeSampler,
    MLPDiscriminator,
    RandomSampler,
    UncertaintySampler,
)
from skdal._pool import Rows
from skdal.k_center import greedy_k_center
from skdal.stopping import DivergenceStop
from tests._samplers import SAMPLERS

da = pytest.importorskip("dask.array", reason="needs dask; `make test` installs it")

X, TRUTH = (part[:600] for part in load_digits(return_X_y=True))
X = (X / 16).astype(np.float32)
Y = np.where(np.arange(len(X)) % 12 == 0, TRUTH, -1)
LOGISTIC = LogisticRegression(max_iter=1000)
MLP = MLPClassifier((16,), max_iter=300, learning_rate_init=0.02, random_state=0)
QUICK = MLPDiscriminator((32,), max_epochs=5)

NAMED = {
    "random": RandomSampler(random_state=0),
    "uncertainty": UncertaintySampler(LOGISTIC, random_state=0),
    "dal": DiscriminativeSampler(QUICK, n_mini_queries=3, random_state=0),
    "dal, logistic": DiscriminativeSampler(LOGISTIC, candidates="pool", random_state=0),
    "core-set": CoreSetSampler(),
}
MORE = [
    DiscriminativeSampler(QUICK, n_mini_queries=3, candidates="pool", random_state=0),
    DiscriminativeSampler(
        QUICK, estimator=MLP, n_mini_queries=3, candidates="pool", random_state=0
    ),
    CoreSetSampler(MLP),
]
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is at most:sklearn.exceptions.ConvergenceWarning",
    "ignore:.*Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning",
)


@pytest.fixture
def stored(tmp_path):
    np.save(tmp_path / "X.npy", X)
    return np.load(tmp_path / "X.npy", mmap_mode="r")


def _pools(stored):
    twice = np.concatenate([X, X])
    return {
        "memmap": stored,
        "dask": da.from_array(X, chunks=(150, 20)),
        "dask over a memmap": da.from_array(stored, chunks=(250, -1)),
        "rows": Rows(twice, np.arange(len(X), 2 * len(X))),
        "rows of a memmap": Rows(stored, np.arange(len(X))),
        "rows of dask": Rows(da.from_array(twice, chunks=(350, -1)), np.arange(len(X))),
    }


def _in_one_round(sampler):
    is_core_set = isinstance(sampler, CoreSetSampler)
    return clone(sampler).set_params(two_rounds=False) if is_core_set else sampler


@pytest.mark.parametrize("sampler", [*SAMPLERS, *MORE], ids=lambda sampler: type(sampler).__name__)
def test_the_same_rows_from_every_kind_of_pool(sampler, stored):
    sampler = _in_one_round(sampler)
    expected = sampler.fit(X, Y).query(n_instances=12)
    scores = sampler.score_samples(X) if hasattr(sampler, "score_samples") else None
    some = sampler.query(X[:100], n_instances=12)
    for kind, pool in _pools(stored).items():
        # Small parts, too.
        with config_context(working_memory=1024 if "memmap" in kind else 1):
            sampler.fit(pool, Y)
            np.testing.assert_array_equal(sampler.query(n_instances=12), expected, err_msg=kind)
            if scores is not None:
                found = sampler.score_samples(pool)
                np.testing.assert_allclose(found, scores, rtol=1e-4, atol=1e-6)
            np.testing.assert_array_equal(sampler.query(pool[:100], n_instances=12), some)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("model", [None, FrozenEstimator(MLP.fit(X, TRUTH))])
@pytest.mark.parametrize("any_labels", [True, False])
def test_two_rounds(metric, model, any_labels, stored):
    y = Y if any_labels else np.full(len(X), -1)
    exact = CoreSetSampler(model, metric=metric).fit(X + 0.01, y)
    rows, best = exact.query(n_instances=20, return_details=True)
    for pool in (da.from_array(X + np.float32(0.01), chunks=(150, -1)), stored + np.float32(0.01)):
        sampler = CoreSetSampler(model, metric=metric)
        if not hasattr(pool, "dask"):
            sampler.set_params(two_rounds=True)
        with config_context(working_memory=2):
            rows, details = sampler.fit(pool, y).query(n_instances=20, return_details=True)
        assert len(np.unique(rows)) == 20
        assert (y[rows] == -1).all()
        # The radius of the rows taken is no more than what it says, and that is bounded.
        Z = X + 0.01 if model is None else exact._reader(X + 0.01)(np.arange(len(X)))
        centers = np.concatenate([Z[y != -1], Z[rows]])
        if metric == "cosine":
            Z, centers = (A / np.linalg.norm(A, axis=1, keepdims=True) for A in (Z, centers))
        distance = np.sqrt(np.square(Z[:, None].astype(float) - centers).sum(axis=2)).min(axis=1)
        radius = distance.max() if metric == "euclidean" else distance.max() ** 2 / 2
        assert radius <= details.radius * (1 + 1e-6)
        # At most four times the smallest, which is no less than half of greedy's; four times four
        # where the distance goes by the square.
        assert details.radius <= (4 if metric == "euclidean" else 16) * best.radius * (1 + 1e-6)


def test_one_chunk_is_greedy_itself():
    pool = da.from_array(X, chunks=-1)
    rows = CoreSetSampler().fit(pool, Y).query(n_instances=20)
    known = Y != -1
    expected = np.flatnonzero(~known)[greedy_k_center(X[~known], X[known], 20)[0]]
    np.testing.assert_array_equal(rows, expected)


class Watched(np.memmap):
    """A memmap that notes which rows are read of it."""

    read: list[int]

    def __array_finalize__(self, source):
        super().__array_finalize__(source)
        self.read = getattr(source, "read", [])

    def __getitem__(self, key):
        result = super().__getitem__(key)
        if isinstance(result, np.ndarray) and result.ndim == 2:
            self.read.append(len(result))
        return result


@pytest.mark.parametrize("name", ["dal", "dal, logistic", "uncertainty", "core-set", "random"])
def test_parts_are_small_and_dal_reads_what_it_samples(name, tmp_path):
    many = np.random.RandomState(0).randn(50_000, 16).astype(np.float32)
    np.save(tmp_path / "X.npy", many)
    offset = (tmp_path / "X.npy").stat().st_size - many.nbytes
    pool = Watched(tmp_path / "X.npy", np.float32, "r", offset, many.shape)
    pool.read = []
    y = np.full(len(many), -1)
    y[:200] = many[:200, 0] > 0
    with config_context(working_memory=20):
        NAMED[name].fit(pool, y).query(n_instances=12)
    assert max(pool.read, default=0) < 10_000
    if name == "dal":
        # Of L 200 and 2,000 of U, once in fit, three times in the query.
        assert 8000 < sum(pool.read) < 10_000
    if name == "random":
        assert sum(pool.read) == 0


@pytest.mark.parametrize("name", ["dal", "uncertainty", "core-set"])
@pytest.mark.parametrize("where", ["labeled", "pool"])
def test_a_row_that_is_not_finite(name, where, stored):
    bad = X.copy()
    row = int(np.flatnonzero((Y != -1) == (where == "labeled"))[5])
    bad[row, 3] = np.nan
    sampler = NAMED[name]
    if name == "dal":
        sampler = DiscriminativeSampler(LOGISTIC, candidates="pool", random_state=0)
    for pool in (da.from_array(bad, chunks=(150, -1)), Rows(bad, np.arange(len(X)))):
        with pytest.raises(ValueError, match=f"Row {row} of X holds NaN|contains NaN"):
            sampler.fit(pool, Y).query(n_instances=5)


@pytest.mark.parametrize(
    ("pool", "message"),
    [
        (da.from_array(X)[da.from_array(X)[:, 3] > 0], "does not know how many rows it has"),
        (da.from_array(X[:, 0]), r"shape \(600,\); it must have at least one row and one column"),
        (da.from_array(X[:0]), "at least one row"),
        (da.from_array(X.astype(str)), "X holds <U"),
        (da.from_array(X.astype(complex)), "X holds complex"),
    ],
)
def test_pools_that_are_refused(pool, message):
    y = Y[: pool.shape[0]] if pool.shape[0] in (0, len(X)) else Y
    with pytest.raises(ValueError, match=message):
        CoreSetSampler().fit(pool, y)


def test_another_number_of_columns(stored):
    sampler = DiscriminativeSampler(LOGISTIC, random_state=0).fit(stored, Y)
    with pytest.raises(
        ValueError, match="X has 8 features, but DiscriminativeSampler is expecting"
    ):
        sampler.query(da.from_array(X[:, :8]), n_instances=3)


@pytest.mark.parametrize("kind", ["memmap", "dask", "rows of a memmap"])
def test_learners(kind, stored):
    pool = _pools(stored)[kind]
    sampler = DiscriminativeSampler(QUICK, n_mini_queries=2)
    model = make_pipeline(StandardScaler(), LOGISTIC)

    def labeled(rows):
        learner = ActiveLearner(model, sampler, stopping=DivergenceStop(), random_state=0)
        learner.fit(rows, np.where(np.arange(len(X)) < 100, TRUTH, -1))
        chosen = learner.query(n_instances=6)
        learner.teach(chosen, TRUTH[chosen])
        return np.append(chosen, learner.query(n_instances=6))

    np.testing.assert_array_equal(labeled(pool), labeled(X))
    budgeted = BudgetedLearner(model, sampler, budget=40, n_instances=15, random_state=0)
    expected = [step["rows"].tolist() for step in budgeted.fit(X, TRUTH).history_]
    assert [step["rows"].tolist() for step in budgeted.fit(pool, TRUTH).history_] == expected


class Slow:
    """Chunks that take a while, so that there is time to kill who reads them."""

    def __init__(self, marks):
        self.marks = marks

    def __call__(self, block_info=None):
        place = block_info[None]["chunk-location"][0]
        (self.marks / f"{place}-{os.getpid()}-{time.monotonic_ns()}").touch()
        time.sleep(0.1)
        return X[place * 60 : place * 60 + 60]


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("name", ["dal, logistic", "uncertainty", "core-set"])
def test_a_worker_that_dies_costs_time_only(name, cluster, tmp_path):
    sampler = clone(NAMED[name])
    if name == "dal, logistic":
        sampler.set_params(n_mini_queries=2)
    with config_context(working_memory=0.3):
        expected = sampler.fit(da.from_array(X, chunks=(60, -1)), Y).query(n_instances=12)

        chunks = ((60,) * 10, (64,))
        pool = da.map_blocks(Slow(tmp_path), chunks=chunks, dtype=X.dtype, meta=np.empty((0, 0)))
        sampler.fit(pool, Y)
        for mark in tmp_path.iterdir():
            mark.unlink()
        victims = []

        def kill():
            while not (marks := list(tmp_path.iterdir())):
                time.sleep(0.01)
            time.sleep(0.15)
            victims.append(int(marks[0].name.split("-")[1]))
            os.kill(victims[0], signal.SIGKILL)

        killer = Thread(target=kill)
        killer.start()
        rows = sampler.query(n_instances=12)
        killer.join()
    np.testing.assert_array_equal(rows, expected)
    # It was at work, and others have done what it had to do.
    readers = {int(mark.name.split("-")[1]) for mark in tmp_path.iterdir()}
    assert victims[0] in readers
    assert len(readers) > 1
