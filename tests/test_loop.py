"""The loop by itself. What learners make of it is in tests/learner."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdal import CoreSetSampler, RandomSampler, UncertaintySampler
from skdal.loop import can_train, check_weights, play
from tests.learner._shared import DAL, MODEL, TRUTH, Counting, EnoughLabels, Spy, X

WEIGHTS = np.linspace(0.1, 5, 150)


class Weighed(Counting):
    """A classifier that notes what it was fitted with."""

    def fit(self, X, y, sample_weight=None, other=None):
        self.noted_ = sample_weight, other
        return super().fit(X, y, sample_weight)


def rows_of(steps):
    return np.concatenate([step.rows for step in steps])


def test_weights_are_cut_and_other_parameters_are_not():
    params = {"sample_weight": WEIGHTS, "other": "of another kind"}
    steps = list(
        play(Weighed(), RandomSampler(), X, TRUTH, budget=30, fit_params=params, random_state=0)
    )
    for number, step in enumerate(steps):
        weights, other = step.model.noted_
        assert_array_equal(weights, WEIGHTS[rows_of(steps[: number + 1])])
        assert other == "of another kind"
    plain = next(play(Weighed(), RandomSampler(), X, TRUTH, random_state=0))
    assert plain.model.noted_ == (None, None)


def test_weights_go_with_the_rows():
    with pytest.raises(ValueError, match="sample_weight has 149 rows, but X has 150"):
        play(Weighed(), DAL, X, TRUTH, fit_params={"sample_weight": WEIGHTS[1:]})
    for params in (None, {}, {"sample_weight": None}, {"sample_weight": 2.0}, {"other": [1]}):
        check_weights(params, 150)


def test_a_rule_that_watches_changes_nothing():
    def result(stopping):
        steps = list(play(MODEL, DAL, X, TRUTH, budget=50, stopping=stopping, random_state=0))
        return rows_of(steps).tolist(), [step.model.coef_.tolist() for step in steps]

    rows, models = result(None)
    for n_labels, n_steps in [(1000, 5), (30, 3), (1, 1)]:
        watched = result(EnoughLabels(n_labels))
        assert watched == (rows[: 10 * n_steps], models[:n_steps])


def test_what_a_rule_says_is_in_the_step():
    steps = list(play(MODEL, DAL, X, TRUTH, budget=30, stopping=EnoughLabels(20), random_state=0))
    assert [step.stopping.stop_ for step in steps] == [False, True]
    assert [step.stopping.n_labels_ for step in steps] == [10, 20]
    assert all(step.stopping.estimator is step.model for step in steps)
    # Drawn by the labels alone, whatever the loop has drawn.
    assert [step.stopping.random_state for step in steps] != [None, None]
    assert next(play(MODEL, DAL, X, TRUTH)).stopping is None


def test_an_initial_sampler_and_its_seed():
    def start(random_state, sampler=RandomSampler()):  # noqa: B008
        loop = play(MODEL, DAL, X, TRUTH, initial_sampler=sampler, random_state=random_state)
        return next(loop).rows.tolist()

    assert start(0) == start(0) != start(1)
    scaled = start(0, make_pipeline(StandardScaler(), CoreSetSampler()))
    Z = StandardScaler().fit_transform(X)
    assert scaled == CoreSetSampler().fit(Z, np.full(150, -1)).query(n_instances=10).tolist()


def test_an_initial_sampler_sees_no_label():
    Spy.fits.clear()
    next(play(MODEL, DAL, X, TRUTH, initial_sampler=Spy(), random_state=0))
    _, y, model = Spy.fits[0]
    assert all(label is None for label in y)
    assert model is None
    Spy.fits.clear()
    next(play(Ridge(), DAL, X, X[:, 0], initial_sampler=Spy(), random_state=0))
    assert np.isnan(Spy.fits[0][1].astype(float)).all()


def test_without_a_second_class_there_is_no_model():
    Counting.n_fits = 0
    loop = play(
        Counting(), UncertaintySampler(), X, TRUTH, n_initial=[0, 1, 2], budget=23, random_state=0
    )
    first, second, third = loop
    assert first.model is None
    assert first.n_labels == 3
    assert second.model is not None
    assert third.n_labels == 23
    assert Counting.n_fits == 2


def test_the_last_step_trains_whatever_there_is():
    loop = play(LogisticRegression(), RandomSampler(), X, TRUTH, n_initial=[0, 1], budget=2)
    with pytest.raises(ValueError, match="class"):
        next(loop)


def test_when_a_model_can_be_trained():
    classes, regression = GaussianNB(), Ridge()
    assert not can_train(classes, np.array([]))
    assert not can_train(classes, np.array([1]))
    assert not can_train(classes, np.array(["a", "a"]))
    assert can_train(classes, np.array(["a", "b"]))
    assert not can_train(regression, np.array([]))
    assert can_train(regression, np.array([1.0]))
    several = MultiOutputClassifier(classes)
    assert can_train(several, np.array([[0, 1]]))
    assert not can_train(several, np.empty((0, 2)))
    assert can_train(FrozenEstimator(GaussianNB().fit(X, TRUTH)), np.array([0, 1]))
