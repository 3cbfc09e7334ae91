from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.utils import Bunch

from skdal import CoreSetSampler, RandomSampler
from skdal.base import BaseSampler

X = np.arange(20.0).reshape(10, 2)
Y = np.array([0, -1, 1, -1, -1, 0, -1, -1, 1, -1])


class LastRows(BaseSampler):
    """Takes the highest row numbers, and tells what it was given."""

    def __init__(self, estimator=None, *, max_candidates=None, fail=False, random_state=None):
        self.estimator = estimator
        self.max_candidates = max_candidates
        self.fail = fail
        self.random_state = random_state

    def _fit(self, X, y):
        self.seen_ = (X, y)
        if not len(self.labeled_rows_) % 2:
            self.even_ = True
        if self.fail:
            raise RuntimeError("as told")

    def _select(self, X, rows, n_instances, random_state):
        return Bunch(
            rows=rows[::-1][:n_instances],
            scores=np.arange(n_instances, 0.0, -1),
            X=X,
            candidates=rows,
            draw=random_state.rand(),
        )


class TestFit:
    def test_what_a_subclass_is_given(self):
        sampler = LastRows().fit(X, Y)
        np.testing.assert_array_equal(sampler.labeled_rows_, [0, 2, 5, 8])
        np.testing.assert_array_equal(sampler.pool_rows_, [1, 3, 4, 6, 7, 9])
        seen_X, seen_y = sampler.seen_
        np.testing.assert_array_equal(seen_X, X)
        assert seen_y.tolist() == [0, 1, 0, 1]

    def test_labels_lose_their_markers(self):
        y = np.array(["a", None, "b"] + [None] * 7, dtype=object)
        assert LastRows().fit(X, y).seen_[1].dtype.kind == "U"

    def test_without_y_every_row_is_labeled(self):
        sampler = LastRows().fit(X)
        assert len(sampler.labeled_rows_) == 10
        assert len(sampler.pool_rows_) == 0
        assert sampler.seen_[1] is None

    def test_x_is_kept_not_copied(self):
        sampler = LastRows().fit(X, Y)
        assert np.shares_memory(sampler.query(return_details=True)[1].X, X)

    def test_no_labeled_row(self):
        y = np.full(10, -1)
        with pytest.raises(ValueError, match=r"y has no labeled row.*LastRows.*RandomSampler"):
            LastRows().fit(X, y)
        assert len(RandomSampler().fit(X, y).query(n_instances=10)) == 10

    def test_a_failed_fit_leaves_the_sampler_as_it_was(self):
        sampler = LastRows(random_state=0).fit(X, Y)
        before = dict(vars(sampler))
        with pytest.raises(RuntimeError, match="as told"):
            sampler.set_params(fail=True).fit(X[:4], Y[:4])
        assert {**vars(sampler), "fail": False} == before
        assert len(sampler.query(n_instances=6)) == 6

    def test_a_failed_first_fit_leaves_it_unfitted(self):
        sampler = LastRows(fail=True)
        with pytest.raises(RuntimeError):
            sampler.fit(X, Y)
        with pytest.raises(NotFittedError):
            sampler.query()

    def test_what_the_last_fit_knew_is_gone(self):
        sampler = LastRows().fit(X, Y)
        assert sampler.even_
        sampler.fit(X[:3], Y[:3])
        assert sampler.even_
        sampler.fit(X[:2], Y[:2])
        assert not hasattr(sampler, "even_")
        assert sampler.labeled_rows_.tolist() == [0]


class TestQuery:
    def test_pool_of_fit(self):
        rows, details = LastRows().fit(X, Y).query(n_instances=2, return_details=True)
        assert rows.tolist() == [9, 7]
        np.testing.assert_array_equal(details.rows, rows)
        np.testing.assert_array_equal(details.candidates, [1, 3, 4, 6, 7, 9])
        np.testing.assert_array_equal(details.X, X)

    def test_another_pool(self):
        pool = np.arange(6.0).reshape(3, 2)
        rows, details = LastRows().fit(X, Y).query(pool, 2, return_details=True)
        assert rows.tolist() == [2, 1]
        np.testing.assert_array_equal(details.candidates, [0, 1, 2])
        np.testing.assert_array_equal(details.X, pool)

    def test_one_row_by_default(self):
        assert LastRows().fit(X, Y).query().tolist() == [9]

    @pytest.mark.parametrize("n_instances", [2, np.int32(2), np.uint8(2)])
    def test_any_integer(self, n_instances):
        assert LastRows().fit(X, Y).query(n_instances=n_instances).tolist() == [9, 7]

    @pytest.mark.parametrize("number", [100, 2.5, np.int64(3), True])
    def test_a_number_in_place_of_x(self, number):
        with pytest.raises(TypeError, match=r"query\(.*n_instances="):
            LastRows().fit(X, Y).query(number)

    def test_seed(self):
        def draw(random_state):
            sampler = LastRows(random_state=random_state).fit(X, Y)
            return sampler.query(return_details=True)[1].draw

        assert draw(0) == draw(0) != draw(1)
        assert draw(np.random.RandomState(0)) == draw(0)
        assert draw(None) != draw(None)

    def test_a_random_state_instance_goes_on(self):
        sampler = LastRows(random_state=np.random.RandomState(0)).fit(X, Y)
        draws = [sampler.query(return_details=True)[1].draw for _ in range(2)]
        assert draws[0] != draws[1]

    def test_max_candidates(self):
        def candidates(limit, seed=0):
            sampler = LastRows(max_candidates=limit, random_state=seed).fit(X, Y)
            return sampler.query(return_details=True)[1].candidates

        pool = [1, 3, 4, 6, 7, 9]
        for limit in (None, 6, 7, 100):
            assert candidates(limit).tolist() == pool
        seen = set()
        for seed in range(50):
            drawn = candidates(3, seed).tolist()
            assert drawn == sorted(set(drawn))
            assert len(drawn) == 3
            seen |= set(drawn)
        assert seen == set(pool)

    def test_max_candidates_too_small(self):
        sampler = LastRows(max_candidates=3).fit(X, Y)
        assert len(sampler.query(n_instances=3)) == 3
        with pytest.raises(ValueError, match="n_instances=4 is more than max_candidates=3; raise"):
            sampler.query(n_instances=4)

    def test_empty_pool(self):
        sampler = LastRows().fit(X)
        with pytest.raises(ValueError, match=r"pool is empty.*-1, NaN or None"):
            sampler.query()
        assert sampler.query(X).tolist() == [9]


