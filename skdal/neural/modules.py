"""The networks: plain torch modules, built from the shape of a row and the number of outputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Self

import numpy as np
import torch
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


class Standardize(nn.Module):
    """Subtract a fixed mean and divide by a fixed scale, feature by feature.

    Parameters
    ----------
    mean, scale : tensors of the shape of one row
        Kept with the weights, but not trained.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, mean: torch.Tensor, scale: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    @classmethod
    def from_rows(cls, X: np.ndarray) -> Self:
        """Take mean and standard deviation of ``X``; features that are constant keep scale 1.

        Parameters
        ----------
        X : ndarray of shape (n_rows, ...)
            The rows to standardize by.
        """
        mean = X.mean(axis=0, dtype=np.float64)
        scale = X.std(axis=0, dtype=np.float64, mean=mean[np.newaxis])
        scale[scale == 0] = 1
        return cls(
            torch.as_tensor(mean, dtype=torch.float32), torch.as_tensor(scale, dtype=torch.float32)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the standardized batch."""
        return (x - self.mean) / self.scale
