from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from skdal._ranking import top


@pytest.mark.parametrize("seed", range(20))
def test_it_is_a_stable_sort(seed):
    rng = np.random.RandomState(seed)
    n_rows = rng.randint(1, 40)
    # Few values, so that there are ties.
    scores = rng.randint(-3, 4, size=n_rows) / 2
    for n_instances in range(1, n_rows + 1):
        expected = np.argsort(-scores, kind="stable")[:n_instances]
        np.testing.assert_array_equal(top(scores, n_instances), expected)


def test_all_equal():
    assert top(np.zeros(5), 3).tolist() == [0, 1, 2]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_extremes(dtype):
    info = np.finfo(dtype) if dtype is not np.int64 else SimpleNamespace(max=9, min=-9)
    scores = np.array([0, info.max, info.min, 1, info.max], dtype=dtype)
    assert top(scores, 4).tolist() == [1, 4, 3, 0]


def test_equals_at_the_end_are_drawn():
    scores = np.array([2.0, 1, 1, 1, 1, 3])
    drawn = {tuple(top(scores, 4, np.random.RandomState(seed))) for seed in range(50)}
    assert {rows[:2] for rows in drawn} == {(5, 0)}
    assert {rows[2:] for rows in drawn} == {(1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4)}


def test_nothing_is_drawn_where_nothing_is_equal():
    random_state = np.random.RandomState(0)
    assert top(np.array([2.0, 1, 3]), 2, random_state).tolist() == [2, 0]
    assert random_state.randint(1000) == np.random.RandomState(0).randint(1000)
