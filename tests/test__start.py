"""Which rows are labeled first."""

from __future__ import annotations

import numpy as np
import pytest

from skdal._start import initial_rows


@pytest.mark.parametrize("seed", range(5))
def test_the_start_has_every_class_and_else_their_shares(seed):
    y = np.repeat(["a", "b", "c", "d"], [400, 97, 2, 1])
    np.random.RandomState(seed).shuffle(y)
    rows = initial_rows(y, 4, random_state=seed)
    assert sorted(y[rows]) == ["a", "b", "c", "d"]
    assert len(set(y[initial_rows(y, 3, random_state=seed)])) == 3
    drawn = y[initial_rows(y, 100, random_state=seed)]
    assert np.sum(drawn == "a") == pytest.approx(80, abs=1)
    assert np.sum(drawn == "b") == pytest.approx(19, abs=1)
    assert len(np.unique(initial_rows(y, 500, random_state=seed))) == 500


def test_the_start_within_a_class_is_random():
    y = np.repeat([0, 1], 50)
    draws = np.concatenate([initial_rows(y, 10, random_state=seed) for seed in range(300)])
    counts = np.bincount(draws, minlength=100)
    assert counts.min() > 10  # of 30 expected
    assert counts.max() < 55


def test_initial_rows_are_no_more_than_there_are():
    with pytest.raises(ValueError, match="n_rows=4 is more than the 3 rows"):
        initial_rows([0, 1, 2], 4)
