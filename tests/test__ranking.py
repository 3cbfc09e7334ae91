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
