"""When to stop training: skorch callbacks."""

from __future__ import annotations

from typing import Any

from skorch.callbacks import Callback


class StopTraining(Exception):  # noqa: N818 - a signal, not an error
    """Ends the training in good order when a callback raises it."""


class StopAtAccuracy(Callback):
    """End the training once the running training accuracy of an epoch suffices.

    The accuracy is that of the predictions made while the epoch trained, so that it costs
    no pass of its own.

    Parameters
    ----------
    accuracy : float or None, default=None
        Training ends after the first epoch at or above it; None: never.
    """

    def __init__(self, accuracy: float | None = None) -> None:
        self.accuracy = accuracy

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Compare the epoch's accuracy with the one that suffices."""
        if self.accuracy is not None and net.history[-1]["train_acc"] >= self.accuracy:
            raise StopTraining
