from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits

from skdal import datasets
from skdal.datasets import load


def test_digits_are_split_in_strata_and_scaled():
    digits = load("digits")
    assert (digits.X.shape, digits.X_test.shape) == ((1198, 64), (599, 64))
    assert (digits.y.shape, digits.y_test.shape) == ((1198,), (599,))
    for part in (digits.X, digits.X_test):
        assert part.min() == 0
        assert part.max() == 1
    shares = np.bincount(digits.y_test) / np.bincount(np.r_[digits.y, digits.y_test])
    assert shares == pytest.approx(1 / 3, abs=0.01)


def test_every_digit_is_in_one_part_with_its_label():
    digits, (X, y) = load("digits"), load_digits(return_X_y=True)

    def rows(X, y):
        return sorted(map(tuple, np.column_stack([X, y])))

    found = rows(np.vstack([digits.X, digits.X_test]) * 16, np.r_[digits.y, digits.y_test])
    assert found == rows(X, y)


@pytest.mark.parametrize("name", datasets.NAMES)
def test_every_call_returns_the_same(name):
    first, second = load(name), load(name)
    assert set(first) == {"X", "y", "X_test", "y_test"}
    for part in first:
        assert_array_equal(first[part], second[part])


def test_unknown_names_list_the_known():
    with pytest.raises(ValueError, match=r"'digit' .* one of digits"):
        load("digit")
