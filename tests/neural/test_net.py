from __future__ import annotations

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, EarlyStopping
from torch import nn

from skdal.neural.net import Net, pass_on_interrupts, resolve_device, torch_seed


class TestDevice:
    def test_auto(self):
        assert resolve_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")

    def test_cpu(self):
        assert resolve_device("cpu") == "cpu"

    @pytest.mark.parametrize("device", ["gpu", "", "cpu:x", "cuda0"])
    def test_unknown(self, device):
        with pytest.raises(
            ValueError, match=f"device='{device}' is no device that torch knows.*cpu"
        ):
            resolve_device(device)

    @pytest.mark.parametrize("device", ["cuda", "cuda:1"])
    def test_cuda_is_absent(self, device, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        with pytest.raises(ValueError, match=f"device='{device}', but torch finds no CUDA.*'auto'"):
            resolve_device(device)

    @pytest.mark.cuda
    def test_cuda(self):
        assert resolve_device("cuda") == "cuda"
        assert resolve_device("cuda:0") == "cuda:0"


class TestSeed:
    def test_the_block_is_seeded_and_the_state_comes_back(self):
        torch.rand(3)
        before = torch.get_rng_state()
        numpy_before = np.random.get_state()[1].copy()
        with torch_seed(7):
            first = torch.rand(5)
        assert torch.equal(torch.get_rng_state(), before)
        np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)
        with torch.random.fork_rng():
            torch.manual_seed(7)
            torch.testing.assert_close(torch.rand(5), first, rtol=0, atol=0)
        with torch_seed(8):
            assert not torch.equal(torch.rand(5), first)

    def test_the_state_comes_back_after_an_error(self):
        before = torch.get_rng_state()

        def fail():
            torch.rand(1)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError), torch_seed(7):
            fail()
        assert torch.equal(torch.get_rng_state(), before)

    @pytest.mark.cuda
    def test_cuda(self):
        before = torch.cuda.get_rng_state()
        draws = []
        for _ in range(2):
            with torch_seed(7, "cuda"):
                draws.append(torch.rand(5, device="cuda").cpu())
        assert torch.equal(torch.cuda.get_rng_state(), before)
        assert torch.equal(*draws)


class TestInterrupts:
    def _fit(self, callback):
        net = NeuralNetClassifier(
            nn.Linear(2, 2),
            criterion=nn.CrossEntropyLoss,
            callbacks=[callback],
            max_epochs=9,
            verbose=0,
        )
        with pass_on_interrupts(net):
            net.fit(np.zeros((10, 2), dtype=np.float32), np.arange(10) % 2)
        return net

    def test_a_ctrl_c_is_passed_on(self):
        class Interrupted(Callback):
            def on_epoch_end(self, net, **kwargs):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            self._fit(Interrupted())

    def test_early_stopping_is_none(self):
        stopping = EarlyStopping(patience=1, threshold=1e9, threshold_mode="abs")
        assert len(self._fit(stopping).history) < 9


def test_parts_of_a_module():
    net = Net(nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5)), nn.MSELoss).initialize()
    x = np.ones((300, 2), dtype=np.float32)
    part = net.outputs(x, net.module_[0])
    assert part.shape == (300, 3)
    # Without dropout.
    np.testing.assert_array_equal(net.outputs(x), part)
