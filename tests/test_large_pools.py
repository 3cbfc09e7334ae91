"""Pools that are not in memory: the same rows, and never all of them at once."""

from __future__ import annotations

import os
import pickle
import signal
import time
import tracemalloc
from threading import Thread

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import config_context, get_config
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
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
    _reader,
)
from skdal._parts import _Packed
from skdal._pool import Rows, take
from skdal.core_set import greedy_k_center
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
def test_two_rounds(metric, model, any_labels, tmp_path):
    shifted = X + np.float32(0.01)
    np.save(tmp_path / "X.npy", shifted)
    stored = np.load(tmp_path / "X.npy", mmap_mode="r")
    y = Y if any_labels else np.full(len(X), -1)
    exact = CoreSetSampler(model, metric=metric).fit(shifted, y)
    best = exact.query(n_instances=20, return_details=True)[1]
    Z = shifted if model is None else exact._reader(shifted)(np.arange(len(X)))
    Z = Z.astype(float)
    if metric == "cosine":
        Z /= np.linalg.norm(Z, axis=1, keepdims=True)
    pools = [
        (da.from_array(shifted, chunks=(150, -1)), "auto"),
        (stored, True),
        (Rows(np.concatenate([shifted, shifted]), np.arange(len(X), 2 * len(X))), True),
        (Rows(da.from_array(np.repeat(shifted, 2, axis=0)), np.arange(0, 2 * len(X), 2)), "auto"),
    ]
    for pool, two_rounds in pools:
        sampler = CoreSetSampler(model, metric=metric, two_rounds=two_rounds)
        with config_context(working_memory=2):
            rows, details = sampler.fit(pool, y).query(n_instances=20, return_details=True)
        assert len(np.unique(rows)) == 20
        assert (y[rows] == -1).all()
        # The radius of the rows taken is no more than what it says, and that is bounded.
        centers = np.concatenate([Z[y != -1], Z[rows]])
        distance = np.sqrt(np.square(Z[:, None] - centers).sum(axis=2)).min(axis=1)
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


MANY = 100_000


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    path = tmp_path_factory.mktemp("pool") / "X.npy"
    np.save(path, np.random.RandomState(0).randn(MANY, 5, 8))
    return path


@pytest.mark.parametrize("kind", ["memmap", "images", "fortran", "rows", "dask"])
@pytest.mark.parametrize(
    "sampler",
    [
        RandomSampler(random_state=0),
        NAMED["dal"],
        NAMED["dal, logistic"].set_params(n_mini_queries=2),
        DiscriminativeSampler(
            LOGISTIC, estimator=PCA(4), candidates="pool", n_mini_queries=2, random_state=0
        ),
        UncertaintySampler(LOGISTIC, random_state=0),
        CoreSetSampler(two_rounds=False),
        CoreSetSampler(two_rounds=False, metric="cosine"),
        CoreSetSampler(PCA(4), two_rounds=False),
        CoreSetSampler(two_rounds=True),
    ],
    ids=lambda sampler: type(sampler).__name__,
)
def test_the_pool_never_comes_into_memory(sampler, kind, many):
    pool = np.load(many, mmap_mode="r")
    takes_images = getattr(sampler, "estimator", None) is None and kind in ("images", "fortran")
    if kind == "fortran":
        pool = pool.transpose(0, 2, 1)
    if not takes_images:
        pool = pool.reshape(MANY, 40)
    size = pool.nbytes
    if kind == "rows":
        pool = Rows(pool, np.arange(7, MANY))
    if kind == "dask":
        pool = da.from_array(pool, chunks=(2000, -1))
    y = np.full(len(pool), -1)
    y[:200] = np.arange(200) % 2
    small = pool[:2000] if kind != "dask" else np.asarray(pool[:2000])
    # What is read for the first time comes with imports.
    clone(sampler).fit(np.asarray(small), y[:2000]).query(n_instances=12)
    with config_context(working_memory=16):
        tracemalloc.start()
        try:
            clone(sampler).fit(pool, y).query(n_instances=12)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < size / 2


