from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from skdal.neural import ConvAutoencoder

X = load_digits().images[:200].astype(np.float32) / 16


def _small(**params):
    return ConvAutoencoder(**{"max_epochs": 2, "batch_size": 64, "random_state": 0, **params})


class OfFlatRows(ConvAutoencoder):
    """Squeezes the flat rows of scikit-learn's checks into images one pixel high."""

    def _validated(self, X, *args, reset):
        rows = super()._validated(X, *args, reset=reset)
        if reset:
            self._low_, self._range_ = rows.min(), max(np.ptp(rows), 1e-9)
        rows = (rows.astype(np.float32) - self._low_) / self._range_
        return np.clip(rows, 0, 1)[:, np.newaxis]


@pytest.mark.slow
@parametrize_with_checks([OfFlatRows(max_epochs=2)])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_it_is_a_plain_torch_loop():
    images = torch.tensor(X)
    with torch.random.fork_rng():
        torch.manual_seed(np.random.RandomState(0).randint(np.iinfo(np.int32).max))
        module = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 8, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(8, 4, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(4, 4, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(4, 8, 3, padding=1),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(8, 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 1, 3, padding=1),
            nn.Sigmoid(),
        )
        for layer in module:
            if isinstance(layer, nn.Conv2d):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)
        optimizer = torch.optim.Adam(module.parameters(), lr=3e-4)
        for _ in range(3):
            for rows in torch.randperm(len(X)).split(64):
                optimizer.zero_grad()
                batch = images[rows, None]
                nn.functional.binary_cross_entropy(module(batch), batch).backward()
                optimizer.step()
    model = _small(max_epochs=3).fit(X)
    codes = module[:9](images[:, None])[:, :, ::2, ::2].detach().numpy().reshape(200, -1)
    # Where the layers were built, torch's own initial weights were drawn too, in another order.
    assert model.transform(X).shape == codes.shape
    with torch.no_grad():
        for ours, theirs in zip(model.net_.module_.parameters(), module.parameters(), strict=True):
            ours.copy_(theirs)
    np.testing.assert_allclose(model.transform(X), codes, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        model.inverse_transform(model.transform(X)),
        module(images[:, None])[:, 0].detach(),
        rtol=1e-4,
        atol=1e-5,
    )


def test_it_learns():
    model = _small(max_epochs=25, lr=1e-2).fit(X)
    losses = [epoch["train_loss"] for epoch in model.net_.history]
    assert losses[-1] < 0.7 * losses[0]
    error = np.mean((model.inverse_transform(model.transform(X)) - X) ** 2)
    # Better than the mean image.
    assert error < 0.8 * np.mean((X.mean(axis=0) - X) ** 2)


@pytest.mark.parametrize(
    ("shape", "code_size"),
    [
        ((28, 28), 7 * 7 * 4),
        ((3, 32, 32), 8 * 8 * 4),
        ((30, 30), 8 * 8 * 4),
        ((1, 5, 7), 2 * 2 * 4),
        ((1, 1), 4),
        ((3, 6), 2 * 1 * 4),
    ],
)
def test_sizes(shape, code_size):
    images = np.random.RandomState(0).rand(5, *shape)
    model = _small().fit(images)
    codes = model.transform(images)
    assert (codes.shape, codes.dtype) == ((5, code_size), np.float32)
    again = model.inverse_transform(codes)
    assert (again.shape, again.dtype) == (images.shape, np.float32)
    assert 0 <= again.min() < again.max() <= 1 or code_size == 4
    np.testing.assert_array_equal(model.fit_transform(images), codes)


def test_bytes_are_images():
    images = (255 * X).astype(np.uint8)
    model = _small().fit(images)
    np.testing.assert_allclose(
        model.transform(images), model.transform(images / 255), rtol=1e-5, atol=1e-6
    )


def test_names_of_the_features():
    names = _small(code_channels=2).fit(X).get_feature_names_out()
    assert names.tolist() == [f"convautoencoder{i}" for i in range(8)]


def test_output_of_pandas():
    pd = pytest.importorskip("pandas")
    codes = _small().set_output(transform="pandas").fit(X).transform(X)
    assert isinstance(codes, pd.DataFrame)
    assert codes.shape == (200, 16)


@pytest.mark.parametrize("images", [X - 0.1, 1.2 * X, 16 * X])
def test_values_that_are_no_pixels(images):
    with pytest.raises(ValueError, match=r"X has values from .* must lie in \[0, 1\]; scale them"):
        _small().fit(images)


def test_values_that_are_no_pixels_later():
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        _small().fit(X).transform(X - 1)


def test_rows_that_are_no_images():
    with pytest.raises(ValueError, match=r"shape \(64,\), but images are.*X.reshape\(-1, 28, 28\)"):
        _small().fit(X.reshape(200, 64))
    with pytest.raises(ValueError, match="channels come last"):
        _small().fit(X[..., np.newaxis])


def test_codes_of_another_size():
    with pytest.raises(ValueError, match=r"Z has 15 columns, but the codes .* have 16"):
        _small().fit(X).inverse_transform(np.zeros((2, 15)))


def test_not_fitted():
    for method in ("transform", "inverse_transform", "get_feature_names_out"):
        with pytest.raises(NotFittedError):
            getattr(_small(), method)(*([] if method.startswith("get") else [X]))


def test_warm_start_and_pickle():
    model = _small(warm_start=True).fit(X).fit(X)
    assert len(model.net_.history) == 4
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(model)).transform(X), model.transform(X)
    )


@pytest.mark.parametrize(("name", "value"), [("code_channels", 0), ("lr", 0), ("max_epochs", 0)])
def test_values_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter of ConvAutoencoder"):
        ConvAutoencoder(**{name: value}).fit(X)


@pytest.mark.cuda
def test_cuda():
    model = _small(device="cuda").fit(X)
    assert next(model.net_.module_.parameters()).is_cuda
    on_cpu = _small(device="cpu").fit(X)
    np.testing.assert_allclose(model.transform(X), on_cpu.transform(X), atol=1e-2)
