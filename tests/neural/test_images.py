from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from skdal.neural import VGG16, LeNet, LeNetClassifier, NeuralClassifier, VGG16Classifier

DIGITS = load_digits(n_class=3)
X = np.kron(DIGITS.images[:200] / 16, np.ones((2, 2))).astype(np.float32)
Y = DIGITS.target[:200]


class OfFlatRows(LeNetClassifier):
    """Spreads the flat rows of scikit-learn's checks over images of 10x10."""

    def _validated(self, X, *args, reset):
        checked = super()._validated(X, *args, reset=reset)
        rows, *y = checked if isinstance(checked, tuple) else (checked,)
        columns = np.arange(100) * rows.shape[1] // 100
        images = rows[:, columns].astype(np.float32).reshape(-1, 10, 10)
        return (images, *y) if y else images


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:validation_fraction=0.2 of . rows leaves none:UserWarning")
@parametrize_with_checks([OfFlatRows(lr=5e-3, max_epochs=12, delay=0, standardize=True)])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_the_papers_settings():
    lenet, vgg = LeNetClassifier(), VGG16Classifier()
    assert (lenet.module, vgg.module) == (LeNet, VGG16)
    for model in (lenet, vgg):
        assert (model.lr, model.batch_size, model.validation_fraction) == (1e-3, 32, 0.2)
        assert not model.warm_start
    assert (lenet.max_epochs, lenet.l2) == (150, 0.0)
    assert (vgg.max_epochs, vgg.l2) == (400, 5e-4)


def test_they_are_neural_classifiers_with_these_settings():
    model = LeNetClassifier(max_epochs=3, random_state=0).fit(X, Y)
    other = NeuralClassifier(
        LeNet, batch_size=32, max_epochs=3, validation_fraction=0.2, random_state=0
    ).fit(X, Y)
    np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(X))
    assert model.validation_accuracy_ > 0.9
    assert model.best_epoch_ > 1


def test_bytes_are_images():
    model = LeNetClassifier(max_epochs=2, random_state=0).fit((255 * X).astype(np.uint8), Y)
    assert model.score((255 * X).astype(np.uint8), Y) > 0.8
    assert model.score(X, Y) > 0.8


def test_vgg():
    rng = np.random.RandomState(0)
    # A last batch of one row would be an error of batch normalization.
    y = np.arange(33) % 2
    images = rng.rand(33, 3, 32, 32) * 0.5 + 0.5 * y[:, np.newaxis, np.newaxis, np.newaxis]
    model = VGG16Classifier(max_epochs=1, validation_fraction=0.0, random_state=0).fit(images, y)
    assert model.predict_proba(images).shape == (33, 2)
    decayed, free = model.net_.optimizer_.param_groups
    assert decayed["weight_decay"] == 1e-3
    assert free["weight_decay"] == 0
    assert len(decayed["params"]) == 15
    assert isinstance(model.net_.module_, nn.Sequential)


def test_clone():
    model = VGG16Classifier(l2=0.1, delay=3)
    assert clone(model).get_params() == model.get_params()
    assert "module" not in model.get_params()


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (X[:, :9, :9], r"shape \(9, 9\), but the images must be at least 10x10"),
        (X[..., np.newaxis], r"channels come last.*X.transpose\(0, 3, 1, 2\)"),
        (X.reshape(200, -1), r"shape \(256,\), but images are .*X.reshape\(-1, 28, 28\)"),
    ],
)
def test_rows_that_are_no_images(images, message):
    with pytest.raises(ValueError, match=message):
        LeNetClassifier(max_epochs=1).fit(images, Y)


@pytest.mark.cuda
def test_cuda():
    model = LeNetClassifier(max_epochs=3, device="cuda", random_state=0).fit(X, Y)
    assert next(model.net_.module_.parameters()).is_cuda
    assert model.score(X, Y) > 0.9
    images = torch.rand(40, 3, 32, 32).numpy()
    vgg = VGG16Classifier(max_epochs=2, device="cuda", random_state=0).fit(images, Y[:40])
    assert np.isfinite(vgg.predict_proba(images)).all()
