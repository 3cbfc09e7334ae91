"""How a loop begins, how it ends, and what becomes of a training that fails."""

from __future__ import annotations

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdal import (
    ActiveLearner,
    CoreSetSampler,
    DivergenceStop,
    RandomSampler,
    UncertaintySampler,
)
from tests.learner._shared import (
    DAL,
    LABELED,
    MODEL,
    NAMES,
    TRUTH,
    Constant,
    Counting,
    EnoughLabels,
    X,
    Y,
    play,
)

# Cold start


@pytest.mark.parametrize("marker", [-1, np.nan, None], ids=["int", "float", "object"])
@pytest.mark.parametrize("truth", [TRUTH, NAMES], ids=["ints", "names"])
def test_no_label_at_all(marker, truth):
    learner = ActiveLearner(Counting(), random_state=0).fit(X, np.full(150, marker))
    for method in ("predict", "predict_proba", "score"):
        with pytest.raises(NotFittedError, match="no row is labeled; query"):
            getattr(learner, method)(*(X, truth)[: 1 + (method == "score")])
    assert not hasattr(learner, "estimator_")
    assert not hasattr(learner, "classes_")
    assert len(learner.labeled_rows_) == len(learner.labels_) == 0
    rows = learner.query(n_instances=20)
    assert_array_equal(learner.query(n_instances=20), rows)
    assert Counting.n_fits == 0
    learner.teach(rows, truth[rows])
    assert Counting.n_fits == 1
    assert set(learner.classes_) == set(truth[rows])
    assert learner.score(X, truth) > 0.8


def test_a_regressor_learns_from_the_first_label_on():
    learner = ActiveLearner(Ridge(), RandomSampler(), random_state=0).fit(X, np.full(150, np.nan))
    learner.teach([3], [1.5])
    assert_allclose(learner.predict(X), 1.5)


def test_the_first_batch_is_the_initial_samplers():
    y = np.full(150, -1)
    learner = ActiveLearner(MODEL, DAL, initial_sampler=CoreSetSampler(), random_state=0).fit(X, y)
    rows = learner.query(n_instances=6)
    assert_array_equal(rows, CoreSetSampler().fit(X, y).query(n_instances=6))
    # A single class is no reason to leave it.
    learner.teach(rows[:2], ["a", "a"])
    with pytest.raises(NotFittedError, match="a single class is known"):
        learner.predict(X)
    y = np.where(np.isin(np.arange(150), rows[:2]), 0, -1)
    assert_array_equal(
        learner.query(n_instances=6), CoreSetSampler().fit(X, y).query(n_instances=6)
    )
    pool, _ = learner.query(X[100:], 3)
    assert_array_equal(pool, CoreSetSampler().fit(X, y).query(X[100:], 3))


def test_an_initial_sampler_in_a_pipeline():
    initial = make_pipeline(StandardScaler(), CoreSetSampler())
    y = np.full(150, -1)
    learner = ActiveLearner(MODEL, DAL, initial_sampler=initial).fit(X, y)
    expected = clone(initial).fit(X, y)[-1].query(n_instances=6)
    assert_array_equal(learner.query(n_instances=6), expected)


def test_an_initial_sampler_that_needs_labels():
    learner = ActiveLearner(MODEL, initial_sampler=UncertaintySampler(MODEL))
    learner.fit(X, np.full(150, -1))
    with pytest.raises(ValueError, match=r"no labeled row.*UncertaintySampler.*RandomSampler"):
        learner.query()


def test_a_single_class_that_stays():
    learner = ActiveLearner(Counting(), random_state=0).fit(X, np.full(150, -1))
    for _ in range(3):
        rows = learner.query(n_instances=5)
        learner.teach(rows, np.full(5, "only"))
    assert Counting.n_fits == 0
    assert len(learner.labels_) == 15
    with pytest.raises(NotFittedError, match="a single class"):
        learner.predict(X)
    # With no row left to find another class in, the model has to say what it makes of it.
    rest = np.setdiff1d(np.arange(150), learner.labeled_rows_)
    with pytest.raises(ValueError, match="class"):
        learner.teach(rest, np.full(len(rest), "only"))
    assert len(learner.labels_) == 150
    constant = ActiveLearner(Constant()).fit(X, np.zeros(150, dtype=int))
    assert_array_equal(constant.predict(X), np.zeros(150))


def test_an_empty_pool():
    learner = ActiveLearner(MODEL, DAL).fit(X, TRUTH)
    with pytest.raises(ValueError, match=r"pool is empty.*-1, NaN or None in y.*query\(X_pool\)"):
        learner.query()
    learner.query(X[:5], 2)


def test_the_last_row_may_be_taught():
    learner = ActiveLearner(MODEL, RandomSampler(), random_state=0).fit(X, Y)
    rest = learner.query(n_instances=int(np.sum(Y == -1)))
    learner.teach(rest, TRUTH[rest])
    assert sorted(learner.labeled_rows_) == list(range(150))


# Training that fails


