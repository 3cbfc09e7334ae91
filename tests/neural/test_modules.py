from __future__ import annotations

import pickle

import pytest
import torch
from torch import nn

from skdal.neural.modules import MLP, VGG16, ConvAutoencoderModule, LeNet


class TestMLP:
    def test_layers(self):
        module = MLP((4,), 3, (7, 5))
        widths = [
            (layer.in_features, layer.out_features)
            for layer in module
            if isinstance(layer, nn.Linear)
        ]
        assert widths == [(4, 7), (7, 5), (5, 3)]
        assert sum(isinstance(layer, nn.ReLU) for layer in module) == 2
        # Logits: nothing comes after the last linear layer.
        assert isinstance(module[-1], nn.Linear)

    def test_the_papers_size(self):
        widths = [layer.out_features for layer in MLP((4,), 2) if isinstance(layer, nn.Linear)]
        assert widths == [256, 256, 256, 2]

    def test_no_hidden_layer(self):
        assert MLP((4,), 2, ())(torch.zeros(3, 4)).shape == (3, 2)

    def test_rows_are_flattened(self):
        module = MLP((1, 2, 3), 2, (4,))
        x = torch.rand(5, 1, 2, 3)
        torch.testing.assert_close(module(x), module(x.reshape(5, 6)))


def _keras_like_lenet(x, module):
    """ReLU, then pooling, and every layer by its function."""
    functional = nn.functional
    first, second, hidden, last = (
        layer for layer in module.modules() if isinstance(layer, nn.Conv2d | nn.Linear)
    )
    for layer in (first, second):
        x = functional.max_pool2d(
            functional.relu(functional.conv2d(x, layer.weight, layer.bias)), 2
        )
    return last(functional.relu(hidden(x.flatten(1))))


@pytest.mark.parametrize("shape", [(28, 28), (3, 32, 32), (10, 10), (4, 11, 15)])
def test_lenet(shape):
    module = LeNet(shape, 10).eval()
    x = torch.rand(5, *shape)
    images = x[:, None] if len(shape) == 2 else x
    torch.testing.assert_close(module(x), _keras_like_lenet(images, module))
    kernels = [w.shape[0] for w in module.parameters() if w.ndim > 1]
    assert kernels == [32, 64, 128, 10]


def test_lenets_gradients_are_those_of_the_other_order():
    module = LeNet((12, 12), 3).eval()
    x = torch.randn(7, 12, 12)
    gradients = [
        torch.autograd.grad(logits.square().sum(), list(module.parameters()))
        for logits in (module(x), _keras_like_lenet(x[:, None], module))
    ]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_lenets_dropout():
    dropout = [layer.p for layer in LeNet((28, 28), 10).modules() if isinstance(layer, nn.Dropout)]
    assert dropout == [0.5]
    assert sum(w.numel() for w in LeNet((28, 28), 10).parameters()) == 225_034


VGG = """
conv 64 relu norm drop.3 conv 64 relu norm pool
conv 128 relu norm drop.4 conv 128 relu norm pool
conv 256 relu norm drop.4 conv 256 relu norm drop.4 conv 256 relu norm pool
conv 512 relu norm drop.4 conv 512 relu norm drop.4 conv 512 relu norm pool
conv 512 relu norm drop.4 conv 512 relu norm drop.4 conv 512 relu norm pool
drop.5 dense 512 relu norm drop.5 dense 10
"""


def test_vgg_layer_by_layer():
    names = {
        nn.Conv2d: lambda layer: f"conv {layer.out_channels}",
        nn.ReLU: lambda layer: "relu",
        nn.BatchNorm2d: lambda layer: "norm",
        nn.BatchNorm1d: lambda layer: "norm",
        nn.Dropout: lambda layer: f"drop{layer.p}".replace("0.", "."),
        nn.MaxPool2d: lambda layer: "pool",
        nn.Linear: lambda layer: f"dense {layer.out_features}",
    }
    module = VGG16((3, 32, 32), 10)
    found = [names[type(layer)](layer) for layer in module if type(layer) in names]
    assert " ".join(found).split() == VGG.split()
    # What Keras counts, without the moving means and variances of its normalizations.
    assert sum(w.numel() for w in module.parameters()) == 14_991_946


@pytest.mark.parametrize("shape", [(32, 32), (3, 32, 40)])
def test_vgg_of_other_images(shape):
    assert VGG16(shape, 3).eval()(torch.rand(2, *shape)).shape == (2, 3)


def test_an_autoencoder_of_one_channel_adds_none():
    module = ConvAutoencoderModule((9, 10), 2)
    assert module.code_size == 2 * 3 * 3
    x = torch.rand(4, 9, 10)
    assert module[0](x).shape == (4, 18)
    assert module(x).shape == x.shape


@pytest.mark.parametrize("module", [LeNet((28, 28), 10), ConvAutoencoderModule((28, 28))])
def test_weights_begin_as_in_keras(module):
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    for layer in layers:
        n_out, n_in = layer.weight.shape[:2]
        bound = (6 / ((n_in + n_out) * layer.weight[0, 0].numel())) ** 0.5
        largest = layer.weight.abs().max().item()
        # The weights are float32, and so is the bound that they were drawn within.
        assert 0.8 * bound < largest <= bound * (1 + 1e-6)
        assert not layer.bias.any()


@pytest.mark.parametrize(
    "module", [MLP((4,), 2), LeNet((28, 28), 10), ConvAutoencoderModule((8, 8))]
)
def test_pickle(module):
    again = pickle.loads(pickle.dumps(module))
    for ours, theirs in zip(again.parameters(), module.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    ("module", "shape", "message"),
    [
        (LeNet, (9, 28), r"shape \(9, 28\), but the images must be at least 10x10"),
        (VGG16, (3, 31, 32), r"shape \(3, 31, 32\), but the images must be at least 32x32"),
        (LeNet, (28, 28, 1), r"channels come last, .* X.transpose\(0, 3, 1, 2\)"),
        (VGG16, (32, 32, 3), r"channels come last"),
        (LeNet, (784,), r"shape \(784,\), but images are .* X.reshape\(-1, 28, 28\)"),
        (LeNet, (1, 1, 28, 28), r"shape \(1, 1, 28, 28\), but images are"),
    ],
)
def test_rows_that_are_no_images(module, shape, message):
    with pytest.raises(ValueError, match=message):
        module(shape, 10)


@pytest.mark.parametrize("shape", [(3, 28, 3), (1, 10, 4), (4, 32, 1)])
def test_narrow_images_with_channels_first_are_only_too_small(shape):
    with pytest.raises(ValueError, match="at least 10x10"):
        LeNet(shape, 10)
