"""A convolutional autoencoder as a scikit-learn transformer of images."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.special import expit
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_array
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from skdal.neural.estimator import NeuralEstimator
from skdal.neural.modules import ConvAutoencoderModule


class ConvAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, NeuralEstimator):
    """Small codes of images, learned without labels.

    The autoencoder of the paper's experiments [1]_ and the code released with it, whose code
    is one of the representations to choose rows in: 3x3 convolutions with 32, 8 and 4 filters
    and two max-poolings make a code of a quarter of the height and width, and their mirror
    image makes the picture again. It learns by binary cross-entropy.

    Parameters
    ----------
    code_channels : int, default=4
        Channels of the code: that of a 28x28 image has 7 x 7 x ``code_channels`` numbers.

    lr : float, default=3e-4
        Learning rate of Adam.

    batch_size : int, default=256
        Rows of a training batch.

    max_epochs : int, default=200
        Passes over the training rows at most.

    validation_fraction : float, default=0.0
        Share of the rows that is held out of the training. The weights of the epoch with the
        least loss on them are kept, of equal ones the latest.

    delay : int or None, default=None
        Number of epochs at the beginning whose weights are not kept. None is 50, or a third
        of ``max_epochs`` where that is less. Without a validation part it does nothing.

    callbacks : list or None, default=None
        Further callbacks of skorch; see :class:`~skdal.neural.NeuralClassifier`.

    warm_start : bool, default=False
        Whether a second call of ``fit`` goes on with the weights of the first, on the same
        device.

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
        The trained network.

    n_iter_ : int
        Epochs of the last call of ``fit``.

    best_epoch_ : int
        The epoch whose weights were kept, counted from 1 in the last call of ``fit``; the last
        one if training ended within ``delay``. Only with a validation part.

    validation_loss_ : float
        Binary cross-entropy on the validation part after that epoch. Only with a validation
        part.

    References
    ----------
    .. [1] Gissin and Shalev-Shwartz, "Discriminative Active Learning", 2019,
       arXiv:1907.06347, and the released code.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdal.neural import ConvAutoencoder
    >>> X = load_digits().images / 16
    >>> autoencoder = ConvAutoencoder(max_epochs=1, random_state=0).fit(X)
    >>> Z = autoencoder.transform(X)
    >>> Z.shape, autoencoder.inverse_transform(Z).shape
    ((1797, 16), (1797, 8, 8))
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        name: constraints
        for name, constraints in NeuralEstimator._parameter_constraints.items()
        if name not in ("module", "module_params", "standardize", "l2")
    } | {"code_channels": [Interval(Integral, 1, None, closed="left")]}

    _criterion = torch.nn.BCEWithLogitsLoss

    def __init__(
        self,
        code_channels: int = 4,
        *,
        lr: float = 3e-4,
        batch_size: int = 256,
        max_epochs: int = 200,
        validation_fraction: float = 0.0,
        delay: int | None = None,
        callbacks: list[Any] | None = None,
        warm_start: bool = False,
        verbose: int = 0,
        device: str = "auto",
        random_state: Any = None,
    ) -> None:
        self.code_channels = code_channels
        self.lr = lr
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.validation_fraction = validation_fraction
        self.delay = delay
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.verbose = verbose
        self.device = device
        self.random_state = random_state

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Learn to make the images again.

        Parameters
        ----------
        X : array-like of shape (n_rows, height, width) or (n_rows, channels, height, width)
            Images: numbers in [0, 1], or uint8, which are divided by 255.

        y : None
            Ignored.

        Returns
        -------
        self
            The fitted autoencoder.

        Raises
        ------
        ValueError
            If the rows are no images or exceed [0, 1], a parameter is out of range, or CUDA
            is asked for and absent.
        FloatingPointError
            If the loss or a weight is no finite number any more.

        Warns
        -----
        UserWarning
            If there are too few rows for a validation part.
        """
        return self._fit(X)

    def _prepared(self, rows: np.ndarray) -> np.ndarray:
        rows = super()._prepared(rows)
        low, high = rows.min(), rows.max()
        if low < 0 or high > 1:
            raise ValueError(
                f"X has values from {low:g} to {high:g}, but pixels must lie in [0, 1]; scale "
                "them, as in X / X.max(), or pass uint8 images."
            )
        return rows

    def _targets(self, rows: np.ndarray, y: Any, going_on: bool) -> np.ndarray:
        return rows

    @property
    def _n_outputs(self) -> int:
        return int(np.prod(self._seen_rows_.shape))

    def _module(self, input_shape: tuple[int, ...]) -> torch.nn.Module:
        return ConvAutoencoderModule(input_shape, self.code_channels)

    @property
    def _n_features_out(self) -> int:
        return self.net_.module_.code_size

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Return the codes of images.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            Images, as for ``fit``.

        Returns
        -------
        ndarray of shape (n_rows, n_components)
            Float32.
        """
        rows = self._rows(X)
        return self.net_.outputs(rows, self.net_.module_[0])

    def inverse_transform(self, Z: ArrayLike) -> np.ndarray:
        """Return the images that codes stand for.

        Parameters
        ----------
        Z : array-like of shape (n_rows, n_components)
            Codes.

        Returns
        -------
        ndarray of shape (n_rows, ...)
            Float32 in [0, 1], in the shape of the images seen in ``fit``.

        Raises
        ------
        ValueError
            If the codes have another number of components.
        """
        check_is_fitted(self)
        codes = check_array(Z, dtype=np.float32)
        if codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"Z has {codes.shape[1]} columns, but the codes of this autoencoder have "
                f"{self._n_features_out}; pass what transform returned."
            )
        return expit(self.net_.outputs(codes, self.net_.module_[1]))
