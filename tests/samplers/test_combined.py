from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from skdal import BudgetedLearner, CombinedSampler, RandomSampler, UncertaintySampler
from skdal.samplers.combined import divide

X, TRUTH = load_iris(return_X_y=True)
Y = np.where(np.arange(150) % 5 == 0, TRUTH, -1)
MODEL = LogisticRegression(max_iter=1000)
PAIR = [("sure", UncertaintySampler(MODEL)), ("random", RandomSampler())]


def _combined(weights=None, samplers=PAIR, **params):
    return CombinedSampler(samplers, weights=weights, random_state=0, **params)


@pytest.mark.parametrize(
    ("n_rows", "weights", "expected"),
    [
        (10, [1, 1], [5, 5]),
        (5, [1, 1], [3, 2]),
        (1, [1, 3], [0, 1]),
        (10, [0, 2], [0, 10]),
        (7, [1, 1, 1], [3, 2, 2]),
        (100, [0.7, 0.2, 0.1], [70, 20, 10]),
        (3, [0.1, 0.2, 0.7], [0, 1, 2]),
    ],
)
def test_shares(n_rows, weights, expected):
    assert divide(n_rows, np.array(weights) / np.sum(weights)).tolist() == expected


@pytest.mark.parametrize("seed", range(20))
def test_shares_add_up(seed):
    rng = np.random.RandomState(seed)
    shares = rng.dirichlet(np.ones(rng.randint(1, 6)))
    n_rows = rng.randint(1, 100)
    counts = divide(n_rows, shares)
    assert counts.sum() == n_rows
    assert (np.abs(counts - n_rows * shares) < 1).all()


@pytest.mark.parametrize("n_instances", [1, 2, 7, 120])
@pytest.mark.parametrize("weights", [None, [3, 1], [0, 1]])
def test_each_takes_its_share(n_instances, weights):
    rows, details = _combined(weights).fit(X, Y).query(n_instances=n_instances, return_details=True)
    assert len(set(rows)) == n_instances
    expected = divide(n_instances, np.ones(2) / 2 if weights is None else np.array(weights) / 4)
    if weights == [0, 1]:
        expected = [0, n_instances]
    assert [(details.sampler == name).sum() for name in ("sure", "random")] == list(expected)


def test_the_next_chooses_among_what_is_left():
    twice = _combined(samplers=[("a", UncertaintySampler(MODEL)), ("b", UncertaintySampler(MODEL))])
    alone = UncertaintySampler(MODEL).fit(X, Y)
    np.testing.assert_array_equal(twice.fit(X, Y).query(n_instances=9), alone.query(n_instances=9))
    np.testing.assert_array_equal(twice.query(X[:40], 9), alone.query(X[:40], 9))


def test_parameters_of_the_samplers():
    sampler = _combined()
    assert sampler.get_params()["sure__measure"] == "entropy"
    sampler = clone(sampler).set_params(sure__measure="margin", random=UncertaintySampler(MODEL))
    assert sampler.get_params()["sure__measure"] == "margin"
    assert isinstance(sampler.samplers[1][1], UncertaintySampler)
    assert PAIR[0][1].measure == "entropy"
    sampler.fit(X, Y)
    assert sampler.named_samplers_.sure is sampler.samplers_[0]


def test_the_samplers_themselves_are_not_fitted():
    sampler = _combined().fit(X, Y)
    assert not any(hasattr(s, "pool_rows_") for _, s in sampler.samplers)


def test_in_a_learner():
    pair = [("sure", UncertaintySampler()), ("random", RandomSampler())]
    learner = BudgetedLearner(
        MODEL, _combined(samplers=pair), budget=30, n_instances=7, random_state=0
    ).fit(X, TRUTH)
    assert len(set(learner.labeled_rows_)) == 30


def test_without_labels():
    sampler = _combined(samplers=[("a", RandomSampler()), ("b", RandomSampler())])
    assert len(set(sampler.fit(X, np.full(150, -1)).query(n_instances=150))) == 150
    with pytest.raises(ValueError, match="no labeled row"):
        _combined().fit(X, np.full(150, -1))


@pytest.mark.parametrize(
    ("samplers", "message"),
    [
        ([], "is empty"),
        ([RandomSampler()], r"no pair \(name, sampler\)"),
        ([("a", MODEL)], "which is no sampler"),
        ([("a", RandomSampler)], "which is no sampler"),
        ([("a", RandomSampler()), ("a", RandomSampler())], "not unique"),
        ([("a__b", RandomSampler())], "__"),
    ],
)
def test_bad_samplers(samplers, message):
    with pytest.raises(ValueError, match=message):
        CombinedSampler(samplers).fit(X, Y)


@pytest.mark.parametrize("weights", [[1], [1, 2, 3], [-1, 2], [0, 0], [np.nan, 1], [np.inf, 1]])
def test_bad_weights(weights):
    with pytest.raises(ValueError, match=r"weights=.* must be 2 numbers"):
        _combined(weights).fit(X, Y)


def test_every_sampler_has_its_own_random_state():
    pair = [("a", RandomSampler(random_state=1)), ("b", RandomSampler(random_state=2))]
    sampler = CombinedSampler(pair).fit(X, Y)
    np.testing.assert_array_equal(sampler.query(n_instances=9), sampler.query(n_instances=9))


def test_a_learner_says_what_is_wrong():
    with pytest.raises(ValueError, match="no pair"):
        BudgetedLearner(MODEL, CombinedSampler([RandomSampler()]), budget=20).fit(X, TRUTH)
