"""The default discriminator: the paper's multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval

from skdal.neural.classifier import NeuralClassifier
from skdal.neural.modules import MLP

# Under this many features a network of 256 units a layer tells any two samples apart by
# heart; the smaller one has to generalize.
_FEW_FEATURES = 30

# An epoch of fewer batches would make too few steps. The smallest batch is the paper's for its
# 128 features; above the largest a row costs no less.
_BATCHES_PER_EPOCH = 44
_BATCH_SIZES = (128, 512)


class MLPDiscriminator(NeuralClassifier):
    """The paper's discriminator: three hidden layers, stopped at 98 % training accuracy.

    A multi-layer perceptron on standardized features, trained by Adam under balanced class
    weights until it tells 98 % of its training rows apart (sections 4.2 and 4.3 of the
    paper [1]_). It is what :class:`~skdal.DiscriminativeSampler` trains by default, and an
    ordinary scikit-learn classifier.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int or None, default=None
        Units of every hidden layer. None is ``(256, 256, 256)``, and ``(20, 20, 20)``
        where a row has fewer than 30 features.

    stop_accuracy : float or None, default=0.98
        Training ends after the first epoch in which the share of right predictions, taken
        while it trained, is at least this. The discriminator is not to generalize but to
        fit its training rows, though not by heart.

    lr : float, default=1e-3
        Learning rate of Adam.

    batch_size : int or None, default=None
        Rows of a training batch. None is 128, and a 44th of the training rows where that is
        more, 512 at most: large batches are faster a row, and many are left even so.

    max_epochs : int, default=500
        Passes over the training rows at most. Sets that overlap in few dimensions are not
        told apart to 98 % by any number of them; a warning says so.

    class_weight : dict, "balanced" or None, default="balanced"
        Weights of the classes in the loss.

    warm_start : bool, default=False
        Whether a second call of ``fit`` goes on with the weights of the first.

    shrink : float or None, default=None
        What a warm start does to the weights: they become ``shrink`` times themselves plus
        ``1 - shrink`` times freshly drawn ones ("shrink and perturb" [2]_). 1 carries them
        over as they are. A network that goes on unshrunk has learned by heart where the first
        labeled rows lie and does not see how densely they lie by now. None forgets five times
        as much as is new: 1 less five times the growth of the first class (the labeled rows)
        since the last call, but at least 0.5.

    device : str, default="auto"
        ``"auto"`` is CUDA where there is one, else the CPU; or a torch device.

    random_state : int, RandomState instance or None, default=None
        Fixes the initial weights and the order of the rows.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.

    net_ : skorch.NeuralNetClassifier
        The trained network.

    n_iter_ : int
        Epochs of the last call of ``fit``.

    train_accuracy_ : float
        Share of right predictions while the last epoch trained.

    n_features_in_ : int
        Second dimension of ``X`` seen in ``fit``.

    References
    ----------
    .. [1] Gissin and Shalev-Shwartz, "Discriminative Active Learning", 2019,
       arXiv:1907.06347.
    .. [2] Ash and Adams, "On Warm-Starting Neural Network Training", NeurIPS 2020,
       arXiv:1910.08475.

    Examples
    --------
    >>> import numpy as np
    >>> from skdal import MLPDiscriminator
    >>> rng = np.random.RandomState(0)
    >>> X = np.vstack([rng.randn(50, 4), rng.randn(50, 4) + 3])
    >>> y = np.repeat([0, 1], 50)
    >>> discriminator = MLPDiscriminator(random_state=0).fit(X, y)
    >>> bool(discriminator.train_accuracy_ >= 0.98)
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        name: NeuralClassifier._parameter_constraints[name]
        for name in (
            "stop_accuracy",
            "lr",
            "max_epochs",
            "class_weight",
            "warm_start",
            "device",
            "random_state",
        )
    } | {
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "hidden_layer_sizes": ["array-like", None],
        "shrink": [Interval(Real, 0, 1, closed="both"), None],
    }

    standardize = True
    batch_size: int | None  # type: ignore[assignment]

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] | None = None,
        *,
        stop_accuracy: float | None = 0.98,
        lr: float = 1e-3,
        batch_size: int | None = None,
        max_epochs: int = 500,
        class_weight: Any = "balanced",
        warm_start: bool = False,
        shrink: float | None = None,
        device: str = "auto",
        random_state: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.stop_accuracy = stop_accuracy
        self.lr = lr
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.shrink = shrink
        self.device = device
        self.random_state = random_state

    def _module(self, input_shape: tuple[int, ...]) -> torch.nn.Module:
        sizes = self.hidden_layer_sizes
        if sizes is None:
            sizes = (20,) * 3 if np.prod(input_shape) < _FEW_FEATURES else (256,) * 3
        return MLP(input_shape, self._n_outputs, sizes)

    def _batch_size(self, n_rows: int) -> int:
        if self.batch_size is not None:
            return self.batch_size
        return int(np.clip(n_rows // _BATCHES_PER_EPOCH, *_BATCH_SIZES))

    def _carry_over(self, targets: np.ndarray) -> None:
        shrink = self.shrink
        if shrink is None:
            growth = np.bincount(targets)[0] / self._class_counts_[0] - 1
            shrink = min(1.0, max(0.5, 1 - 5 * growth))
        fresh = self._module(self._seen_rows_.shape)
        fresh = fresh.to(self.net_.device, torch.float32)
        with torch.no_grad():
            for old, new in zip(self.net_.module_.parameters(), fresh.parameters(), strict=True):
                old.mul_(shrink).add_(new, alpha=1 - shrink)

    def _record(self, targets: np.ndarray) -> None:
        super()._record(targets)
        self._class_counts_ = np.bincount(targets)
