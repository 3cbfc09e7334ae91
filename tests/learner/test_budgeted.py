"""The loop that plays itself: what fit stores, what it trains, and weights."""

import gc
import pickle
import weakref

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdal import (
    BudgetedLearner,
    CoreSetSampler,
    DiscriminativeSampler,
    DivergenceStop,
    RandomSampler,
    UncertaintySampler,
)
from skdal.loop import play
from tests.learner._shared import TRUTH, Counting, EnoughLabels, Spy, Weighed, X

RANDOM = RandomSampler(random_state=0)


def test_what_fit_stores():
    learner = BudgetedLearner(GaussianNB(), RANDOM, budget=25, random_state=0).fit(X, TRUTH)
    steps = list(play(GaussianNB(), RANDOM, X, TRUTH, budget=25, random_state=0))
    assert_array_equal(learner.labeled_rows_, np.concatenate([step.rows for step in steps]))
    history = pd.DataFrame(learner.history_)
    assert list(history) == ["n_labels", "fit_seconds", "query_seconds", "rows"]
    assert history["n_labels"].tolist() == [10, 20, 25]
    assert_array_equal(np.concatenate(history["rows"].tolist()), learner.labeled_rows_)
    assert learner.n_features_in_ == 4
    final = GaussianNB().fit(X[learner.labeled_rows_], TRUTH[learner.labeled_rows_])
    assert_array_equal(learner.predict_proba(X), final.predict_proba(X))


def test_no_sampler_is_the_discriminative_one(monkeypatch):
    queried = []
    query = DiscriminativeSampler.query
    monkeypatch.setattr(
        DiscriminativeSampler,
        "query",
        lambda self, *args, **kwargs: queried.append(self) or query(self, *args, **kwargs),
    )
    model = MLPClassifier((8,), solver="lbfgs", max_iter=10_000)
    learner = BudgetedLearner(model, budget=11, random_state=0).fit(X, TRUTH)
    assert len(queried) == 1
    # It works in the representation of the first model, not in that of the last.
    assert queried[0].estimator.estimator is not learner.estimator_
    assert isinstance(queried[0].estimator.estimator, MLPClassifier)


def test_a_progress_bar_counts_labels(capsys):
    BudgetedLearner(GaussianNB(), RANDOM, budget=25, verbose=1).fit(X, TRUTH)
    assert "25/25" in capsys.readouterr().err
    BudgetedLearner(GaussianNB(), RANDOM, budget=25).fit(X, TRUTH)
    assert capsys.readouterr().err == ""


def test_as_many_trainings_as_steps():
    Counting.n_fits = 0
    learner = BudgetedLearner(Counting(), Spy(), budget=40, random_state=0, keep_models=True)
    Spy.fits.clear()
    learner.fit(X, TRUTH)
    assert Counting.n_fits == len(learner.history_) == len(learner.models_) == 4
    assert [spied[2].estimator for spied in Spy.fits] == learner.models_[:-1]
    assert learner.models_[-1] is learner.estimator_
    learner.predict_proba(X)
    learner.score(X, TRUTH)
    assert Counting.n_fits == 4


def test_models_are_kept_only_if_asked_for():
    learner = BudgetedLearner(GaussianNB(), RANDOM, budget=30, keep_models=True).fit(X, TRUTH)
    for model, step in zip(learner.models_, learner.history_, strict=True):
        rows = learner.labeled_rows_[: step["n_labels"]]
        expected = GaussianNB().fit(X[rows], TRUTH[rows])
        assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    assert not hasattr(learner.set_params(keep_models=False).fit(X, TRUTH), "models_")


def test_models_that_are_not_kept_are_let_go():
    alive = []

    class Mortal(GaussianNB):
        def fit(self, X, y):
            alive.append(weakref.ref(self))
            gc.collect()
            seen.append(sum(model() is not None for model in alive))
            return super().fit(X, y)

    for keep_models, expected in ((False, [1, 2, 2, 2]), (True, [1, 2, 3, 4])):
        alive, seen = [], []
        learner = BudgetedLearner(Mortal(), RANDOM, budget=40, keep_models=keep_models)
        learner.fit(X, TRUTH)
        assert seen == expected


def test_what_a_learner_keeps_does_not_grow_with_x():
    many = np.repeat(X, 200, axis=0)
    rule = DivergenceStop(n_permutations=20)
    learner = BudgetedLearner(GaussianNB(), RANDOM, budget=30, stopping=rule, random_state=0)
    learner.fit(many, np.repeat(TRUTH, 200))
    assert len(pickle.dumps(learner.set_params(stopping=None))) < many.nbytes / 2


def test_an_initial_sampler_chooses_the_start():
    learner = BudgetedLearner(
        GaussianNB(), RANDOM, budget=20, n_initial=8, initial_sampler=CoreSetSampler()
    ).fit(X, TRUTH)
    expected = CoreSetSampler().fit(X, np.full(150, -1)).query(n_instances=8)
    assert_array_equal(learner.history_[0]["rows"], expected)
    assert learner.history_[0]["query_seconds"] > 0
    # Rows that are given need no sampler.
    learner.set_params(n_initial=[3, 80]).fit(X, TRUTH)
    assert learner.history_[0]["rows"].tolist() == [3, 80]
    assert learner.history_[0]["query_seconds"] == 0


