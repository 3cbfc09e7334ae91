"""How far a pool is labeled."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn import config_context
from sklearn.datasets import load_digits

from skdal.tables import pool_status, status
from tests._pools import labels_of

X, y = load_digits(return_X_y=True)


def test_the_status(tmp_path):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    rng = np.random.RandomState(0)
    rows = np.sort(rng.choice(len(X), 300, replace=False))
    found = pool_status(mapped, labels_of(y, rows), random_state=0)
    assert found.n_unlabeled == 1497
    assert found.n_compared == 300
    assert found.test.p_value > 0.05
    assert found.n_covered == 1797
    distances = cdist(X, X[rows]).min(axis=1)
    assert found.radius == pytest.approx(distances.max())
    worst = distances.argsort()[-5:]
    less = pool_status(X, labels_of(y, rows, np.sort(worst)), random_state=0)
    assert less.n_unlabeled == 1492
    assert less.radius == pytest.approx(np.sort(distances)[-6])
    biased = pool_status(X, labels_of(y, np.flatnonzero(y < 5)), random_state=0)
    assert biased.test.divergence > 1


def test_the_status_of_a_large_pool_is_that_of_a_sample(monkeypatch):
    monkeypatch.setattr(status, "_MAX_COVERED", 500)
    monkeypatch.setattr(status, "_MAX_COMPARED", 20)
    labels = labels_of(y, np.arange(100))
    found, again = (pool_status(X, labels, random_state=0) for _ in range(2))
    assert (found.n_compared, found.n_covered) == (20, 500)
    assert found.radius == again.radius
    assert found.test.divergence == again.test.divergence
    monkeypatch.setattr(status, "_MAX_COVERED", 20_000)
    assert found.radius <= pool_status(X, labels, random_state=0).radius


def test_the_status_takes_no_more_memory_than_it_may():
    rows = np.sort(np.random.RandomState(0).choice(len(X), 150, replace=False))
    labels = labels_of(y, rows)
    whole = pool_status(X, labels, random_state=0)
    # So much that 40 rows are a quarter of it.
    with config_context(working_memory=4 * 40 * X[0].nbytes / 2**20):
        found = pool_status(X, labels, random_state=0)
    assert (found.n_compared, found.n_covered) == (20, 40)
    assert 0 < found.radius <= whole.radius
    sample = np.sort(np.random.RandomState(1).choice(len(X), 400, replace=False))
    expected = cdist(X[sample], X[rows]).min(axis=1).max()
    assert status._radius(X, sample, rows, 40) == pytest.approx(expected)


def test_the_status_of_few_labels():
    empty = pool_status(X, labels_of(y, []), random_state=0)
    assert empty.test is empty.radius is None
    few = pool_status(X, labels_of(y, np.arange(4)), random_state=0)
    assert few.test is None
    assert few.radius > 0
    same = pool_status(np.ones((20, 3)), labels_of(y, np.arange(10)), random_state=0)
    assert same.test is None
    assert same.radius == 0
