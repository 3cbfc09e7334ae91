from __future__ import annotations

from types import SimpleNamespace

import pytest

from skdal.neural.training import StopAtAccuracy, StopTraining


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
