from __future__ import annotations

import torch
from torch import nn

from skdal.neural.modules import MLP


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