def test_the_initial_sampler_goes_on_while_there_is_a_single_class():
    learner = BudgetedLearner(
        GaussianNB(), UncertaintySampler(), budget=9, n_initial=[0, 1], n_instances=3
    ).set_params(initial_sampler=CoreSetSampler(), keep_models=True, random_state=0)
    learner.fit(X, TRUTH)
    assert learner.models_[0] is None
    y = np.where(np.arange(150) < 2, 0, -1)
    expected = CoreSetSampler().fit(X, y).query(n_instances=3)
    assert_array_equal(learner.history_[1]["rows"], expected)
    assert learner.models_[1] is not None


@pytest.mark.parametrize("initial_sampler", [UncertaintySampler(GaussianNB())])
def test_an_initial_sampler_must_do_without_labels(initial_sampler):
    learner = BudgetedLearner(GaussianNB(), RANDOM, initial_sampler=initial_sampler)
    with pytest.raises(ValueError, match="no labeled row, and UncertaintySampler needs"):
        learner.fit(X, TRUTH)


def test_a_stopping_rule_ends_the_loop():
    learner = BudgetedLearner(GaussianNB(), RandomSampler(), budget=60, random_state=0)
    whole = clone(learner).fit(X, TRUTH)
    stopped = learner.set_params(stopping=EnoughLabels(30), keep_models=True).fit(X, TRUTH)
    assert [step["n_labels"] for step in stopped.history_] == [10, 20, 30]
    assert [step["stop"] for step in stopped.history_] == [False, False, True]
    assert "stop" not in whole.history_[0]
    assert_array_equal(stopped.labeled_rows_, whole.labeled_rows_[:30])
    assert stopped.stopping_.stop_
    assert stopped.stopping_.estimator is stopped.estimator_
    assert len(stopped.models_) == 3
    patient = learner.set_params(stopping=EnoughLabels(1000)).fit(X, TRUTH)
    assert_array_equal(patient.labeled_rows_, whole.labeled_rows_)
    assert_array_equal(patient.predict_proba(X), whole.predict_proba(X))
    assert not hasattr(learner.set_params(stopping=None).fit(X, TRUTH), "stopping_")


def test_a_rule_is_not_asked_before_there_is_a_model():
    learner = BudgetedLearner(
        GaussianNB(), CoreSetSampler(), budget=8, n_initial=[0, 1], n_instances=3
    ).set_params(stopping=EnoughLabels(1), random_state=0)
    learner.fit(X, TRUTH)
    assert [step["stop"] for step in learner.history_] == [False, True]
    assert "limit" not in learner.history_[0]


def test_the_figures_of_a_rule_are_in_the_history():
    learner = BudgetedLearner(
        GaussianNB(), CoreSetSampler(), budget=14, n_initial=[0, 1], n_instances=6, random_state=0
    )
    history = learner.set_params(stopping=DivergenceStop(tolerance=1)).fit(X, TRUTH).history_
    assert np.isnan([history[0]["divergence"], history[0]["limit"]]).all()
    assert history[-1]["divergence"] == learner.stopping_.divergence_
    assert history[-1]["limit"] == learner.stopping_.limit_
    assert all(type(step["limit"]) is float for step in history)


WEIGHTS = np.linspace(0.1, 5, 150)


def test_weights_are_cut_to_the_labeled_rows():
    with config_context(enable_metadata_routing=True):
        model = Weighed().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        learner = BudgetedLearner(model, RandomSampler(), budget=30, random_state=0)
        for weights in (WEIGHTS, WEIGHTS.tolist(), pd.Series(WEIGHTS, index=np.arange(150)[::-1])):
            learner.set_params(keep_models=True).fit(X, TRUTH, sample_weight=weights)
            for trained, n_labels in zip(learner.models_, [10, 20, 30], strict=True):
                rows = learner.labeled_rows_[:n_labels]
                assert_array_equal(trained.noted_[0], WEIGHTS[rows])
        test = (np.arange(150) % 3 == 0).astype(float)
        assert learner.score(X, TRUTH, sample_weight=test) == learner.score(X[::3], TRUTH[::3])
        assert learner.score(X, TRUTH, sample_weight=test) != learner.score(X, TRUTH)
        plain = learner.fit(X, TRUTH)
        assert plain.estimator_.noted_[0] is None


def test_weights_through_cross_validation_and_a_pipeline():
    with config_context(enable_metadata_routing=True):
        model = Weighed().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        learner = BudgetedLearner(model, RandomSampler(), budget=20, random_state=0)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, learner).fit(X, TRUTH, sample_weight=WEIGHTS)
        assert len(pipeline[-1].estimator_.noted_[0]) == 20
        if hasattr(pipeline, "set_score_request"):  # in scikit-learn 1.7
            pipeline.set_score_request(sample_weight=True)
        scores = cross_validate(
            pipeline, X, TRUTH, params={"sample_weight": WEIGHTS}, cv=3, error_score="raise"
        )
        assert np.isfinite(scores["test_score"]).all()
