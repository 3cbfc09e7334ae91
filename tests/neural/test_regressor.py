from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import is_regressor
from sklearn.datasets import load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.metrics import r2_score
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from skdal.neural import NeuralRegressor

X, Y = load_diabetes(return_X_y=True)
SMALL = {"hidden_layer_sizes": (8,)}


def _small(**params):
    params = {"module_params": SMALL, "max_epochs": 3, "random_state": 0, **params}
    return NeuralRegressor(**params)


@parametrize_with_checks(
    [NeuralRegressor(module_params=SMALL, lr=0.05, standardize=True, max_epochs=60)]
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("n_outputs", [None, 1, 3])
def test_it_is_a_plain_torch_loop(n_outputs):
    y = Y if n_outputs is None else np.column_stack([Y, Y**2, -Y][:n_outputs])
    columns = torch.tensor(y.reshape(len(y), -1))
    mean, scale = columns.mean(dim=0), columns.std(dim=0, correction=0)
    inputs, targets = torch.tensor(X).float(), ((columns - mean) / scale).float()
    with torch.random.fork_rng():
        torch.manual_seed(np.random.RandomState(0).randint(np.iinfo(np.int32).max))
        module = nn.Sequential(nn.Linear(10, 8), nn.ReLU(), nn.Linear(8, columns.shape[1]))
        optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
        for _ in range(5):
            for rows in torch.randperm(len(X)).split(100):
                optimizer.zero_grad()
                nn.functional.mse_loss(module(inputs[rows]), targets[rows]).backward()
                optimizer.step()
    expected = (module(inputs).detach() * scale + mean).numpy().reshape(y.shape)
    model = _small(lr=0.01, batch_size=100, max_epochs=5).fit(X, y)
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-3)
    assert model.predict(X).dtype == np.float64
    assert model.score(X, y) == pytest.approx(r2_score(y, model.predict(X)))


def test_it_learns():
    model = _small(standardize=True, lr=0.01, max_epochs=30).fit(X, Y)
    assert model.score(X, Y) > 0.5
    assert is_regressor(model)


def test_the_units_of_the_targets_do_not_matter():
    plain = _small().fit(X, Y).predict(X)
    scaled = _small().fit(X, 1e6 * Y - 1e9).predict(X)
    np.testing.assert_allclose(scaled, 1e6 * plain - 1e9, rtol=1e-5)


def test_a_constant_target():
    # The weights of a fresh network are no zeros, but its outputs stay within a scale of 1.
    predicted = _small(max_epochs=60, lr=0.05).fit(X, np.full(len(X), 7.0)).predict(X)
    np.testing.assert_allclose(predicted, 7, atol=0.2)


def test_images():
    images = np.random.RandomState(0).randint(256, size=(20, 4, 4), dtype=np.uint8)
    model = _small().fit(images, np.arange(20))
    np.testing.assert_allclose(model.predict(images / 255), model.predict(images), rtol=1e-4)


def test_warm_start():
    model = _small(warm_start=True, lr=0.01).fit(X, Y)
    losses = [model.net_.history[-1]["train_loss"]]
    for _ in range(3):
        model.fit(X, Y + 1000)
        losses.append(model.net_.history[-1]["train_loss"])
    # Mean and scale of the first targets stay.
    assert losses[1] > 100
    assert losses[3] < losses[1]
    with pytest.raises(ValueError, match=r"targets must keep the shape \(\) a row; y has \(2,\)"):
        model.fit(X, np.column_stack([Y, Y]))


def test_pickle():
    model = _small(validation_fraction=0.2).fit(X, Y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))


def test_not_fitted():
    with pytest.raises(NotFittedError):
        _small().predict(X)


@pytest.mark.cuda
def test_cuda():
    settings = {"standardize": True, "lr": 0.01, "max_epochs": 20}
    model = _small(device="cuda", **settings).fit(X, Y)
    assert next(model.net_.module_.parameters()).is_cuda
    on_cpu = _small(device="cpu", **settings).fit(X, Y)
    np.testing.assert_allclose(model.predict(X), on_cpu.predict(X), rtol=0.05)
