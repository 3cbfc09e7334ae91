"""A scikit-learn estimator like any other."""

from __future__ import annotations

import copy

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdal import (
    ActiveLearner,
    BudgetedLearner,
    CombinedSampler,
    CoreSetSampler,
    DiscriminativeSampler,
    RandomSampler,
    UncertaintySampler,
)
from tests.learner._shared import (
    DAL,
    MODEL,
    TRUTH,
    EnoughLabels,
    X,
    Y,
)

EXPECTED_FAILURES = {
    "check_supervised_y_no_nan": "NaN marks unlabeled rows, so that it is no error.",
}
OF_DENSE_SAMPLERS = {
    "check_estimator_sparse_tag": "fit takes what the model takes; what the sampler cannot take "
    "is refused by query.",
}
OF_CLASSIFIERS = {
    "check_classifiers_classes": "It names the classes -1 and 1, and -1 marks unlabeled rows; "
    "scikit-learn spares its own semi-supervised classifiers this, by their names.",
}


@parametrize_with_checks(
    [
        ActiveLearner(LogisticRegression(max_iter=1000), random_state=0),
        ActiveLearner(Ridge(), RandomSampler(), random_state=0),
    ],
    expected_failed_checks=lambda learner: (
        EXPECTED_FAILURES
        | (OF_CLASSIFIERS if is_classifier(learner) else {})
        | (OF_DENSE_SAMPLERS if learner.sampler is None else {})
    ),
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("model", "present", "absent"),
    [
        (GaussianNB(), ["predict_proba", "predict_log_proba"], ["decision_function"]),
        (LinearSVC(), ["decision_function"], ["predict_proba", "predict_log_proba"]),
    ],
)
def test_methods_follow_the_estimator(model, present, absent):
    learner = ActiveLearner(model, RandomSampler())
    for method in ["predict", *present]:
        with pytest.raises(NotFittedError):
            getattr(learner, method)(X)
    learner.fit(X, Y)
    for method in ["predict", *present]:
        assert_array_equal(getattr(learner, method)(X), getattr(learner.estimator_, method)(X))
    for method in absent:
        assert not hasattr(learner, method)
        with pytest.raises(AttributeError, match=method):
            getattr(learner, method)
    assert learner.score(X, TRUTH) == learner.estimator_.score(X, TRUTH)


def test_nothing_before_fit():
    learner = ActiveLearner(MODEL, RandomSampler())
    for call in (
        lambda: learner.query(),
        lambda: learner.teach([1], [1]),
        lambda: learner.asked_rows_,
    ):
        with pytest.raises(NotFittedError):
            call()


def test_params():
    learner = ActiveLearner(MODEL, DAL, random_state=0, labels_path="a.json")
    again = clone(learner.set_params(sampler__n_mini_queries=7, estimator__C=0.5))
    assert again.get_params()["sampler__n_mini_queries"] == 7
    assert again.get_params()["estimator__C"] == 0.5
    assert repr(again) == repr(learner)
    learner.set_params(sampler__n_mini_queries=2, estimator__C=1.0)
    fitted = ActiveLearner(MODEL, DAL, random_state=0).fit(X, Y)
    assert not hasattr(clone(fitted), "labels_")
    assert "ActiveLearner" in fitted._repr_html_()
    assert copy.deepcopy(fitted).query().shape == (1,)


def test_tags_follow_the_estimator():
    assert is_classifier(ActiveLearner(make_pipeline(StandardScaler(), GaussianNB())))
    assert is_regressor(ActiveLearner(Ridge()))
    assert not hasattr(ActiveLearner(Ridge()).fit(X, X[:, 0]), "classes_")
    for sampler in (UncertaintySampler(), RandomSampler(), make_pipeline(MaxAbsScaler(), DAL)):
        assert get_tags(ActiveLearner(LinearSVC(), sampler)).input_tags.sparse
        assert not get_tags(ActiveLearner(GaussianNB(), sampler)).input_tags.sparse
    assert get_tags(ActiveLearner(GaussianNB())).target_tags.required


@pytest.mark.parametrize("learner", [ActiveLearner, BudgetedLearner])
def test_tags_follow_the_sampler(learner):
    csr, holes = sp.csr_array(X), np.where(X > 6, np.nan, X)
    # None is the discriminative one, which works in X where the model has no representation.
    for dense in (None, CoreSetSampler()):
        model = learner(LinearSVC(), dense)
        assert not get_tags(model).input_tags.sparse
        with pytest.raises(TypeError, match=r"[Ss]parse"):
            model.fit(csr, Y if learner is ActiveLearner else TRUTH).query()
    forest = RandomForestClassifier(5)
    for sampler in (None, UncertaintySampler(), RandomSampler(), CoreSetSampler()):
        for initial_sampler in (None, CoreSetSampler()):
            model = learner(forest, sampler, initial_sampler=initial_sampler)
            asked = initial_sampler or sampler or DAL
            takes = not isinstance(asked, CoreSetSampler | DiscriminativeSampler)
            assert get_tags(model).input_tags.allow_nan == takes
    assert not get_tags(learner(MODEL, RandomSampler())).input_tags.allow_nan
    learner(forest, RandomSampler()).fit(holes, TRUTH)


