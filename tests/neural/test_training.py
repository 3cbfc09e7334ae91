from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skorch.history import History
from torch import nn

from skdal.neural.training import KeepBest, StopAtAccuracy, StopTraining, stratified_split


@pytest.mark.parametrize(("accuracy", "stops"), [(0.979, False), (0.98, True), (1.0, True)])
def test_stop_at_accuracy(accuracy, stops):
    net = SimpleNamespace(history=[{"train_acc": 1.0}, {"train_acc": accuracy}])
    stop = StopAtAccuracy(0.98)
    if stops:
        with pytest.raises(StopTraining):
            stop.on_epoch_end(net)
    else:
        stop.on_epoch_end(net)


def test_the_signal_is_no_interrupt():
    assert not issubclass(StopTraining, KeyboardInterrupt)


class TestSplit:
    @pytest.mark.parametrize("seed", range(20))
    def test_shares(self, seed):
        rng = np.random.RandomState(seed)
        counts = rng.randint(1, 30, size=rng.randint(1, 8))
        codes = rng.permutation(np.repeat(np.arange(len(counts)), counts))
        fraction = rng.rand()
        train, held = stratified_split(codes, fraction, rng)
        np.testing.assert_array_equal(np.sort(np.r_[train, held]), np.arange(len(codes)))
        assert (np.diff(train) > 0).all()
        assert (np.diff(held) > 0).all()
        assert set(codes[train]) == set(codes)
        shares = np.bincount(codes[held], minlength=len(counts))
        assert (np.abs(shares - np.minimum(fraction * counts, counts - 1)) <= 1).all()

    @pytest.mark.parametrize(
        ("counts", "fraction", "shares"),
        [
            ([10, 10], 0.2, [2, 2]),
            ([5, 5, 5, 5], 0.2, [1, 1, 1, 1]),
            ([100], 0.29, [29]),
            ([8, 1], 0.2, [2, 0]),
            # Quotas of 1.4 and 0.6 make two.
            ([7, 3], 0.2, [1, 1]),
            # One of each class is for training.
            ([2, 2], 0.9, [1, 1]),
            ([1, 1, 1], 0.5, [0, 0, 0]),
            ([2], 0.2, [0]),
        ],
    )
    def test_largest_remainders(self, counts, fraction, shares):
        codes = np.repeat(np.arange(len(counts)), counts)
        _, held = stratified_split(codes, fraction, np.random.RandomState(0))
        assert np.bincount(codes[held], minlength=len(counts)).tolist() == shares

    def test_equal_remainders_are_rounded_up_by_lot(self):
        codes = np.repeat(np.arange(10), 3)
        rng = np.random.RandomState(0)
        n_times = np.zeros(10)
        for _ in range(500):
            _, held = stratified_split(codes, 0.2, rng)
            assert len(held) == 6
            n_times += np.bincount(codes[held], minlength=10)
        assert (np.abs(n_times - 300) < 60).all()

    def test_every_row_is_drawn_alike_and_the_seed_repeats_it(self):
        codes = np.arange(30) % 2
        draws = [stratified_split(codes, 0.5, np.random.RandomState(s))[1] for s in range(400)]
        n_times = np.bincount(np.concatenate(draws), minlength=30)
        assert (np.abs(n_times - 200) < 50).all()
        np.testing.assert_array_equal(
            draws[3], stratified_split(codes, 0.5, np.random.RandomState(3))[1]
        )


class TestKeepBest:
    def _train(self, values, **params):
        """Train a weight that is the number of the epoch. Returns it and the callback."""
        keep = KeepBest(**params)
        net = SimpleNamespace(module_=nn.Linear(1, 1), history=History())
        keep.on_train_begin(net)
        for epoch, value in enumerate(values, start=1):
            net.history.new_epoch()
            net.history.record(keep.monitor, value)
            nn.init.constant_(net.module_.weight, epoch)
            keep.on_epoch_end(net)
        keep.on_train_end(net)
        assert keep.weights_ is None
        return net.module_.weight.item(), keep, net.history

    @pytest.mark.parametrize(
        ("accuracies", "delay", "best"),
        [
            ([0.5, 0.7, 0.6], 0, 2),
            ([0.5, 0.7, 0.7, 0.6], 0, 3),
            ([0.9, 0.9, 0.6, 0.7, 0.5], 2, 4),
            ([0.9, 0.8], 2, 2),
            ([0.0], 0, 1),
        ],
    )
    def test_the_greatest_accuracy(self, accuracies, delay, best):
        weight, keep, history = self._train(accuracies, monitor="valid_acc", delay=delay)
        assert weight == keep.best_epoch_ == best
        assert keep.best_value_ == accuracies[best - 1]
        assert history[:, "event_best"][-1] == (best == len(accuracies) > delay)

    def test_the_least_loss(self):
        weight, keep, _ = self._train([3.0, 1.0, 2.0])
        assert (weight, keep.best_epoch_, keep.best_value_) == (2, 2, 1.0)

    def test_buffers_are_kept_too(self):
        net = SimpleNamespace(module_=nn.BatchNorm1d(2), history=History())
        keep = KeepBest()
        keep.on_train_begin(net)
        for loss in (1.0, 2.0):
            net.history.new_epoch()
            net.history.record("valid_loss", loss)
            net.module_.running_mean.fill_(loss)
            keep.on_epoch_end(net)
        keep.on_train_end(net)
        assert torch.equal(net.module_.running_mean, torch.ones(2))
