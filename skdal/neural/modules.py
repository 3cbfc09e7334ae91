"""The networks: plain torch modules, built from the shape of a row and the number of outputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

# The defaults of batch normalization in Keras; torch's are 1e-5 and 0.1.
_EPS, _MOMENTUM = 1e-3, 0.01

# Filters of the convolutions of VGG-16, block by block.
_VGG16 = ((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3)

# Numbers of channels that images usually have.
_CHANNELS = (1, 3, 4)


class MLP(nn.Sequential):
    """Multi-layer perceptron with ReLU units, the paper's discriminator ([1]_, section 4.2).

    Parameters
    ----------
    input_shape : tuple of int
        Shape of one row; rows of more than one dimension are flattened.

    n_outputs : int
        Number of outputs. They are logits: no softmax at the end.

    hidden_layer_sizes : sequence of int, default=(256, 256, 256)
        Units of every hidden layer.

    References
    ----------
    .. [1] Gissin and Shalev-Shwartz, "Discriminative Active Learning", 2019,
       arXiv:1907.06347.

    Examples
    --------
    >>> import torch
    >>> from skdal.neural import MLP
    >>> MLP((8, 8), 2)(torch.zeros(5, 8, 8)).shape
    torch.Size([5, 2])
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        n_outputs: int,
        hidden_layer_sizes: Sequence[int] = (256, 256, 256),
    ) -> None:
        widths = [math.prod(input_shape), *hidden_layer_sizes]
        layers: list[nn.Module] = [nn.Flatten()]
        for n_in, n_out in pairwise(widths):
            layers += [nn.Linear(n_in, n_out), nn.ReLU()]
        super().__init__(*layers, nn.Linear(widths[-1], n_outputs))


class LeNet(nn.Sequential):
    """The small convolutional network of the paper's experiments on MNIST (section 5.1).

    Two blocks of 3x3 convolution, ReLU and max-pooling with 32 and 64 filters, a hidden layer
    of 128 ReLU units and dropout of one half, as in the code released with the paper [1]_.
    The initial weights are Glorot's, as in Keras, and the biases zero.

    Parameters
    ----------
    input_shape : tuple of int
        Shape of one image: ``(height, width)`` or ``(channels, height, width)``, at least
        10x10.

    n_outputs : int
        Number of outputs. They are logits: no softmax at the end.

    References
    ----------
    .. [1] Gissin and Shalev-Shwartz, "Discriminative Active Learning", 2019,
       arXiv:1907.06347.

    Examples
    --------
    >>> import torch
    >>> from skdal.neural import LeNet
    >>> LeNet((28, 28), 10)(torch.zeros(5, 28, 28)).shape
    torch.Size([5, 10])
    """

    def __init__(self, input_shape: tuple[int, ...], n_outputs: int) -> None:
        channels, height, width = image_shape(input_shape, least=10)
        # Pooling comes before ReLU: the order does not matter to the result, and a quarter of
        # the units is less work.
        features = nn.Sequential(
            _with_channels(input_shape),
            nn.Conv2d(channels, 32, 3),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(64 * _after_lenet(height) * _after_lenet(width), 128),
            nn.ReLU(),
        )
        super().__init__()
        # One layer, so that whoever remembers its output has a single one to remember.
        self.features = features
        self.dropout = nn.Dropout(0.5)
        self.output = nn.Linear(128, n_outputs)
        _as_keras_begins(self)