@pytest.mark.parametrize("learner", [ActiveLearner, BudgetedLearner])
@pytest.mark.parametrize("sampler", [CombinedSampler([]), CombinedSampler(3), UncertaintySampler])
def test_what_fit_refuses_can_be_shown(learner, sampler):
    model = learner(LogisticRegression(), sampler)
    assert learner.__name__ in model._repr_html_()
    assert not hasattr(model, "labels_")


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"estimator": StandardScaler()}, ValueError, "'estimator' parameter .* 'predict'"),
        ({"estimator": GaussianNB}, TypeError, "estimator=GaussianNB is a class"),
        ({"sampler": RandomSampler}, TypeError, "sampler=RandomSampler is a class"),
        ({"initial_sampler": RandomSampler}, TypeError, "initial_sampler=RandomSampler is a class"),
        ({"sampler": GaussianNB()}, ValueError, "'sampler' parameter"),
        ({"sampler": make_pipeline(PCA(), GaussianNB())}, TypeError, "sampler=.*ends in one"),
        ({"initial_sampler": "random"}, ValueError, "'initial_sampler' parameter"),
        ({"stopping": 3}, ValueError, "'stopping' parameter"),
        ({"stopping": EnoughLabels}, TypeError, "stopping=EnoughLabels is a class; pass an inst"),
        ({"labels_path": 3}, ValueError, "'labels_path' parameter"),
        ({"random_state": "0"}, ValueError, "'random_state' parameter"),
    ],
)
def test_parameters_that_are_refused(params, error, message):
    learner = ActiveLearner(**({"estimator": GaussianNB()} | params))
    with pytest.raises(error, match=message):
        learner.fit(X, Y)
    assert not hasattr(learner, "labels_")


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, r"target y is None; .*np.full\(len\(X\), -1\)"),
        (Y[1:], "y has 149 rows, but X has 150"),
        (Y.astype(float), "may be a marker or a value"),
        (np.where(Y == -1, np.nan, np.inf), "infinity"),
        (np.where(Y == -1, np.nan, 0.5), "continuous"),
        (np.full((150, 2, 2), 1), "one or two dimensions"),
        (np.column_stack([Y, TRUTH]), "known in part in row 1"),
        (Y + 1j, "Complex data not supported"),
        (3, "no array of labels"),
        ("abc", "no array of labels"),
    ],
)
def test_labels_that_fit_refuses(y, message):
    with pytest.raises(ValueError, match=message):
        ActiveLearner(GaussianNB(), RandomSampler()).fit(X, y)


@pytest.mark.parametrize(
    ("pool", "n_instances", "error", "message"),
    [
        (5, 1, TypeError, r"query\(5\).*query\(n_instances=5\)"),
        (np.int64(5), 1, TypeError, r"query\(n_instances="),
        (None, 0, ValueError, "n_instances=0 must be"),
        (None, 2.5, ValueError, "n_instances=2.5 must be"),
        (None, True, ValueError, "n_instances=True must be"),
        (None, 141, ValueError, "n_instances=141 is more than the 140 rows"),
        (X[:3], 4, ValueError, "n_instances=4 is more than the 3 rows"),
        (X[:0], 1, ValueError, "X_pool has no rows"),
        ([], 1, ValueError, "X_pool has no rows"),
        (X[0], 1, ValueError, r"X_pool is a single row; pass X_pool.reshape\(1, -1\)"),
        (X[0].tolist(), 1, ValueError, "X_pool is a single row"),
        (pd.Series(X[0], index=list("abcd")), 1, ValueError, "X_pool is a single row"),
        (np.array(5), 1, ValueError, "holds no rows"),
        ("rows", 1, ValueError, "X_pool='rows' holds no rows"),
        ({"a": 1}, 1, ValueError, "holds no rows"),
        ((row for row in X), 1, ValueError, "holds no rows"),
        (X[:3, :2], 1, ValueError, "X has 2 features"),
        (X[:5].reshape(5, 2, 2), 1, ValueError, "X has 2 features"),
    ],
)
def test_a_query_that_is_refused(pool, n_instances, error, message):
    for y in (Y, np.full(150, -1)):
        if pool is None and n_instances == 141 and y is not Y:
            continue
        learner = ActiveLearner(MODEL, RandomSampler(), random_state=0).fit(X, y)
        before = joblib.hash(vars(learner))
        with pytest.raises(error, match=message):
            learner.query(pool, n_instances)
        assert joblib.hash(vars(learner)) == before