class TestBind:
    def test_a_missing_estimator_becomes_the_model(self):
        model = LogisticRegression().fit(X, np.arange(10) % 2)
        sampler = LastRows(random_state=0)
        bound = sampler.bind(model)
        assert isinstance(bound.estimator, FrozenEstimator)
        assert bound.estimator.estimator is model
        assert sampler.estimator is None
        assert bound is not sampler
        assert bound.random_state == 0

    def test_an_estimator_stays(self):
        own = LogisticRegression(C=7)
        assert LastRows(own).bind(LogisticRegression()).estimator.C == 7

    def test_a_sampler_without_estimator(self):
        bound = RandomSampler(random_state=3).bind(LogisticRegression())
        assert bound.get_params() == {"random_state": 3}

    def test_a_fitted_sampler_comes_back_unfitted(self):
        assert not hasattr(LastRows().fit(X, Y).bind(None), "pool_rows_")


class TestModal:
    def test_all_labels_are_known(self):
        # -1 is a label like any other here: modAL has no marker.
        learner = SimpleNamespace(
            X_training=X[:4], y_training=[-1, 1, -1, 1], estimator=LogisticRegression()
        )
        sampler = LastRows()
        before = dict(vars(sampler))
        pair = sampler(learner, X[4:], n_instances=2, verbose=True)
        assert type(pair) is tuple
        rows, scores = pair
        assert rows.tolist() == [5, 4]
        assert scores.tolist() == [2, 1]
        assert vars(sampler) == before

    def test_a_model_that_is_not_trained_yet_is_left_alone(self):
        learner = SimpleNamespace(X_training=None, y_training=None, estimator=MLPClassifier())
        sampler = CoreSetSampler(random_state=0)
        rows, _ = sampler(learner, X, n_instances=3)
        expected = sampler.fit(X, np.full(len(X), -1)).query(n_instances=3)
        assert rows.tolist() == expected.tolist()


def test_the_base_class_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        BaseSampler()


def test_a_strategy_is_two_methods_and_can_be_cloned():
    assert clone(LastRows(max_candidates=3)).max_candidates == 3


class Wrong(RandomSampler):
    """Chooses what it must not."""

    def _select(self, X, rows, n_instances, random_state):
        return Bunch(rows=np.zeros(n_instances, dtype=int), scores=np.zeros(n_instances))


def test_a_strategy_that_breaks_the_contract():
    sampler = Wrong().fit(np.eye(4), [0, -1, -1, -1])
    with pytest.raises(ValueError, match="Wrong chose"):
        sampler.query(n_instances=2)


@pytest.mark.parametrize(
    "returned", [np.array([1, 2]), Bunch(rows=np.array([1, 2])), {"rows": [1, 2], "scores": [0, 0]}]
)
def test_a_strategy_that_returns_something_else(returned, monkeypatch):
    monkeypatch.setattr(Wrong, "_select", lambda *_: returned)
    sampler = Wrong().fit(np.eye(4), [0, -1, -1, -1])
    with pytest.raises(ValueError, match=r"_select of Wrong returned .*Bunch\(rows=\.\.\., scores"):
        sampler.query(n_instances=2)


def test_rows_in_a_list(monkeypatch):
    monkeypatch.setattr(Wrong, "_select", lambda *_: Bunch(rows=[1, 2], scores=[0.0, 0.0]))
    with pytest.raises(ValueError, match=r"Wrong chose \[1, 2\]; .* an array of 2 different rows"):
        Wrong().fit(np.eye(4), [0, -1, -1, -1]).query(n_instances=2)


def test_masked_arrays():
    X = np.ma.array(np.eye(3), mask=np.eye(3) == 1)
    with pytest.raises(ValueError, match="X is a masked array"):
        RandomSampler().fit(X, [0, -1, 1])
    y = np.ma.array([0, 1, 0], mask=[False, True, False])
    assert RandomSampler().fit(np.eye(3), y).pool_rows_.tolist() == [1]


@pytest.mark.parametrize("X", [["a text", "another", "one more"], [[np.nan], [1], [2]]])
def test_random_takes_anything(X):
    assert sorted(RandomSampler().fit(X, [0, -1, -1]).query(n_instances=2)) == [1, 2]


@pytest.mark.parametrize("X", ["abc", b"abc", {"a": 1}, []])
def test_random_takes_no_nonsense(X):
    with pytest.raises(ValueError, match="holds no rows"):
        RandomSampler().fit(X)
