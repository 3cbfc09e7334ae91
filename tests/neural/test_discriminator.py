from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from skdal import DiscriminativeSampler, MLPDiscriminator
from skdal.neural import NeuralClassifier

RNG = np.random.RandomState(0)
X = np.vstack([RNG.randn(30, 4), RNG.randn(90, 4) + 2])
Y = np.repeat([0, 1], [30, 90])


def _widths(classifier):
    layers = [m for m in classifier.net_.module_.modules() if isinstance(m, nn.Linear)]
    return [layer.out_features for layer in layers]


@pytest.mark.parametrize(
    ("n_features", "widths"), [(1, (20,) * 3), (29, (20,) * 3), (30, (256,) * 3), (64, (256,) * 3)]
)
def test_size_by_the_number_of_features(n_features, widths):
    features = np.random.RandomState(0).randn(20, n_features)
    model = MLPDiscriminator(max_epochs=1, random_state=0).fit(features, np.arange(20) % 2)
    assert _widths(model) == [*widths, 2]


def test_size_of_images():
    images = np.random.RandomState(0).randn(20, 5, 6)
    model = MLPDiscriminator(max_epochs=1).fit(images, np.arange(20) % 2)
    assert _widths(model)[0] == 256


@pytest.mark.parametrize("sizes", [(5,), [7, 3], ()])
def test_size_by_the_user(sizes):
    assert _widths(MLPDiscriminator(sizes, max_epochs=1).fit(X, Y)) == [*sizes, 2]


def test_it_stops_at_98_percent():
    far = X + 5 * Y[:, np.newaxis]
    model = MLPDiscriminator(random_state=0).fit(far, Y)
    history = [epoch["train_acc"] for epoch in model.net_.history]
    assert history[-1] >= 0.98
    assert all(accuracy < 0.98 for accuracy in history[:-1])
    assert model.n_iter_ == len(history) < 1000
    assert model.score(far, Y) > 0.97


def test_it_is_a_neural_classifier_with_these_settings():
    model = MLPDiscriminator((8,), max_epochs=5, stop_accuracy=None, random_state=0).fit(X, Y)
    other = NeuralClassifier(
        module_params={"hidden_layer_sizes": (8,)},
        standardize=True,
        class_weight="balanced",
        max_epochs=5,
        random_state=0,
    ).fit(X, Y)
    np.testing.assert_array_equal(model.decision_function(X), other.decision_function(X))


def test_the_scale_of_features_does_not_matter():
    scale = np.array([1e-3, 1, 1e3, 1e5])
    plain = MLPDiscriminator(max_epochs=5, random_state=0).fit(X, Y).decision_function(X)
    scaled = MLPDiscriminator(max_epochs=5, random_state=0).fit(X * scale, Y)
    np.testing.assert_allclose(scaled.decision_function(X * scale), plain, atol=1e-3)


def test_classes_are_balanced():
    model = MLPDiscriminator(max_epochs=1).fit(X, Y)
    np.testing.assert_allclose(model.net_.class_weight, [2, 2 / 3], rtol=1e-6)
    assert MLPDiscriminator(max_epochs=1, class_weight=None).fit(X, Y).net_.class_weight is None


def test_it_can_learn_by_heart():
    y = RNG.randint(2, size=60)
    model = MLPDiscriminator((256,) * 3, random_state=0).fit(RNG.randn(60, 40), y)
    assert model.train_accuracy_ >= 0.98


class TestShrink:
    def _twice(self, shrink, features=X, **params):
        # A rate so low that only the shrinking changes the weights.
        params = {"lr": 1e-12, "max_epochs": 1, **params}
        model = MLPDiscriminator((50,), warm_start=True, shrink=shrink, random_state=0, **params)
        weights = [
            next(model.fit(features, Y).net_.module_.parameters()).detach().numpy().copy()
            for _ in range(2)
        ]
        return model, *weights

    def test_one_carries_the_weights_over(self):
        _, first, second = self._twice(1)
        np.testing.assert_allclose(second, first, atol=1e-6)

    @pytest.mark.parametrize("shrink", [0, 0.3, 0.5])
    def test_the_rest_is_drawn_afresh(self, shrink):
        _, first, second = self._twice(shrink)
        fresh = (second - shrink * first) / (1 - shrink)
        # Torch draws the weights of four inputs evenly between -1/2 and 1/2.
        assert np.abs(fresh).max() <= 0.5 + 1e-5
        assert fresh.std() == pytest.approx(1 / np.sqrt(12), rel=0.2)
        assert abs(np.corrcoef(fresh.ravel(), first.ravel())[0, 1]) < 0.3

    def test_the_seed_draws(self):
        np.testing.assert_array_equal(self._twice(0.5)[2], self._twice(0.5)[2])

    def test_the_first_fit_knows_no_shrinking(self):
        np.testing.assert_array_equal(self._twice(0.5)[1], self._twice(1)[1])

    def test_images(self):
        images = X.reshape(-1, 2, 2)
        model, _, _ = self._twice(0.5, images, lr=1e-3)
        assert np.isfinite(model.decision_function(images)).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_layer_sizes", 256),
        ("hidden_layer_sizes", "large"),
        ("stop_accuracy", 98),
        ("lr", 0),
        ("shrink", -0.1),
        ("shrink", 1.1),
        ("max_epochs", 0),
    ],
)
def test_values_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter of MLPDiscriminator"):
        MLPDiscriminator(**{name: value}).fit(X, Y)


@pytest.mark.cuda
def test_cuda():
    y = np.where(np.arange(120) % 6 == 0, Y, -1)
    sampler = DiscriminativeSampler(
        MLPDiscriminator(device="cuda", max_epochs=10), n_mini_queries=3, random_state=0
    ).fit(X, y)
    before = torch.cuda.get_rng_state()
    rows = sampler.query(n_instances=9)
    np.testing.assert_array_equal(rows, sampler.query(n_instances=9))
    assert np.isfinite(sampler.score_samples(X)).all()
    assert torch.equal(torch.cuda.get_rng_state(), before)
