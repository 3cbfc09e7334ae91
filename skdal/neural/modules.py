"""The networks: plain torch modules, built from the shape of a row and the number of outputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import nn


class MLP(nn.Sequential):
    """Multi-layer perceptron with ReLU units, the paper's discriminator (section 4.2).

    Parameters
    ----------
    input_shape : tuple of int
        Shape of one row; rows of more than one dimension are flattened.

    n_outputs : int
        Number of outputs. They are logits: no softmax at the end.

    hidden_layer_sizes : sequence of int, default=(256, 256, 256)
        Units of every hidden layer.
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
