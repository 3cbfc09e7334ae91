from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler
from torch import nn

from skdal.neural.modules import MLP, Standardize


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


class TestStandardize:
    @pytest.mark.parametrize("shape", [(50, 3), (50, 1, 2, 2)])
    def test_as_scikit_learn_does(self, shape):
        X = (np.random.RandomState(0).randn(*shape) * 5 + 100).astype(np.float32)
        expected = StandardScaler().fit_transform(X.reshape(50, -1).astype(np.float64))
        found = Standardize.from_rows(X)(torch.as_tensor(X)).numpy()
        assert found.dtype == np.float32
        np.testing.assert_allclose(found.reshape(50, -1), expected, atol=1e-4)

    @pytest.mark.parametrize("value", [0, 0.1, 1e6, 1 / 3])
    @pytest.mark.parametrize("n_rows", [1, 3, 1000])
    def test_constant_features_keep_their_scale(self, value, n_rows):
        X = np.full((n_rows, 2), value, dtype=np.float32)
        standardize = Standardize.from_rows(X)
        np.testing.assert_array_equal(standardize(torch.as_tensor(X)).numpy(), 0)
        # A row that differs later is not blown up.
        found = standardize(torch.as_tensor(X + 1)).numpy()
        np.testing.assert_allclose(found, 1, rtol=0.1)

    def test_many_large_values(self):
        X = np.tile(np.float32([1e6, 1e6 + 1]), 20000)[:, np.newaxis]
        found = Standardize.from_rows(X)(torch.as_tensor(X)).numpy()
        np.testing.assert_allclose(found.ravel(), np.tile([-1, 1], 20000), rtol=0.1)

    def test_the_statistics_are_kept_but_not_trained(self):
        standardize = Standardize.from_rows(np.random.RandomState(0).randn(9, 3))
        assert not list(standardize.parameters())
        assert set(standardize.state_dict()) == {"mean", "scale"}
        assert standardize.mean.dtype == standardize.scale.dtype == torch.float32
