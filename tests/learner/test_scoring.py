from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdal import (
    ActiveLearner,
    BudgetedLearner,
    RandomSampler,
    UncertaintySampler,
    label_efficiency_score,
)
from tests.learner._shared import MODEL, TRUTH, X, Y

SPLIT = train_test_split(X, TRUTH, random_state=0)


def learner(**params):
    params = {"budget": 40, "n_instances": 20, "keep_models": True, "random_state": 0} | params
    return BudgetedLearner(MODEL, RandomSampler(), **params)


def test_the_area_under_the_curve():
    X_train, X_test, y_train, y_test = SPLIT
    fitted = learner().fit(X_train, y_train)
    # 10, 30 and 40 labels: two trapezoids, one of them twice as wide.
    a, b, c = (model.score(X_test, y_test) for model in fitted.models_)
    expected = ((a + b) / 2 * 20 + (b + c) / 2 * 10) / 30
    assert label_efficiency_score(fitted, X_test, y_test) == pytest.approx(expected)
    assert len({a, b, c}) > 1


def test_another_score():
    X_train, X_test, y_train, y_test = SPLIT
    fitted = learner(budget=30).fit(X_train, y_train)
    macro = [f1_score(y_test, model.predict(X_test), average="macro") for model in fitted.models_]
    for scoring in ("f1_macro", lambda m, X, y: f1_score(y, m.predict(X), average="macro")):
        score = label_efficiency_score(fitted, X_test, y_test, scoring=scoring)
        assert score == pytest.approx(np.mean(macro))


@pytest.mark.parametrize(
    "scorer", [label_efficiency_score, partial(label_efficiency_score, scoring="neg_log_loss")]
)
def test_as_a_scorer(scorer):
    parts = list(StratifiedKFold(3).split(X, TRUTH))
    by_hand = [scorer(learner().fit(X[a], TRUTH[a]), X[b], TRUTH[b]) for a, b in parts]
    scores = cross_val_score(learner(), X, TRUTH, scoring=scorer, cv=parts, error_score="raise")
    np.testing.assert_allclose(scores, by_hand)
    assert len(set(scores)) > 1


def test_in_a_grid_search():
    grid = {"sampler": [RandomSampler(), UncertaintySampler()]}
    search = GridSearchCV(learner(), grid, scoring=label_efficiency_score, cv=3)
    search.fit(X, TRUTH)
    means = search.cv_results_["mean_test_score"]
    assert np.isfinite(means).all()
    assert search.best_params_["sampler"] is grid["sampler"][int(np.argmax(means))]


def test_in_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), learner()).fit(X, TRUTH)
    Z = StandardScaler().fit_transform(X)
    expected = label_efficiency_score(learner().fit(Z, TRUTH), Z, TRUTH)
    assert label_efficiency_score(pipeline, X, TRUTH) == pytest.approx(expected)
    alone = make_pipeline(learner()).fit(X, TRUTH)
    assert label_efficiency_score(alone, X, TRUTH) == pytest.approx(
        label_efficiency_score(alone[-1], X, TRUTH)
    )


def test_a_regressor():
    fitted = BudgetedLearner(Ridge(), RandomSampler(), budget=20, keep_models=True).fit(X, X[:, 0])
    scores = [model.score(X, X[:, 0]) for model in fitted.models_]
    assert label_efficiency_score(fitted, X, X[:, 0]) == pytest.approx(np.mean(scores))


def test_steps_without_a_model_do_not_count():
    y = np.r_[np.zeros(100, dtype=int), np.ones(50, dtype=int)]
    start = BudgetedLearner(
        LogisticRegression(), RandomSampler(), n_initial=[0, 1], n_instances=10, budget=32
    )
    fitted = start.set_params(keep_models=True, random_state=0).fit(X, y)
    assert fitted.models_[0] is None
    scores = [model.score(X, y) for model in fitted.models_[1:]]
    expected = np.trapezoid(scores, [12, 22, 32]) / 20
    assert label_efficiency_score(fitted, X, y) == pytest.approx(expected)


@pytest.mark.parametrize(
    "fitted",
    [
        learner(keep_models=False).fit(X, TRUTH),
        learner().fit(X, TRUTH).set_params(keep_models=False).fit(X, TRUTH),
        ActiveLearner(MODEL, RandomSampler()).fit(X, Y),
        make_pipeline(StandardScaler(), learner(keep_models=False)).fit(X, TRUTH),
    ],
    ids=["none kept", "refit", "active", "pipeline"],
)
def test_no_models(fitted):
    with pytest.raises(ValueError, match="the learner kept none; set keep_models=True before fit"):
        label_efficiency_score(fitted, X, TRUTH)


@pytest.mark.parametrize("model", [learner(), make_pipeline(StandardScaler(), learner())])
def test_before_fit(model):
    with pytest.raises(NotFittedError):
        label_efficiency_score(model, X, TRUTH)


def test_one_model_is_no_curve():
    with pytest.raises(ValueError, match="at least one query"):
        label_efficiency_score(learner(budget=10).fit(X, TRUTH), X, TRUTH)
    fitted = learner().fit(X, TRUTH)
    fitted.models_ = [None] * 3
    with pytest.raises(ValueError, match="at least one query"):
        label_efficiency_score(fitted, X, TRUTH)
