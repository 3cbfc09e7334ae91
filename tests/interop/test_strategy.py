"""Samplers in the loop of scikit-activeml."""

from __future__ import annotations

import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from skdal import (
    CombinedSampler,
    CoreSetSampler,
    DeepFoolSampler,
    DiscriminativeSampler,
    ExpectedGradientLengthSampler,
    RandomSampler,
    UncertaintySampler,
)
from tests._samplers import SAMPLERS

pytest.importorskip("skactiveml", reason="needs scikit-activeml; `make test` installs it")

from skactiveml import pool
from skactiveml.classifier import ParzenWindowClassifier, SklearnClassifier
from skactiveml.utils import call_func

from skdal.interop import SamplerQueryStrategy, SkactivemlSampler

X, TRUE = load_digits(return_X_y=True)
# Few columns and classes are enough here, and quick.
KEPT = np.flatnonzero(TRUE < 3)[:120]
X, TRUE = X[KEPT][:, 20:30] / 16, TRUE[KEPT]
START = np.arange(0, 120, 6)
POOL = np.setdiff1d(np.arange(120), START)
NAMES = np.array(["zero", "one", "two"])
QUICK = LogisticRegression(max_iter=1000)
CLF = SklearnClassifier(QUICK)


def _labels():
    y = np.full(len(X), np.nan)
    y[START] = TRUE[START]
    return y


def _play(strategy, n_rounds=3, batch_size=7, **params):
    """Play the loop of the tutorials of scikit-activeml."""
    y = _labels()
    taken = []
    for _ in range(n_rounds):
        rows = strategy.query(X, y, batch_size=batch_size, **params)
        assert np.isnan(y[rows]).all()
        y[rows] = TRUE[rows]
        taken.append(rows)
    assert np.isfinite(y).sum() == len(START) + n_rounds * batch_size
    return np.concatenate(taken)


def _name(sampler):
    return f"{type(sampler).__name__}-{joblib.hash(sampler.get_params())[:6]}"


@pytest.mark.parametrize("sampler", SAMPLERS, ids=_name)
def test_every_sampler(sampler):
    strategy = SamplerQueryStrategy(sampler, random_state=0)
    before = joblib.hash(strategy.get_params())
    taken = _play(strategy, n_rounds=2)
    np.testing.assert_array_equal(_play(clone(strategy), n_rounds=2), taken)
    assert joblib.hash(strategy.get_params()) == before
    assert not hasattr(strategy.sampler, "pool_rows_")


@pytest.mark.parametrize("sampler", SAMPLERS, ids=_name)
def test_utilities(sampler):
    strategy = SamplerQueryStrategy(sampler, random_state=0)
    y = _labels()
    rows, utilities = strategy.query(X, y, batch_size=4, return_utilities=True)
    assert rows.dtype.kind == "i"
    assert utilities.shape == (4, len(X))
    for i in range(4):
        candidates = np.setdiff1d(POOL, rows[:i])
        np.testing.assert_array_equal(np.flatnonzero(~np.isnan(utilities[i])), candidates)
    np.testing.assert_array_equal(strategy.query(X, y, batch_size=4), rows)


@pytest.mark.parametrize(
    "sampler",
    [
        UncertaintySampler(),
        DeepFoolSampler(),
        CoreSetSampler(),
        DiscriminativeSampler(QUICK, n_mini_queries=2),
        CombinedSampler([("uncertain", UncertaintySampler()), ("random", RandomSampler())]),
    ],
    ids=lambda sampler: type(sampler).__name__,
)
@pytest.mark.parametrize("clf", [CLF, QUICK], ids=["wrapped", "plain"])
def test_the_task_model_of_the_loop(sampler, clf):
    strategy = SamplerQueryStrategy(sampler, random_state=0)
    before = joblib.hash(clf)
    taken = _play(strategy, clf=clf)
    assert joblib.hash(clf) == before
    # One that is trained already.
    fitted = clone(QUICK).fit(X[START], TRUE[START])
    if clf is CLF:
        fitted = SklearnClassifier(fitted)
    rows = strategy.query(X, _labels(), clf=fitted, fit_clf=False, batch_size=7)
    np.testing.assert_array_equal(rows, taken[:7])