def test_dal_reads_what_it_samples(many, monkeypatch):
    read = []
    monkeypatch.setattr(_reader, "take", lambda X, rows: [read.append(len(rows)), take(X, rows)][1])
    pool = np.load(many, mmap_mode="r").reshape(MANY, 40)
    y = np.full(MANY, -1)
    y[:200] = 0
    NAMED["dal"].fit(pool, y).query(n_instances=12)
    # L, and ten times L in fit and in each of three mini-queries, the last ones of 204 and 208.
    assert read == [200, 2000, 2000, 2040, 2080]


def test_chunks_of_another_dtype_than_the_array_says():
    whole = (X[:300] * 16).astype(np.int16)
    chunks = [da.from_array(whole, chunks=150), da.from_array(X[300:].astype(float), chunks=150)]
    mixed = da.concatenate([chunks[0].map_blocks(lambda chunk: chunk, dtype=float), chunks[1]])
    assert mixed.dtype == float
    plain = np.concatenate([whole, X[300:].astype(float)])
    sampler = CoreSetSampler(two_rounds=False)
    expected = sampler.fit(plain, Y).query(n_instances=10)
    np.testing.assert_array_equal(sampler.fit(mixed, Y).query(n_instances=10), expected)


def test_settings_of_scikit_learn_reach_the_chunks():
    seen = []

    class Asking(LogisticRegression):
        def predict_proba(self, X):
            seen.append(get_config()["working_memory"])
            return super().predict_proba(X)

    sampler = UncertaintySampler(Asking(max_iter=1000)).fit(da.from_array(X, chunks=200), Y)
    with config_context(working_memory=7):
        sampler.query(n_instances=3)
    assert set(seen) == {7}
    assert len(seen) == 3


def test_row_numbers_on_their_way_to_workers_are_few():
    rows = np.delete(np.arange(10**6), np.arange(0, 10**6, 1000))
    for numbers in (rows, np.arange(5, 300, 7), np.array([3]), np.array([0, 10**9])):
        packed = _Packed(numbers)
        np.testing.assert_array_equal(packed.unpacked(), numbers)
        assert len(pickle.dumps(packed)) < 300 + 4 * min(len(numbers), 1000)


@pytest.mark.parametrize(
    ("pool", "message"),
    [
        (da.from_array(np.ma.masked_less(X, 0.5), chunks=200), r"\.filled\(0\) for masked"),
        (da.from_array(X).map_blocks(sp.csr_matrix), "whose chunks are scipy.sparse.*toarray"),
    ],
)
@pytest.mark.parametrize("name", NAMED)
def test_chunks_that_are_no_arrays_are_refused(name, pool, message):
    with pytest.raises(ValueError, match=message):
        NAMED[name].fit(pool, Y)


def test_frames_of_dask_are_refused():
    dd = pytest.importorskip("dask.dataframe")
    pd = pytest.importorskip("pandas")
    frame = dd.from_pandas(pd.DataFrame(X), npartitions=3)
    for sampler in NAMED.values():
        with pytest.raises(ValueError, match=r"to_dask_array\(lengths=True\)"):
            sampler.fit(frame, Y)
    for learner in (ActiveLearner(LOGISTIC, NAMED["dal"]), BudgetedLearner(LOGISTIC, budget=30)):
        with pytest.raises(ValueError, match=r"to_dask_array\(lengths=True\)"):
            learner.fit(frame, TRUTH)


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
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=True, dashboard_address=":0"
    )
    client = distributed.Client(cluster)
    yield client
    client.close()
    # On a busy machine workers take their time.
    cluster.close(timeout=120)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(
    "name", [pytest.param("dal, logistic", marks=pytest.mark.slow), "uncertainty", "core-set"]
)
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
    # It was at work when it died, and somebody has read the chunk that it was reading.
    by_place: dict[str, set[int]] = {}
    for mark in tmp_path.iterdir():
        place, reader, _ = mark.name.split("-")
        by_place.setdefault(place, set()).add(int(reader))
    assert len(victims) == 1
    assert any(victims[0] in readers and len(readers) > 1 for readers in by_place.values())


@pytest.mark.parametrize("sampler", [s for s in SAMPLERS if hasattr(s, "estimator")][4:])
def test_every_model_can_be_sent(sampler, cluster):
    sampler = _in_one_round(sampler)
    expected = sampler.fit(X, Y).query(n_instances=12)
    pool = da.from_array(X, chunks=(200, -1))
    np.testing.assert_array_equal(sampler.fit(pool, Y).query(n_instances=12), expected)
