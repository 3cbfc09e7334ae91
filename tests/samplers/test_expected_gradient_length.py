from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from skorch import NeuralNetClassifier
from torch import nn

from skdal import ExpectedGradientLengthSampler
from skdal.neural import NeuralClassifier, NeuralRegressor

X, TRUTH = load_iris(return_X_y=True)
Y = np.where(np.arange(150) % 5 == 0, TRUTH, -1)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_logistic_regression(fit_intercept):
    model = LogisticRegression(max_iter=1000, fit_intercept=fit_intercept)
    sampler = ExpectedGradientLengthSampler(model).fit(X, Y)
    proba = sampler.estimator_.predict_proba(X)
    # The gradient is (p - onehot) times the row, and 1 for the intercept.
    length = np.sqrt((X**2).sum(axis=1) + fit_intercept)
    errors = [np.linalg.norm(proba - np.eye(3)[c], axis=1) for c in range(3)]
    expected = sum(proba[:, c] * errors[c] * length for c in range(3))
    np.testing.assert_allclose(sampler.score_samples(X), expected, rtol=1e-9)
    assert sampler.query()[0] == np.where(Y == -1, expected, -np.inf).argmax()
    last = ExpectedGradientLengthSampler(model, parameters="last").fit(X, Y)
    np.testing.assert_allclose(last.score_samples(X), expected, rtol=1e-9)


def test_logistic_regression_of_two_classes():
    y = np.where(Y == -1, -1, Y > 0)
    sampler = ExpectedGradientLengthSampler(LogisticRegression(max_iter=1000)).fit(X, y)
    p = sampler.estimator_.predict_proba(X)[:, 1]
    expected = 2 * p * (1 - p) * np.sqrt((X**2).sum(axis=1) + 1)
    np.testing.assert_allclose(sampler.score_samples(X), expected, rtol=1e-9)


def test_a_perceptron_by_hand():
    model = MLPClassifier((6,), activation="tanh", solver="lbfgs", alpha=1, max_iter=2000)
    sampler = ExpectedGradientLengthSampler(model, random_state=0).fit(X, Y)
    fitted = sampler.estimator_
    (W, V), (b, c) = fitted.coefs_, fitted.intercepts_
    expected = []
    for row in X:
        hidden = np.tanh(row @ W + b)
        proba = softmax(hidden @ V + c)
        score = 0
        for k in range(3):
            error = proba - np.eye(3)[k]
            back = (V @ error) * (1 - hidden**2)
            parts = [np.outer(hidden, error), error, np.outer(row, back), back]
            score += proba[k] * np.sqrt(sum((part**2).sum() for part in parts))
        expected.append(score)
    np.testing.assert_allclose(sampler.score_samples(X), expected, rtol=1e-9)


def test_a_skorch_net_of_the_users_own():
    module = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    net = NeuralNetClassifier(module, criterion=nn.CrossEntropyLoss, max_epochs=3, verbose=0)
    X32 = X.astype(np.float32)
    sampler = ExpectedGradientLengthSampler(net, random_state=0).fit(X32, Y)
    module = sampler.estimator_.module_
    expected = []
    for row in torch.tensor(X32[:20]):
        logits = module(row[None])[0]
        proba = logits.softmax(dim=0).tolist()
        norms = [
            torch.cat(
                [
                    g.flatten()
                    for g in torch.autograd.grad(
                        -logits.log_softmax(dim=0)[k],
                        list(module.parameters()),
                        retain_graph=True,
                    )
                ]
            ).norm()
            for k in range(3)
        ]
        expected.append(sum(p * n.item() for p, n in zip(proba, norms, strict=True)))
    np.testing.assert_allclose(sampler.score_samples(X32[:20]), expected, rtol=1e-4)


def test_models_that_cannot_be_differentiated():
    with pytest.raises(ValueError, match="is no network that can be differentiated"):
        ExpectedGradientLengthSampler(RandomForestClassifier()).fit(X, Y)
    with pytest.raises(ValueError, match="is no classifier"):
        ExpectedGradientLengthSampler(NeuralRegressor()).fit(X, Y)


def test_weights_that_are_no_numbers():
    model = NeuralClassifier(max_epochs=1, random_state=0)
    sampler = ExpectedGradientLengthSampler(model).fit(X, Y)
    with torch.no_grad():
        next(sampler.estimator_.net_.module_.parameters()).fill_(np.nan)
    with pytest.raises(ValueError, match="no finite number for 120 of 120 rows"):
        sampler.query()


def test_a_module_that_takes_several_tensors():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 3)

        def forward(self, a, b):
            return self.layer(torch.cat([a, b], dim=1))

    rows = {"a": X[:, :2].astype(np.float32), "b": X[:, 2:].astype(np.float32)}
    net = NeuralNetClassifier(
        Two, criterion=nn.CrossEntropyLoss, max_epochs=1, verbose=0, train_split=None
    ).fit(rows, TRUTH)
    sampler = ExpectedGradientLengthSampler(FrozenEstimator(net))
    sampler.estimator_ = FrozenEstimator(net)
    with pytest.raises(ValueError, match="modules that take one tensor"):
        sampler._acquire(rows)
