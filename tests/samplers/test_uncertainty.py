from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Perceptron, Ridge
from sklearn.svm import SVC
from skorch import NeuralNetClassifier
from torch import nn

from skdal import UncertaintySampler
from skdal.samplers.uncertainty import MEASURES

X, TRUTH = load_iris(return_X_y=True)
Y = np.where(np.arange(150) % 5 == 0, TRUTH, -1)
MODEL = LogisticRegression(max_iter=1000)


def _reference(measure, row):
    """The acquisition value of one row of probabilities, by its formula."""
    ranked = sorted(row, reverse=True)
    return {
        "entropy": -sum(p * np.log(p) for p in row if p > 0),
        "variation_ratio": 1 - ranked[0],
        "margin": 1 - (ranked[0] - ranked[1]),
    }[measure]


@pytest.mark.parametrize("measure", sorted(MEASURES))
def test_the_measures(measure):
    sampler = UncertaintySampler(MODEL, measure=measure).fit(X, Y)
    labeled = Y != -1
    proba = MODEL.fit(X[labeled], Y[labeled]).predict_proba(X)
    expected = np.array([_reference(measure, row) for row in proba])
    np.testing.assert_allclose(sampler.score_samples(X), expected, rtol=1e-10, atol=1e-15)
    rows, details = sampler.query(n_instances=10, return_details=True)
    pool = np.flatnonzero(~labeled)
    np.testing.assert_array_equal(rows, pool[np.argsort(-expected[pool], kind="stable")[:10]])
    np.testing.assert_allclose(details.scores, expected[rows])


@pytest.mark.parametrize("measure", sorted(MEASURES))
def test_the_extremes(measure):
    sure, unsure = MEASURES[measure](np.array([[0.0, 1.0, 0.0], [1 / 3, 1 / 3, 1 / 3]]))
    assert sure == 0
    assert unsure == pytest.approx({"entropy": np.log(3), "variation_ratio": 2 / 3}.get(measure, 1))


def test_two_classes_rank_alike():
    y = np.where(Y == -1, -1, Y > 0)
    orders = [
        UncertaintySampler(MODEL, measure=measure).fit(X, y).query(n_instances=20).tolist()
        for measure in MEASURES
    ]
    assert orders[0] == orders[1] == orders[2]


def test_a_trained_model_is_not_trained_again():
    model = LogisticRegression(max_iter=1000).fit(X, TRUTH)
    sampler = UncertaintySampler(FrozenEstimator(model)).fit(X, np.full(150, -1))
    assert sampler.estimator_.estimator is model
    expected = -np.sum(model.predict_proba(X) * np.log(model.predict_proba(X)), axis=1)
    assert sampler.query()[0] == expected.argmax()


@pytest.mark.parametrize("model", [Perceptron(), SVC()])
def test_a_model_without_probabilities(model):
    with pytest.raises(ValueError, match=r"has no predict_proba.*CalibratedClassifierCV"):
        UncertaintySampler(model).fit(X, Y)


def test_probabilities_that_are_none():
    class Odd(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_ = np.unique(y)
            return self

        def predict_proba(self, X):
            return np.full((len(X), 2), np.nan)

    sampler = UncertaintySampler(Odd()).fit(X, Y)
    with pytest.raises(ValueError, match=r"got nan .* row 1 of X, and no finite number for 120"):
        sampler.query()


def test_one_column_of_probabilities():
    class One(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_ = np.unique(y)
            return self

        def predict_proba(self, X):
            return np.ones((len(X), 1))

    with pytest.raises(ValueError, match=r"shape \(120, 1\).* two classes at least"):
        UncertaintySampler(One()).fit(X, Y).query()


def test_a_regressor():
    with pytest.raises(ValueError, match="is no classifier"):
        UncertaintySampler(Ridge()).fit(X, Y)


def test_a_net_stays_in_the_mode_that_it_was_in():
    net = NeuralNetClassifier(nn.Linear(4, 3), criterion=nn.CrossEntropyLoss, verbose=0)
    net.set_params(train_split=None, max_epochs=1).fit(X.astype(np.float32), TRUTH)
    net.module_.train()
    UncertaintySampler(FrozenEstimator(net)).fit(X.astype(np.float32), Y).query()
    assert net.module_.training
