from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skdal import DeepFoolSampler
from skdal.neural import NeuralClassifier

X, TRUTH = load_iris(return_X_y=True)
Y = np.where(np.arange(150) % 5 == 0, TRUTH, -1)
MODEL = LogisticRegression(max_iter=1000)


def _distances(model, X):
    """Distance to the nearest decision boundary of a linear model."""
    logits = model.decision_function(X)
    own = logits.argmax(axis=1)
    distances = np.full(len(X), np.inf)
    for i, k in enumerate(own):
        for j in range(logits.shape[1]):
            if j != k:
                normal = model.coef_[k] - model.coef_[j]
                distance = (logits[i, k] - logits[i, j]) / np.linalg.norm(normal)
                distances[i] = min(distances[i], distance)
    return distances


@pytest.mark.parametrize("overshoot", [0.02, 0.5])
def test_a_linear_model_tells_its_distances(overshoot):
    sampler = DeepFoolSampler(MODEL, overshoot=overshoot).fit(X, Y)
    expected = -(1 + overshoot) * _distances(sampler.estimator_, X)
    np.testing.assert_allclose(sampler.score_samples(X), expected, rtol=1e-9)
    pool = np.flatnonzero(Y == -1)
    rows = sampler.query(n_instances=9)
    assert np.isin(rows, pool).all()
    np.testing.assert_allclose(expected[rows], np.sort(expected[pool])[::-1][:9], rtol=1e-9)


def test_distances_are_those_of_what_the_last_step_gets():
    scaled = StandardScaler().fit(X[Y != -1])
    sampler = DeepFoolSampler(make_pipeline(StandardScaler(), MODEL)).fit(X, Y)
    plain = DeepFoolSampler(MODEL).fit(scaled.transform(X), Y)
    np.testing.assert_allclose(
        sampler.score_samples(X), plain.score_samples(scaled.transform(X)), rtol=1e-6
    )


@pytest.mark.parametrize(
    "model",
    [
        MLPClassifier((8,), activation="tanh", solver="lbfgs", alpha=1, max_iter=2000),
        NeuralClassifier(standardize=True, max_epochs=10),
    ],
)
def test_it_prefers_what_is_near_a_boundary(model):
    sampler = DeepFoolSampler(model, max_iter=50, random_state=0).fit(X, Y)
    ranked = sampler.query(n_instances=120)
    proba = sampler.estimator_.predict_proba(X[ranked]).max(axis=1)
    assert proba[:20].mean() < proba[-20:].mean()


def test_rows_that_never_flip_come_last():
    images = MinMaxScaler().fit_transform(X)
    # A step of at most a hair leads nowhere.
    sampler = DeepFoolSampler(MODEL, overshoot=0, max_iter=1).fit(images, Y)
    low, high = images.min(), images.max()
    sampler.set_params(clip=(low, high), max_iter=1)
    with pytest.warns(UserWarning, match=r"DeepFool changed the class of \d+ of 120 .* come last"):
        rows, details = sampler.query(n_instances=120, return_details=True)
    never = details.scores == -np.finfo(np.float64).max
    assert never.any()
    assert never[np.argmax(never) :].all()
    assert np.isfinite(sampler.score_samples(images)).all()
    assert len(rows) == 120


def test_rows_outside_of_clip():
    sampler = DeepFoolSampler(MODEL, clip=(0, 1)).fit(X, Y)
    with pytest.raises(ValueError, match=r"clip=\(0, 1\)"):
        sampler.query()


@pytest.mark.parametrize("clip", [(1, 0), (0,), (0, 1, 2), ("a", "b")])
def test_bad_clips(clip):
    with pytest.raises(ValueError, match=r"clip=.* must be a pair"):
        DeepFoolSampler(MODEL, clip=clip).fit(X, Y)


def test_a_model_that_is_not_differentiable():
    with pytest.raises(ValueError, match="is no network that can be differentiated"):
        DeepFoolSampler(RandomForestClassifier()).fit(X, Y)
    with pytest.raises(ValueError, match="is no network that can be differentiated"):
        DeepFoolSampler(LinearRegression()).fit(X, Y)