@pytest.mark.parametrize("error", [RuntimeError("no memory"), KeyboardInterrupt()])
@pytest.mark.parametrize("then", ["query", "pool", "teach", "should_stop"])
def test_a_training_that_fails_keeps_the_labels(error, then):
    learner = ActiveLearner(Counting(), DAL, stopping=EnoughLabels(14), random_state=0).fit(X, Y)
    undisturbed = ActiveLearner(MODEL, DAL, random_state=0).fit(X, Y)
    rows = learner.query(n_instances=4)
    Counting.raises = error
    with pytest.raises(type(error)):
        learner.teach(rows, TRUTH[rows])
    assert_array_equal(learner.labeled_rows_, [*LABELED, *rows])
    assert_array_equal(learner.labels_, TRUTH[learner.labeled_rows_])
    # Still: nothing may be chosen by a model that does not know all labels.
    with pytest.raises(type(error)):
        learner.query()
    Counting.raises = None
    Counting.n_fits = 0
    undisturbed.teach(rows, TRUTH[rows])
    if then == "teach":
        new = np.setdiff1d(np.arange(150), learner.labeled_rows_)[:1]
        learner.teach(new, TRUTH[new])
        undisturbed.teach(new, TRUTH[new])
    elif then == "should_stop":
        assert learner.should_stop()
    else:
        learner.query(X if then == "pool" else None, 3)
    assert Counting.n_fits == 1
    assert_array_equal(learner.predict_proba(X), undisturbed.predict_proba(X))
    assert_array_equal(learner.query(n_instances=5), undisturbed.query(n_instances=5))


@pytest.mark.parametrize("fitted", [True, False])
def test_a_fit_that_fails_leaves_the_learner_as_it_was(fitted):
    learner = ActiveLearner(Counting(), DAL, random_state=0)
    if fitted:
        rows = learner.fit(X, Y).query(n_instances=3)
        learner.teach(rows, TRUTH[rows])
    before = joblib.hash(vars(learner))
    for bad_X, bad_y in [(X, Y[1:]), (X, None), (X, np.where(Y == -1, np.nan, np.inf))]:
        with pytest.raises(ValueError):  # noqa: PT011
            learner.fit(bad_X, bad_y)
        assert joblib.hash(vars(learner)) == before
    Counting.raises = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        learner.fit(X[:100], Y[:100])
    assert joblib.hash(vars(learner)) == before


def test_a_fit_forgets_the_last():
    learner = ActiveLearner(MODEL, DAL, stopping=EnoughLabels(), random_state=0).fit(X, Y)
    play(learner, TRUTH)
    learner.should_stop()
    learner.fit(X, np.full(150, -1))
    assert not hasattr(learner, "estimator_")
    assert not hasattr(learner, "stopping_")
    assert len(learner.asked_rows_) == len(learner.labels_) == 0


# Stopping


def test_should_stop_asks_the_rule():
    rule = EnoughLabels(14)
    learner = ActiveLearner(MODEL, RandomSampler(), stopping=rule, random_state=0)
    learner.fit(X, np.full(150, -1))
    assert learner.should_stop() is False
    assert not hasattr(learner, "stopping_")
    rows = learner.query(n_instances=13)
    learner.teach(rows, TRUTH[rows])
    assert learner.should_stop() is False
    assert learner.stopping_.estimator is learner.estimator_
    assert learner.stopping_.n_labels_ == 13
    rows = learner.query()
    learner.teach(rows, TRUTH[rows])
    assert learner.should_stop() is True
    assert not hasattr(rule, "stop_")


def test_should_stop_with_a_pool_of_its_own():
    class Noting(EnoughLabels):
        def bind(self, model):
            return Noting(self.n_labels, model, self.random_state)

        def fit(self, X, y):
            self.seen_ = X, y
            return super().fit(X, y)

    learner = ActiveLearner(MODEL, RandomSampler(), stopping=Noting(12), random_state=0)
    learner.fit(X[LABELED], TRUTH[LABELED])
    with pytest.raises(ValueError, match=r"every row of fit's X came .*should_stop\(X_pool\)"):
        learner.should_stop()
    assert learner.should_stop(X[1:9]) is False
    seen, y = learner.stopping_.seen_
    assert_array_equal(seen, np.concatenate([X[LABELED], X[1:9]]))
    assert y.tolist() == [*TRUTH[LABELED], *[None] * 8]
    learner.teach(X[1:3], TRUTH[1:3])
    assert learner.should_stop(X[3:9]) is True
    for wrong, message in [(X[:0], "no rows"), (X[:3, :2], "2 features"), (X[0], "single row")]:
        with pytest.raises(ValueError, match=message):
            learner.should_stop(wrong)
    # A pool that is given takes the place of that of fit.
    both = ActiveLearner(MODEL, RandomSampler(), stopping=Noting(), random_state=0).fit(X, Y)
    both.should_stop(X[:5])
    assert len(both.stopping_.seen_[1]) == 15


def test_a_pool_that_is_used_up_is_a_reason_to_stop():
    learner = ActiveLearner(MODEL, RandomSampler(), stopping=DivergenceStop(), random_state=0)
    learner.fit(X, Y)
    rest = learner.query(n_instances=140)
    assert learner.teach(rest, TRUTH[rest]).should_stop() is True


def test_the_rules_seed_is_the_learners():
    def seed(random_state):
        learner = ActiveLearner(MODEL, stopping=EnoughLabels(), random_state=random_state)
        learner.fit(X, Y).should_stop()
        return learner.stopping_.random_state

    assert seed(0) == seed(0) != seed(1)


def test_separate_arrays_need_two_classes():
    with pytest.raises(ValueError, match="class"):
        ActiveLearner(MODEL, RandomSampler()).fit(X[:3], [0, 0, 0])


def test_there_is_no_rule_to_ask():
    learner = ActiveLearner(MODEL, RandomSampler())
    with pytest.raises(NotFittedError):
        learner.should_stop()
    with pytest.raises(ValueError, match=r"parameter stopping, which is None; pass one"):
        learner.fit(X, Y).should_stop()
