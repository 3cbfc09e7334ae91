"""Which rows to hold out, when to stop training and which weights to keep."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
from skorch.callbacks import Callback

__all__ = ["StopTraining"]


def stratified_split(
    codes: np.ndarray, fraction: float, rng: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Part rows in two at random, class by class.

    Parameters
    ----------
    codes : ndarray of shape (n_rows,)
        Classes as numbers from 0.

    fraction : float
        Share of the rows for the second part, in [0, 1). It is rounded by class, with the
        largest remainders up, so that the shares add up; but the first part keeps at least
        one row of every class.

    rng : numpy.random.RandomState
        Draws the rows, and which of equal remainders are rounded up.

    Returns
    -------
    tuple of ndarray
        Row indices of the two parts, ascending.
    """
    counts = np.bincount(codes)
    quotas = fraction * counts
    most = np.maximum(counts - 1, 0)
    held = np.minimum(np.floor(quotas).astype(int), most)
    n_more = int(np.floor(quotas.sum() + 0.5)) - int(np.floor(quotas).sum())
    classes = rng.permutation(len(counts))
    classes = classes[np.argsort(-(quotas % 1)[classes], kind="stable")]
    held[classes[held[classes] < most[classes]][:n_more]] += 1

    order = rng.permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    place_in_class = np.arange(len(codes)) - np.repeat(np.cumsum(counts) - counts, counts)
    is_held = np.empty(len(codes), dtype=bool)
    is_held[order] = place_in_class < np.repeat(held, counts)
    return np.flatnonzero(~is_held), np.flatnonzero(is_held)


class StopTraining(Exception):  # noqa: N818 - a signal, not an error
    """Ends the training in good order when a callback raises it.

    The model is then what it was at that moment, or, where a part of the rows validates, what it
    was in the best epoch.

    Examples
    --------
    >>> from skorch.callbacks import Callback
    >>> from sklearn.datasets import load_iris
    >>> from skdal.neural import NeuralClassifier
    >>> from skdal.neural.training import StopTraining
    >>> class StopAtOnce(Callback):
    ...     def on_epoch_end(self, net, **kwargs):
    ...         raise StopTraining
    >>> X, y = load_iris(return_X_y=True)
    >>> NeuralClassifier(callbacks=[StopAtOnce()], random_state=0).fit(X, y).n_iter_
    1
    """


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


class KeepBest(Callback):
    """Keep the weights of the epoch that did best on the validation rows.

    Of equal epochs the latest is kept. Where training ends within the delay, the weights stay
    those of the last epoch.

    Parameters
    ----------
    monitor : str, default="valid_loss"
        Column of the history that is compared. The least loss is best, the greatest of
        anything else.

    delay : int, default=0
        Number of epochs at the beginning that do not count.

    Attributes
    ----------
    best_epoch_ : int
        The epoch whose weights were kept, counted from 1 where training began.

    best_value_ : float
        What ``monitor`` was in it.
    """

    best_epoch_: int
    best_value_: float

    def __init__(self, monitor: str = "valid_loss", delay: int = 0) -> None:
        self.monitor = monitor
        self.delay = delay

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Begin to count."""
        self.n_epochs_ = 0
        self.weights_: dict[str, Any] | None = None

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Copy the weights if none before were better."""
        self.n_epochs_ += 1
        value = net.history[-1][self.monitor]
        sign = -1 if self.monitor.endswith("loss") else 1
        is_best = self.n_epochs_ > self.delay and (
            self.weights_ is None or sign * value >= sign * self.best_value_
        )
        # A name that skorch's PrintLog shows as a mark.
        net.history.record("event_best", is_best)
        # The last epoch stands in for the best as long as none counts.
        if is_best or self.weights_ is None:
            self.best_epoch_, self.best_value_ = self.n_epochs_, value
        if is_best:
            self.weights_ = deepcopy(net.module_.state_dict())

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Put the best weights back."""
        if self.weights_ is not None:
            net.module_.load_state_dict(self.weights_)
        self.weights_ = None