class VGG16(nn.Sequential):
    """VGG-16 for small images, the network of the paper's experiments on CIFAR-10 (section 5.1).

    Thirteen 3x3 convolutions in five blocks [2]_, with batch normalization after every ReLU,
    dropout in and after the blocks, and a hidden layer of 512 units, as in the code released
    with the paper [1]_. The initial weights are Glorot's, as in Keras, and the biases zero;
    batch normalization has Keras' momentum and epsilon.

    Parameters
    ----------
    input_shape : tuple of int
        Shape of one image: ``(height, width)`` or ``(channels, height, width)``, at least
        32x32.

    n_outputs : int
        Number of outputs. They are logits: no softmax at the end.

    References
    ----------
    .. [1] Gissin and Shalev-Shwartz, "Discriminative Active Learning", 2019,
       arXiv:1907.06347.
    .. [2] Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
       Recognition", 2015, arXiv:1409.1556.

    Examples
    --------
    >>> import torch
    >>> from skdal.neural import VGG16
    >>> VGG16((3, 32, 32), 10).eval()(torch.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 10])
    """

    def __init__(self, input_shape: tuple[int, ...], n_outputs: int) -> None:
        channels, height, width = image_shape(input_shape, least=32)
        layers: list[nn.Module] = [_with_channels(input_shape)]
        for number, block in enumerate(_VGG16):
            for filters in block:
                layers += [
                    nn.Conv2d(channels, filters, 3, padding=1),
                    nn.ReLU(),
                    nn.BatchNorm2d(filters, _EPS, _MOMENTUM),
                    nn.Dropout(0.3 if number == 0 else 0.4),
                ]
                channels = filters
            # In place of the dropout after the last convolution of a block.
            layers[-1] = nn.MaxPool2d(2)
        super().__init__(
            *layers,
            nn.Dropout(0.5),
            nn.Flatten(),
            nn.Linear(channels * (height // 32) * (width // 32), 512),
            nn.ReLU(),
            nn.BatchNorm1d(512, _EPS, _MOMENTUM),
            nn.Dropout(0.5),
            nn.Linear(512, n_outputs),
        )
        _as_keras_begins(self)


class ConvAutoencoderModule(nn.Sequential):
    """Convolutional autoencoder of images: ``self[0]`` encodes, ``self[1]`` decodes to logits.

    Parameters
    ----------
    input_shape : tuple of int
        Shape of one image: ``(height, width)`` or ``(channels, height, width)``.

    code_channels : int, default=4
        Channels of the code, whose height and width are a quarter of the image's, rounded up.
    """

    def __init__(self, input_shape: tuple[int, ...], code_channels: int = 4) -> None:
        channels, height, width = image_shape(input_shape)
        halves = -(-height // 2), -(-width // 2)
        code_shape = code_channels, -(-halves[0] // 2), -(-halves[1] // 2)
        encoder = nn.Sequential(
            _with_channels(input_shape),
            *_convolution(channels, 32),
            nn.MaxPool2d(2, ceil_mode=True),
            *_convolution(32, 8),
            *_convolution(8, code_channels),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.Flatten(),
        )
        decoder = nn.Sequential(
            nn.Unflatten(1, code_shape),
            # To sizes, not by a factor: what pooling rounded up is cut off again.
            nn.Upsample(halves),
            *_convolution(code_channels, code_channels),
            *_convolution(code_channels, 8),
            nn.Upsample((height, width)),
            *_convolution(8, 32),
            nn.Conv2d(32, channels, 3, padding=1),
            nn.Flatten(1, 4 - len(input_shape)),
        )
        super().__init__(encoder, decoder)
        self.code_size = math.prod(code_shape)
        _as_keras_begins(self)


def image_shape(input_shape: tuple[int, ...], least: int = 1) -> tuple[int, int, int]:
    """Return channels, height and width of the images that rows of this shape are.

    Parameters
    ----------
    input_shape : tuple of int
        Shape of one row.

    least : int, default=1
        Least height and width.

    Returns
    -------
    tuple of int
        Channels, height and width.

    Raises
    ------
    ValueError
        If the rows are no images, have their channels last or are too small.
    """
    shape = tuple(int(n) for n in input_shape)
    if len(shape) not in (2, 3):
        raise ValueError(
            f"The rows of X have the shape {shape}, but images are (height, width) or (channels, "
            "height, width); give X that shape, as in X.reshape(-1, 28, 28)."
        )
    channels, height, width = (1, *shape)[-3:]
    if width in _CHANNELS and channels not in _CHANNELS:
        raise ValueError(
            f"The rows of X have the shape {shape}: their channels come last, but must come "
            "first; pass X.transpose(0, 3, 1, 2)."
        )
    if min(height, width) < least:
        raise ValueError(
            f"The rows of X have the shape {shape}, but the images must be at least "
            f"{least}x{least} for this network; enlarge them, or take another module."
        )
    return channels, height, width


def _with_channels(input_shape: tuple[int, ...]) -> nn.Module:
    return nn.Unflatten(1, (1, input_shape[0])) if len(input_shape) == 2 else nn.Identity()


def _after_lenet(size: int) -> int:
    return ((size - 2) // 2 - 2) // 2


def _convolution(n_in: int, n_out: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU()


@torch.no_grad()
def _as_keras_begins(module: nn.Module) -> None:
    """Draw Glorot's weights, zero the biases, and lay the kernels out for speed."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    # Channels last in memory, not in shape: pooling and convolving take two thirds of the time.
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
