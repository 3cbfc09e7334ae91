"""A torch network as a scikit-learn regressor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.utils import Tags

from skdal.neural.estimator import NeuralEstimator
from skdal.neural.modules import MLP
from skdal.neural.rows import mean_and_scale


class NeuralRegressor(RegressorMixin, NeuralEstimator):
    """A torch network that behaves like a scikit-learn regressor.

    It learns by mean squared error. The targets are standardized for the network, so that
    their units do not matter, and ``predict`` undoes it.

    Parameters
    ----------
    module : callable, default=MLP
        Called as ``module(input_shape, n_outputs, **module_params)``, where ``input_shape``
        is the shape of one row, it returns the :class:`torch.nn.Module` to train.

    module_params : dict or None, default=None
        Further keyword arguments for ``module``.

    standardize : bool, default=False
        Whether the network first subtracts the training rows' mean and divides by their
        standard deviation, feature by feature. With ``warm_start`` those of the first call
        of ``fit`` stay.

    lr : float, default=1e-3
        Learning rate of Adam.

    batch_size : int, default=128
        Rows of a training batch.

    max_epochs : int, default=100
        Passes over the training rows at most.

    validation_fraction : float, default=0.0
        Share of the rows that is held out of the training. The weights of the epoch with the
        least loss on them are kept, of equal ones the latest. Where none are left to hold
        out, a warning says so.

    delay : int or None, default=None
        Number of epochs at the beginning whose weights are not kept. None is 50, or a third
        of ``max_epochs`` where that is less. Without a validation part it does nothing.

    l2 : float, default=0.0
        Times the sum of the squared weights, it is added to the loss. Biases and the
        parameters of normalization do not count.

    callbacks : list or None, default=None
        Further callbacks of skorch; see :class:`~skdal.neural.NeuralClassifier`.

    warm_start : bool, default=False
        Whether a second call of ``fit`` goes on with the weights of the first, on the same
        device. The validation part is drawn again.

    verbose : int, default=0
        Whether to print a line every epoch.

    device : str, default="auto"
        ``"auto"`` is CUDA where there is one, else the CPU; or a torch device. Resolved in
        ``fit``.

    random_state : int, RandomState instance or None, default=None
        Fixes the initial weights, the validation part and the order of the rows. Torch's
        global random state is left as it was.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained network; its outputs are standardized targets.

    n_iter_ : int
        Epochs of the last call of ``fit``.

    best_epoch_ : int
        The epoch whose weights were kept, counted from 1 in the last call of ``fit``; the last
        one if training ended within ``delay``. Only with a validation part.

    validation_loss_ : float
        Mean squared error of the standardized targets on the validation part after that
        epoch. Only with a validation part.

    n_features_in_ : int
        Second dimension of ``X`` seen in ``fit``.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdal.neural import NeuralRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = NeuralRegressor(standardize=True, max_epochs=10, random_state=0)
    >>> model.fit(X, y).score(X, y) > 0.5
    True
    """

    _y_checks: ClassVar[dict[str, Any]] = {"multi_output": True, "y_numeric": True}
    _criterion = torch.nn.MSELoss

    def __init__(
        self,
        module: Callable[..., torch.nn.Module] = MLP,
        *,
        module_params: Mapping[str, Any] | None = None,
        standardize: bool = False,
        lr: float = 1e-3,
        batch_size: int = 128,
        max_epochs: int = 100,
        validation_fraction: float = 0.0,
        delay: int | None = None,
        l2: float = 0.0,
        callbacks: list[Any] | None = None,
        warm_start: bool = False,
        verbose: int = 0,
        device: str = "auto",
        random_state: Any = None,
    ) -> None:
        self.module = module
        self.module_params = module_params
        self.standardize = standardize
        self.lr = lr
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.validation_fraction = validation_fraction
        self.delay = delay
        self.l2 = l2
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.verbose = verbose
        self.device = device
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            Numbers, cast to float32. Images of uint8, rows of two dimensions or more, are
            divided by 255.

        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Targets.

        Returns
        -------
        self
            The fitted regressor.

        Raises
        ------
        ValueError
            If a parameter is out of range, or CUDA is asked for and absent.
        FloatingPointError
            If the loss or a weight is no finite number any more.

        Warns
        -----
        UserWarning
            If there are too few rows for a validation part.
        """
        return self._fit(X, y)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    @property
    def _n_outputs(self) -> int:
        return int(np.prod(self._y_shape_))

    def _targets(self, rows: np.ndarray, y: Any, going_on: bool) -> np.ndarray:
        values = np.asarray(y, dtype=np.float64)
        if not going_on:
            self._y_shape_ = values.shape[1:]
            self._y_mean_, self._y_scale_ = mean_and_scale(values.reshape(len(values), -1))
        if values.shape[1:] != self._y_shape_:
            raise ValueError(
                f"With warm_start=True the targets must keep the shape {self._y_shape_} a row; y "
                f"has {values.shape[1:]}."
            )
        values = values.reshape(len(values), -1)
        return ((values - self._y_mean_) / self._y_scale_).astype(np.float32)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the targets of every row.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            Numbers, as for ``fit``.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_outputs)
            Float64, in the units of the targets.
        """
        outputs = self._outputs(X)
        return (outputs * self._y_scale_ + self._y_mean_).reshape(-1, *self._y_shape_)
