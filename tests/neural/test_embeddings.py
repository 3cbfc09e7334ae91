from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from skorch import NeuralNetClassifier
from torch import nn

from skdal.neural import NeuralClassifier, NeuralRegressor
from skdal.neural import network as network_module
from skdal.neural.embeddings import network_representation
from skdal.representation import has_representation, representation

X, Y = load_iris(return_X_y=True)
X32 = X.astype(np.float32)


CALLS: list[int] = []


class Custom(nn.Module):
    """Its layers are not made in the order in which they are called."""

    def __init__(self):
        super().__init__()
        self.output = nn.Linear(6, 3)
        self.unused = nn.Linear(5, 5)
        self.first = nn.Linear(4, 6)
        self.shared = nn.Linear(6, 6)

    def forward(self, x):
        CALLS.append(len(x))
        x = torch.relu(self.first(x))
        x = torch.relu(self.shared(x))
        x = torch.relu(self.shared(x))
        return self.output(x).softmax(dim=1)


def _net(module, **params):
    net = NeuralNetClassifier(module, max_epochs=1, verbose=0, train_split=None, **params)
    return net.fit(X32, Y)


def test_it_is_the_input_of_the_last_linear_layer():
    net = _net(Custom)
    module = net.module_
    assert has_representation(net)
    with torch.no_grad():
        x = torch.relu(module.first(torch.tensor(X32)))
        x = torch.relu(module.shared(torch.relu(module.shared(x))))
    Z = network_representation(net, X32)
    np.testing.assert_allclose(Z, x.numpy(), rtol=1e-6)
    np.testing.assert_array_equal(representation(net, X32), Z)
    # What is left to do is the last layer.
    proba = (torch.tensor(Z) @ module.output.weight.T + module.output.bias).softmax(dim=1)
    np.testing.assert_allclose(proba.detach().numpy(), net.predict_proba(X32), rtol=1e-5)


def test_a_layer_by_name():
    net = _net(Custom)
    module = net.module_
    with torch.no_grad():
        first = module.first(torch.tensor(X32))
        last = module.shared(torch.relu(module.shared(torch.relu(first))))
    np.testing.assert_allclose(network_representation(net, X32, "first"), first, rtol=1e-6)
    # Of several calls, the last.
    np.testing.assert_allclose(network_representation(net, X32, "shared"), last, rtol=1e-5)
    np.testing.assert_array_equal(
        representation(net, X32, layer="first"), network_representation(net, X32, "first")
    )


def test_one_pass_in_batches(monkeypatch):
    net = _net(Custom)
    expected = network_representation(net, X32)
    monkeypatch.setitem(network_module._BATCH_BYTES, "cpu", 40 * 4 * (4 + 6 + 6 + 6 + 3))
    CALLS.clear()
    np.testing.assert_allclose(network_representation(net, X32), expected, rtol=1e-5)
    # 150 rows in batches of 40, one row to count the bytes, one to find the layer.
    assert CALLS == [1, 1, 40, 40, 40, 30]


def test_what_comes_after_the_layer_is_not_computed():
    calls = []

    class Last(nn.Module):
        def forward(self, x):
            calls.append(len(x))
            return x

    net = _net(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3), Last(), nn.Softmax(1)))
    calls.clear()
    network_representation(net, X32)
    assert calls == [1, 1]


def test_the_module_is_as_it_was():
    net = _net(nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 3)))
    before = torch.get_rng_state()
    first = network_representation(net, X32)
    np.testing.assert_array_equal(first, network_representation(net, X32))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.module_.modules())
    assert torch.equal(torch.get_rng_state(), before)
    assert not first.flags.writeable or first.base is None or first.shape == (150, 8)


def test_convolutions_are_flattened():
    images = np.random.RandomState(0).rand(6, 1, 5, 5).astype(np.float32)
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(18, 2))
    net = NeuralNetClassifier(module, max_epochs=1, verbose=0, train_split=None)
    net.fit(images, np.arange(6) % 2)
    Z = network_representation(net, images, "0")
    assert Z.shape == (6, 18)
    np.testing.assert_array_equal(Z, network_representation(net, images))


@pytest.mark.parametrize(
    ("model", "y"),
    [
        (NeuralClassifier(max_epochs=1, standardize=True), Y),
        (NeuralRegressor(max_epochs=1), Y.astype(float)),
    ],
)
def test_the_estimators_of_this_package(model, y):
    model.fit(X, y)
    assert has_representation(model)
    assert network_representation(model, X).shape == (150, 256)
    assert representation(model, X, layer="1").shape == (150, 256)


def test_unknown_layers():
    net = _net(Custom)
    with pytest.raises(ValueError, match=r"layer='third' is no layer of Custom; .* first, shared"):
        network_representation(net, X32, "third")
    with pytest.raises(ValueError, match=r"layer='unused' of Custom is never called"):
        network_representation(net, X32, "unused")


def test_no_linear_layer():
    module = nn.Sequential(nn.Unflatten(1, (4, 1)), nn.Conv1d(4, 3, 1), nn.Flatten(), nn.Softmax(1))
    net = _net(module)
    with pytest.raises(ValueError, match=r"calls no linear layer, .* name the layer"):
        network_representation(net, X32)
    assert network_representation(net, X32, "1").shape == (150, 3)


def test_a_layer_of_what_is_no_network():
    from sklearn.decomposition import PCA

    with pytest.raises(ValueError, match=r"layer='1' names a layer of a network"):
        representation(PCA(2).fit(X), X, layer="1")
