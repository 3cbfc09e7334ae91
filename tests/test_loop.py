"""The loop by itself. What learners make of it is in tests/learner."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skdal import CoreSetSampler, RandomSampler, UncertaintySampler
from skdal._labels import labeled_mask
from skdal.loop import can_train, check_weights, play, turns
from tests.learner._shared import DAL, MODEL, TRUTH, Counting, EnoughLabels, Spy, Weighed, X

WEIGHTS = np.linspace(0.1, 5, 150)


RANDOM = RandomSampler(random_state=0)


class Recorder(ClassifierMixin, BaseEstimator):
    """A classifier that notes what it was trained on."""

    fits = []  # noqa: RUF012

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        Recorder.fits.append((X, y, self.random_state))
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


@pytest.fixture
def fits():
    Recorder.fits.clear()
    Spy.fits.clear()
    Spy.seeds.clear()
    return Recorder.fits


def all_rows(steps):
    return np.concatenate([step.rows for step in steps])


def test_a_step_trains_one_fresh_clone_on_exactly_the_labeled_rows(fits):
    steps = list(play(Recorder(), RANDOM, X, TRUTH, budget=30, n_initial=10, n_instances=10))
    assert len(steps) == len(fits) == 3
    assert len({id(step.model) for step in steps}) == 3
    for n_steps, (X_fit, y_fit, _) in enumerate(fits, 1):
        rows = all_rows(steps[:n_steps])
        assert len(np.unique(rows)) == len(rows) == 10 * n_steps
        assert_array_equal(X_fit, X[rows])
        assert_array_equal(y_fit, TRUTH[rows])


def test_a_step_is_worked_out_when_it_is_asked_for(fits):
    steps = play(Recorder(), RANDOM, X, TRUTH, budget=30)
    assert len(fits) == 0
    next(steps)
    assert len(fits) == 1


def test_the_sampler_sees_the_labels_paid_for_and_the_model_of_the_step(fits):
    steps = list(play(Recorder(), Spy(), X, TRUTH, budget=30, random_state=0))
    assert len(Spy.fits) == 2
    for number, (X_fit, y, estimator) in enumerate(Spy.fits):
        assert X_fit is X
        known = labeled_mask(y, len(X))
        assert_array_equal(np.flatnonzero(known), np.sort(all_rows(steps[: number + 1])))
        assert_array_equal(y[known].astype(int), TRUTH[known])
        assert isinstance(estimator, FrozenEstimator)
        assert estimator.estimator is steps[number].model


@pytest.mark.parametrize(
    ("budget", "n_labels"), [(10, [10]), (11, [10, 11]), (20, [10, 20]), (25, [10, 20, 25])]
)
def test_the_last_query_keeps_to_the_budget(budget, n_labels):
    steps = list(play(GaussianNB(), RANDOM, X, TRUTH, budget=budget))
    assert [step.n_labels for step in steps] == n_labels
    assert [len(step.rows) for step in steps] == np.diff([0, *n_labels]).tolist()


def test_the_budget_may_be_the_whole_pool():
    steps = list(play(GaussianNB(), RANDOM, X, TRUTH, budget=150, n_instances=60))
    assert sorted(all_rows(steps)) == list(range(150))


def test_seconds_are_measured_and_the_start_has_no_query():
    first, second = play(GaussianNB(), RANDOM, X, TRUTH, budget=20)
    assert first.query_seconds == 0.0
    assert second.query_seconds > 0
    assert first.fit_seconds > 0
    with pytest.raises(FrozenInstanceError):
        first.n_labels = 1


def test_given_rows_are_the_start_in_their_order():
    start = [149, 0, 75]
    step = next(play(GaussianNB(), RANDOM, X, TRUTH, n_initial=start))
    assert step.rows.tolist() == start


def test_the_start_of_a_regressor_is_not_stratified():
    y = np.r_[np.zeros(999), 1.0]
    X = np.arange(1000.0).reshape(-1, 1)
    starts = [next(play(Ridge(), RANDOM, X, y, random_state=seed)).rows for seed in range(20)]
    assert sum(999 in start for start in starts) < 5


def test_an_int_fixes_everything():
    def rows(random_state):
        model = make_pipeline(StandardScaler(), DecisionTreeClassifier(max_features=1))
        steps = list(play(model, RandomSampler(), X, TRUTH, budget=30, random_state=random_state))
        return all_rows(steps).tolist(), [step.model[-1].random_state for step in steps]

    assert rows(0) == rows(0)
    assert rows(0) != rows(1)
    assert len(set(rows(0)[1])) == 3


def test_seeds_that_are_set_stay(fits):
    list(play(Recorder(7), Spy(random_state=8), X, TRUTH, budget=30, random_state=0))
    assert [seed for _, _, seed in Recorder.fits] == [7, 7, 7]
    assert Spy.seeds == [8, 8]


def test_seeds_that_are_none_are_drawn_anew_in_every_step(fits):
    list(play(Recorder(), Spy(), X, TRUTH, budget=30, random_state=0))
    seeds = [seed for _, _, seed in Recorder.fits] + Spy.seeds
    assert None not in seeds
    assert len(set(seeds)) == 5


def test_play_needs_labels():
    with pytest.raises(ValueError, match="y=None"):
        play(GaussianNB(), RANDOM, X, None)


def test_weights_are_cut_and_other_parameters_are_not():
    params = {"sample_weight": WEIGHTS, "other": "of another kind"}
    steps = list(
        play(Weighed(), RandomSampler(), X, TRUTH, budget=30, fit_params=params, random_state=0)
    )
    for number, step in enumerate(steps):
        weights, other = step.model.noted_
        assert_array_equal(weights, WEIGHTS[all_rows(steps[: number + 1])])
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
        return all_rows(steps).tolist(), [step.model.coef_.tolist() for step in steps]

    rows, models = result(None)
    for n_labels, n_steps in [(1000, 5), (30, 3), (1, 1)]:
        watched = result(EnoughLabels(n_labels))
        assert watched == (rows[: 10 * n_steps], models[:n_steps])


def test_what_a_rule_says_is_in_the_step():
    steps = list(play(MODEL, DAL, X, TRUTH, budget=30, stopping=EnoughLabels(20), random_state=0))
    assert [step.stopping.stop_ for step in steps] == [False, True]
    assert [step.stopping.n_labels_ for step in steps] == [10, 20]
    assert all(step.stopping.estimator is step.model for step in steps)
    # Drawn by the labels and the loop's seed, whatever the loop has drawn.
    seeds = [step.stopping.random_state for step in steps]
    loop = play(MODEL, DAL, X, TRUTH, budget=30, stopping=EnoughLabels(20), random_state=1)
    others = [step.stopping.random_state for step in loop]
    assert None not in seeds
    assert len({*seeds, *others}) == 4
    assert next(play(MODEL, DAL, X, TRUTH)).stopping is None


def test_an_initial_sampler_and_its_seed():
    def start(random_state, sampler=RandomSampler()):  # noqa: B008
        loop = play(MODEL, DAL, X, TRUTH, initial_sampler=sampler, random_state=random_state)
        return next(loop).rows.tolist()

    assert start(0) == start(0) != start(1)
    scaled = start(0, make_pipeline(StandardScaler(), CoreSetSampler()))
    Z = StandardScaler().fit_transform(X)
    assert scaled == CoreSetSampler().fit(Z, np.full(150, -1)).query(n_instances=10).tolist()


def test_the_start_is_chosen_when_it_is_asked_for():
    Spy.fits.clear()
    loop = play(MODEL, DAL, X, TRUTH, initial_sampler=Spy(), random_state=0)
    assert not Spy.fits
    next(loop)
    assert len(Spy.fits) == 1


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


def test_a_seed_of_the_trainings_changes_no_query():
    asked = {"budget": 30, "n_initial": np.arange(0, 120, 12), "n_instances": 10}

    def played(estimator, seed):
        sampler = RandomSampler()
        steps = turns(estimator, sampler, X, TRUTH, **asked, random_state=0, training_seed=seed)
        return [(step.rows.tolist(), step.model.tree_.threshold.tolist()) for step in steps]

    tree = DecisionTreeClassifier(max_features=1)
    first, other = played(tree, 1), played(tree, 2)
    assert [rows for rows, _ in first] == [rows for rows, _ in other]
    assert first != other
    # It is drawn for what has no random state alone.
    tree.set_params(random_state=5)
    assert played(tree, 1) == played(tree, 2) == played(tree, None)
