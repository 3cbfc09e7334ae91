"""Samplers in the loop of the real modAL."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.utils.fixes import parse_version

from skdal import (
    CombinedSampler,
    CoreSetSampler,
    DiscriminativeSampler,
    ExpectedGradientLengthSampler,
    MLPDiscriminator,
    RandomSampler,
    UncertaintySampler,
)

models = pytest.importorskip(
    "modAL.models", reason="modAL is not installed; `make test-min` installs it"
)
if parse_version(sklearn.__version__) >= parse_version("1.8"):
    pytest.skip(
        "modAL calls check_X_y(force_all_finite=...), which scikit-learn 1.8 took away; "
        "`make test-min` has an older one",
        allow_module_level=True,
    )

pytestmark = pytest.mark.filterwarnings("ignore:'force_all_finite' was renamed:FutureWarning")

X, Y = load_digits(return_X_y=True)
X, X_TEST, Y, Y_TEST = X[:600] / 16, X[600:900] / 16, Y[:600], Y[600:900]
NAMES = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
QUICK = LogisticRegression(max_iter=1000)


def _play(sampler, model, y=Y, *, n_start=30, n_rounds=3, n_instances=20):
    """Return which rows were taken, in the order of choice, and the learner in the end."""
    left = np.arange(len(X))
    taken = left[:n_start]
    learner = models.ActiveLearner(
        estimator=model, query_strategy=sampler, X_training=X[taken], y_training=y[taken]
    )
    left = left[n_start:]
    for _ in range(n_rounds):
        rows, instances = learner.query(X[left], n_instances=n_instances)
        np.testing.assert_array_equal(instances, X[left][rows])
        learner.teach(X[left][rows], y[left][rows])
        taken = np.concatenate([taken, left[rows]])
        left = np.delete(left, rows)
    return taken, learner


@pytest.mark.parametrize(
    "sampler",
    [
        RandomSampler(random_state=0),
        UncertaintySampler(random_state=0),
        UncertaintySampler(QUICK, measure="margin", random_state=0),
        CoreSetSampler(random_state=0),
        DiscriminativeSampler(MLPDiscriminator(max_epochs=10), n_mini_queries=2).set_params(
            random_state=0
        ),
        DiscriminativeSampler(QUICK, n_mini_queries=5, random_state=0),
        ExpectedGradientLengthSampler(random_state=0),
        CombinedSampler(
            [("random", RandomSampler()), ("uncertain", UncertaintySampler())], random_state=0
        ),
    ],
    ids=lambda sampler: type(sampler).__name__,
)
@pytest.mark.parametrize("y", [Y, NAMES[Y]], ids=["numbers", "strings"])
def test_rounds(sampler, y):
    before = repr(sampler)
    taken, learner = _play(sampler, LogisticRegression(max_iter=1000), y)
    assert len(taken) == len(np.unique(taken)) == 90
    np.testing.assert_array_equal(learner.X_training, X[taken])
    np.testing.assert_array_equal(learner.y_training, y[taken])
    assert learner.score(X_TEST, NAMES[Y_TEST] if y.dtype.kind == "U" else Y_TEST) > 0.7
    assert repr(sampler) == before
    assert not hasattr(sampler, "pool_rows_")
    again, _ = _play(sampler, LogisticRegression(max_iter=1000), y)
    np.testing.assert_array_equal(again, taken)


def test_the_learners_model_is_what_estimator_none_means():
    forest = RandomForestClassifier(n_estimators=10, random_state=0).fit(X[:30], Y[:30])
    learner = models.ActiveLearner(
        estimator=forest, query_strategy=UncertaintySampler(), X_training=X[:30], y_training=Y[:30]
    )
    rows, _, scores = learner.query(X[30:], n_instances=5, return_metrics=True)
    p = forest.predict_proba(X[30:][rows])
    with np.errstate(divide="ignore", invalid="ignore"):
        entropies = -np.nansum(p * np.log(p), axis=1)
    np.testing.assert_allclose(scores, entropies)


def test_before_the_first_label():
    learner = models.ActiveLearner(estimator=QUICK, query_strategy=CoreSetSampler(random_state=0))
    rows, _ = learner.query(X, n_instances=12)
    learner.teach(X[rows], Y[rows])
    assert len(learner.y_training) == 12
    assert len(learner.query(np.delete(X, rows, axis=0), n_instances=3)[0]) == 3


def test_one_row_is_the_default():
    learner = models.ActiveLearner(
        estimator=LogisticRegression(max_iter=1000),
        query_strategy=RandomSampler(random_state=0),
        X_training=X[:30],
        y_training=Y[:30],
    )
    rows, instances = learner.query(X[30:])
    assert rows.shape == (1,)
    assert instances.shape == (1, X.shape[1])