def test_the_best_by_the_task_model():
    model = clone(QUICK).fit(X[START], TRUE[START].astype(float))
    strategy = SamplerQueryStrategy(UncertaintySampler(measure="variation_ratio"))
    rows, utilities = strategy.query(X, _labels(), clf=CLF, batch_size=3, return_utilities=True)
    ratios = 1 - model.predict_proba(X[POOL]).max(axis=1)
    np.testing.assert_allclose(utilities[0, POOL], ratios)
    np.testing.assert_array_equal(rows, POOL[np.argsort(-ratios, kind="stable")[:3]])
    np.testing.assert_array_equal(np.nanargmax(utilities, axis=1), rows)
    theirs = pool.UncertaintySampling().query(X, _labels(), clf=CLF, batch_size=3)
    np.testing.assert_array_equal(rows, theirs)


def test_without_scores_utilities_say_what_is_taken():
    strategy = SamplerQueryStrategy(RandomSampler(), random_state=0)
    rows, utilities = strategy.query(X, _labels(), batch_size=3, return_utilities=True)
    np.testing.assert_array_equal(np.nanargmax(utilities, axis=1), rows)
    assert set(np.unique(utilities[:, POOL])[:2]) == {0, 1}


def test_a_sampler_looks_into_a_wrapped_model():
    perceptron = MLPClassifier((5,), solver="lbfgs", alpha=1, tol=0.1, max_iter=10_000)
    perceptron.set_params(random_state=0)
    strategy = SamplerQueryStrategy(ExpectedGradientLengthSampler(), random_state=0)
    assert len(_play(strategy, clf=SklearnClassifier(perceptron))) == 21


def test_a_native_model():
    strategy = SamplerQueryStrategy(UncertaintySampler(), random_state=0)
    assert len(_play(strategy, clf=ParzenWindowClassifier(classes=[0, 1, 2]))) == 21


# Candidates


def test_candidates_by_number():
    strategy = SamplerQueryStrategy(UncertaintySampler(QUICK), random_state=0)
    some = POOL[::-3]
    rows, utilities = strategy.query(
        X, _labels(), candidates=some, batch_size=4, return_utilities=True
    )
    assert np.isin(rows, some).all()
    np.testing.assert_array_equal(np.flatnonzero(~np.isnan(utilities[0])), np.sort(some))
    with pytest.raises(ValueError, match="must not contain labeled"):
        strategy.query(X, _labels(), candidates=START)


@pytest.mark.parametrize(
    "sampler", [UncertaintySampler(QUICK), CoreSetSampler()], ids=lambda s: type(s).__name__
)
def test_candidates_that_are_rows(sampler):
    strategy = SamplerQueryStrategy(sampler, random_state=0)
    by_number = strategy.query(X, _labels(), batch_size=4)
    rows, utilities = strategy.query(
        X, _labels(), candidates=X[POOL], batch_size=4, return_utilities=True
    )
    np.testing.assert_array_equal(POOL[rows], by_number)
    assert utilities.shape == (4, len(POOL))
    assert not np.isnan(utilities[0]).any()


def test_a_batch_of_more_than_there_is():
    strategy = SamplerQueryStrategy(RandomSampler(), random_state=0)
    with pytest.warns(UserWarning, match="larger than number of candidates"):
        rows = strategy.query(X, _labels(), candidates=POOL[:3], batch_size=5)
    np.testing.assert_array_equal(np.sort(rows), POOL[:3])


# Labels


@pytest.mark.parametrize("marker", [None, "nobody knows"])
def test_strings(marker):
    y = np.full(len(X), marker, dtype=object)
    y[START] = NAMES[TRUE[START]]
    numbers = SamplerQueryStrategy(UncertaintySampler(), random_state=0)
    expected = numbers.query(X, np.where(np.isnan(_labels()), np.nan, _labels()), clf=CLF)
    strategy = SamplerQueryStrategy(UncertaintySampler(), missing_label=marker, random_state=0)
    if marker is not None:
        y = y.astype(str)
    clf = SklearnClassifier(QUICK, missing_label=marker)
    np.testing.assert_array_equal(strategy.query(X, y, clf=clf), expected)


def test_minus_one_may_be_a_label_or_the_marker():
    y = np.where(np.isin(np.arange(120), START), np.where(TRUE == 0, -1.0, 1.0), np.nan)
    strategy = SamplerQueryStrategy(UncertaintySampler(QUICK), random_state=0)
    assert np.isin(strategy.query(X, y, batch_size=5), POOL).all()
    y = np.where(np.isnan(y), -1, TRUE)
    strategy = SamplerQueryStrategy(UncertaintySampler(QUICK), missing_label=-1)
    assert np.isin(strategy.query(X, y, batch_size=5), POOL).all()


