"""Samplers are tuned as anything else is in scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from torch import nn

from skdal import BudgetedLearner, DiscriminativeSampler, RandomSampler, label_efficiency_score
from tests.learner._shared import DAL, NAMES, TRUTH, X


class Module(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def learner(**params):
    params = {"estimator": GaussianNB(), "sampler": DAL} | params
    params = {"budget": 20, "n_instances": 5, "random_state": 0} | params
    return BudgetedLearner(params.pop("estimator"), params.pop("sampler"), **params)


@pytest.mark.parametrize(
    "grid",
    [
        {"sampler__discriminator__C": [0.01, 100.0]},
        {"sampler__n_mini_queries": [1, 5]},
        {"sampler": [RandomSampler(), DiscriminativeSampler(LogisticRegression(max_iter=1000))]},
        {"estimator": [GaussianNB(), LogisticRegression(max_iter=1000)], "n_instances": [5, 10]},
        {"initial_sampler": [None, RandomSampler()]},
    ],
    ids=lambda grid: "-".join(grid),
)
def test_a_grid_search(grid):
    search = GridSearchCV(learner(), grid, cv=3, error_score="raise").fit(X, NAMES)
    assert search.best_score_ > 0.7
    assert set(search.best_params_) == set(grid)
    assert len(search.best_estimator_.labeled_rows_) == 20
    assert set(search.predict(X)) <= set(NAMES)
    assert search.score(X, NAMES) > 0.7
    again = GridSearchCV(learner(), grid, cv=3, error_score="raise").fit(X, NAMES)
    for name in ("mean_test_score", "split0_test_score"):
        np.testing.assert_array_equal(again.cv_results_[name], search.cv_results_[name])


def test_jobs():
    model = make_pipeline(StandardScaler(), learner(keep_models=True))
    scoring = {"efficiency": label_efficiency_score, "accuracy": "accuracy"}
    grid = {"budgetedlearner__sampler": [RandomSampler(), DAL]}
    one, two = (
        GridSearchCV(model, grid, scoring=scoring, refit="efficiency", cv=3, n_jobs=n_jobs)
        for n_jobs in (1, 2)
    )
    one.fit(X, TRUTH)
    two.fit(X, TRUTH)
    for name in ("mean_test_efficiency", "std_test_efficiency", "mean_test_accuracy"):
        np.testing.assert_array_equal(one.cv_results_[name], two.cv_results_[name])
        assert np.isfinite(one.cv_results_[name]).all()
    np.testing.assert_array_equal(one.predict(X), two.predict(X))


def test_halving_over_the_budget():
    search = HalvingGridSearchCV(
        learner(),
        {"sampler__n_mini_queries": [1, 2, 5]},
        resource="budget",
        min_resources=15,
        max_resources=45,
        cv=3,
        random_state=0,
    ).fit(X, TRUTH)
    assert search.n_resources_ == [15, 45]
    assert search.best_score_ > 0.7
    assert search.best_estimator_.budget == 45


@pytest.mark.parametrize("model", [learner(), make_pipeline(StandardScaler(), learner())])
def test_cross_validation(model):
    scores = cross_validate(
        model, X, NAMES, scoring=["accuracy", "neg_log_loss"], cv=3, error_score="raise"
    )
    assert scores["test_accuracy"].min() > 0.7
    assert np.isfinite(scores["test_neg_log_loss"]).all()


def test_a_skorch_net_as_task_model():
    net = NeuralNetClassifier(
        Module, criterion=nn.CrossEntropyLoss, max_epochs=30, lr=0.3, train_split=None, verbose=0
    )
    model = learner(estimator=net, n_instances=10)
    grid = {"sampler": [RandomSampler(), DAL], "estimator__max_epochs": [1, 30]}
    X32 = ((X - X.mean(axis=0)) / X.std(axis=0)).astype(np.float32)
    searches = [GridSearchCV(model, grid, cv=2, error_score="raise").fit(X32, TRUTH) for _ in "ab"]
    scores = [search.cv_results_["mean_test_score"] for search in searches]
    np.testing.assert_array_equal(*scores)
    assert max(scores[0]) > 0.7
