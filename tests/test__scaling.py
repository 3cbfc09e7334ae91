from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdal._scaling import CommonScaler

RNG = np.random.RandomState(0)
X = RNG.randn(200, 5)


@parametrize_with_checks([CommonScaler()])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_proportions_of_features_that_are_alike_stay():
    widths = np.array([0.5, 0.8, 1.0, 1.5, 2.0])
    rows = X * widths + 7
    scaled = CommonScaler().fit_transform(rows)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0) / rows.std(axis=0), 1 / rows[:, 2].std())
    # The scale of all of them together is of no account.
    np.testing.assert_allclose(CommonScaler().fit_transform(rows * 1e-6), scaled)


def test_features_of_quite_another_scale_are_brought_to_the_others():
    rows = X * [1e-6, 1.0, 1.0, 1.0, 1e6]
    scaled = CommonScaler().fit(rows).transform(rows).std(axis=0)
    np.testing.assert_allclose(scaled[[0, 4]], [1 / 3, 3])
    assert (scaled[1:4] > 0.8).all()


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6, -7.0])
def test_constant_features_neither_count_nor_divide_by_zero(value):
    rows = np.column_stack([X * 10, np.full(200, value)])
    scaler = CommonScaler().fit(rows)
    np.testing.assert_allclose(scaler.scale_[:-1], CommonScaler().fit(rows[:, :-1]).scale_)
    assert scaler.scale_[-1] == pytest.approx(np.median((X * 10).std(axis=0)))
    np.testing.assert_allclose(scaler.transform(rows)[:, -1], 0, atol=1e-9)
    alone = CommonScaler().fit(rows[:, -1:])
    np.testing.assert_allclose(alone.transform(rows[:, -1:] + 2), 2)


def test_a_single_row_and_a_copy():
    assert (CommonScaler().fit_transform([[3.0, 4.0]]) == 0).all()
    scaler = CommonScaler().fit(X)
    again = pickle.loads(pickle.dumps(scaler))
    np.testing.assert_array_equal(again.transform(X), scaler.transform(X))
    np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(X)), X)
    assert not hasattr(clone(scaler), "scale_")
    assert isinstance(scaler, StandardScaler)


def test_parts_are_as_good_as_the_whole():
    rows = X * [1e-6, 1.0, 1.0, 1.0, 1e6]
    parts = CommonScaler().partial_fit(rows[:80]).partial_fit(rows[80:])
    np.testing.assert_allclose(parts.scale_, CommonScaler().fit(rows).scale_)