def test_before_the_first_label():
    y = np.full(len(X), np.nan)
    assert len(SamplerQueryStrategy(CoreSetSampler()).query(X, y, batch_size=5)) == 5
    strategy = SamplerQueryStrategy(UncertaintySampler())
    with pytest.raises(ValueError, match="estimator=None"):
        strategy.query(X, _labels())
    with pytest.raises(ValueError, match="y has no labeled row"):
        SamplerQueryStrategy(UncertaintySampler(QUICK)).query(X, y)
    # The wrapper guesses, and says so.
    clf = SklearnClassifier(QUICK, classes=[0, 1, 2])
    with pytest.warns(UserWarning, match="could not be fitted"):
        assert len(strategy.query(X, y, clf=clf, batch_size=5)) == 5


# What scikit-activeml does with strategies


def test_call_func():
    strategy = SamplerQueryStrategy(UncertaintySampler(), random_state=0)
    rows = call_func(strategy.query, X=X, y=_labels(), clf=CLF, reg=None, discriminator=None)
    np.testing.assert_array_equal(rows, strategy.query(X, _labels(), clf=CLF))


def test_in_a_wrapper():
    strategy = pool.SubSamplingWrapper(
        SamplerQueryStrategy(UncertaintySampler()), max_candidates=30, random_state=0
    )
    rows, utilities = strategy.query(X, _labels(), clf=CLF, batch_size=4, return_utilities=True)
    assert np.isin(rows, POOL).all()
    assert np.isfinite(utilities[0]).sum() == 30


def test_there_and_back():
    sampler = DiscriminativeSampler(QUICK, n_mini_queries=2)
    there = SamplerQueryStrategy(SkactivemlSampler(pool.CoreSet()))
    assert len(_play(there)) == 21
    back = SkactivemlSampler(SamplerQueryStrategy(sampler), QUICK, random_state=0)
    y = np.where(np.isin(np.arange(120), START), TRUE, -1)
    np.testing.assert_array_equal(
        back.fit(X, y).query(n_instances=5), back.fit(X, y).query(n_instances=5)
    )


def test_the_random_state_moves_on_with_the_loop():
    strategy = SamplerQueryStrategy(RandomSampler(), random_state=0)
    y = _labels()
    first = strategy.query(X, y, batch_size=5)
    y[first[0]] = 0
    assert strategy.query(X, y, batch_size=5).tolist() != first.tolist()


def test_an_estimator_like_any_other():
    strategy = SamplerQueryStrategy(RandomSampler(random_state=3), missing_label=-1)
    assert clone(strategy).sampler.random_state == 3
    assert "RandomSampler(random_state=3)" in repr(strategy)
    assert strategy.get_params()["sampler__random_state"] == 3
    again = pickle.loads(pickle.dumps(strategy))
    y = np.where(np.isin(np.arange(120), START), TRUE, -1)
    np.testing.assert_array_equal(again.query(X, y), strategy.query(X, y))


# Bad input


@pytest.mark.parametrize("sampler", [None, QUICK, RandomSampler, "random"])
def test_no_sampler(sampler):
    with pytest.raises(TypeError, match="is no sampler; pass an instance"):
        SamplerQueryStrategy(sampler).query(X, _labels())


def test_nothing_to_choose_from():
    strategy = SamplerQueryStrategy(RandomSampler())
    with (
        pytest.warns(UserWarning, match="larger than number of candidates"),
        pytest.raises(ValueError, match=r"no row to choose.*missing_label=nan"),
    ):
        strategy.query(X, TRUE.astype(float))


def test_a_model_that_is_not_fitted():
    strategy = SamplerQueryStrategy(UncertaintySampler())
    for clf in (QUICK, CLF):
        with pytest.raises(NotFittedError):
            strategy.query(X, _labels(), clf=clf, fit_clf=False)


@pytest.mark.parametrize("clf", [MLPClassifier(), QUICK, ParzenWindowClassifier(classes=[0, 1, 2])])
def test_a_cold_start_with_a_model(clf):
    y = np.full(len(X), np.nan)
    strategy = SamplerQueryStrategy(CoreSetSampler(), random_state=0)
    expected = CoreSetSampler().fit(X, np.full(len(X), -1)).query(n_instances=5)
    np.testing.assert_array_equal(strategy.query(X, y, clf=clf, batch_size=5), expected)
    # A sampler that cannot do without the model says so.
    with pytest.raises(ValueError, match=r"no labeled row|needs"):
        SamplerQueryStrategy(UncertaintySampler()).query(X, y, clf=QUICK)
