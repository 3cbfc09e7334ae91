from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdal import CoreSetSampler, RandomSampler, UncertaintySampler
from skdal._binding import check_sampler, choose, fit_bound, last
from tests.learner._shared import DAL, LABELED, TRUTH, EnoughLabels, Spy, X, Y

MODEL = LogisticRegression(max_iter=1000).fit(X, TRUTH)


def fit(sampler, model=MODEL, X=X, rows=LABELED, seed=0):
    return fit_bound(sampler, model, X, TRUTH[rows], rows, np.random.RandomState(seed))


def test_a_sampler_is_bound_to_the_model_and_the_model_is_not_touched():
    before = MODEL.coef_.copy(), dict(MODEL.get_params())
    sampler = UncertaintySampler()
    fitted = fit(sampler)
    assert isinstance(fitted.estimator, FrozenEstimator)
    assert fitted.estimator.estimator is MODEL
    assert MODEL.random_state is None
    assert_array_equal(MODEL.coef_, before[0])
    assert MODEL.get_params() == before[1]
    assert sampler.estimator is None
    assert not hasattr(sampler, "pool_rows_")


def test_a_model_of_its_own_stays():
    assert fit(UncertaintySampler(LogisticRegression(C=7, max_iter=1000))).estimator.C == 7


def test_no_model_is_nothing_to_bind_to():
    assert fit(Spy(), model=None).estimator is None


def test_the_last_step_of_a_pipeline_is_not_bound():
    fitted = fit(make_pipeline(StandardScaler(), Spy()))
    assert fitted[-1].estimator is None
    assert isinstance(fitted[-1].random_state, int)
    assert_array_equal(fitted[-1].labeled_rows_, LABELED)


def test_labels_in_any_order_of_their_rows():
    rows = LABELED[::-1]
    for X_kind in (X, X.tolist(), sp.csr_array(X)):
        Spy.fits.clear()
        fitted = fit(Spy(), X=X_kind, rows=rows)
        y = Spy.fits[0][1]
        assert [y[row] for row in LABELED] == TRUTH[LABELED].tolist()
        assert sum(label is None for label in y) == 140
        assert_array_equal(fitted.labeled_rows_, LABELED)


def test_seeds():
    drawn = [choose(fit(RandomSampler(), seed=seed), 5).tolist() for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    own = [choose(fit(RandomSampler(random_state=3), seed=seed), 5).tolist() for seed in (0, 1)]
    assert own[0] == own[1]
    nested = fit(DAL)
    assert isinstance(nested.discriminator.random_state, int)


def test_a_rule_is_fitted_like_a_sampler():
    rule = fit_bound(EnoughLabels(10), MODEL, X, TRUTH[LABELED], LABELED, 10)
    assert rule.stop_
    assert rule.estimator is MODEL


def test_a_pool_goes_through_the_pipeline():
    sampler = make_pipeline(StandardScaler(), PCA(2), CoreSetSampler())
    fitted = fit(sampler)
    assert_array_equal(choose(fitted, 4), fitted[-1].query(n_instances=4))
    Z = fitted[:-1].transform(X[:50])
    assert_array_equal(choose(fitted, 4, X[:50]), fitted[-1].query(Z, 4))
    alone = fit(make_pipeline(CoreSetSampler()))
    assert_array_equal(choose(alone, 4, X[:50]), alone[-1].query(X[:50], 4))
    plain = fit(CoreSetSampler(estimator="passthrough"))
    expected = CoreSetSampler().fit(X, Y).query(X[:50], 4)
    assert_array_equal(choose(plain, 4, X[:50]), expected)


def test_what_is_a_sampler():
    random = RandomSampler()
    assert last(random) is random
    assert last(make_pipeline(PCA(), random)) is random
    check_sampler("sampler", random)
    check_sampler("sampler", make_pipeline(PCA(), random))
    with pytest.raises(TypeError, match="sampler=RandomSampler is a class; pass an instance"):
        check_sampler("sampler", RandomSampler)
    for wrong in (PCA(), make_pipeline(PCA(), LogisticRegression()), "random"):
        with pytest.raises(TypeError, match=r"first=.* is neither a sampler nor .*RandomSampler"):
            check_sampler("first", wrong)
