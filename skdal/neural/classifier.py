"""A torch network as a scikit-learn classifier."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from copy import copy, deepcopy
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from skdal._seeding import MAX_SEED
from skdal.neural.modules import MLP
from skdal.neural.net import Net, resolve_device, torch_seed
from skdal.neural.training import StopAtAccuracy

# Rows a batch outside training: large enough for full speed, small enough that the
# activations of a convolution stay below some 100 MB.
_PREDICT_BATCH_SIZE = 1024


class NeuralClassifier(ClassifierMixin, BaseEstimator):
    """A torch network that behaves like a scikit-learn classifier.

    The network itself is a :class:`skorch.NeuralNetClassifier`, built in ``fit`` from the
    shape of the data and found in ``net_`` afterwards.

    Parameters
    ----------
    module : callable, default=MLP
        Called as ``module(input_shape, n_classes, **module_params)``, where ``input_shape``
        is the shape of one row, it returns the :class:`torch.nn.Module` to train: logits
        out, no softmax.

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

    stop_accuracy : float or None, default=None
        Training ends after the first epoch in which the share of right predictions, taken
        while it trained, is at least this.

    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss, as everywhere in scikit-learn.

    warm_start : bool, default=False
        Whether a second call of ``fit`` goes on with the weights of the first.

    device : str, default="auto"
        ``"auto"`` is CUDA where there is one, else the CPU; or a torch device. Resolved in
        ``fit``.

    random_state : int, RandomState instance or None, default=None
        Fixes the initial weights and the order of the rows. Torch's global random state is
        left as it was.

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

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdal.neural import NeuralClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> NeuralClassifier(standardize=True, random_state=0).fit(X, y).score(X, y) > 0.95
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "module": [callable],
        "module_params": [dict, None],
        "standardize": ["boolean"],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "stop_accuracy": [Interval(Real, 0, 1, closed="right"), None],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "warm_start": ["boolean"],
        "device": [str],
        "random_state": ["random_state"],
    }

    classes_: np.ndarray
    net_: Net

    def __init__(
        self,
        module: Callable[..., torch.nn.Module] = MLP,
        *,
        module_params: Mapping[str, Any] | None = None,
        standardize: bool = False,
        lr: float = 1e-3,
        batch_size: int = 128,
        max_epochs: int = 100,
        stop_accuracy: float | None = None,
        class_weight: Mapping[Any, float] | str | None = None,
        warm_start: bool = False,
        device: str = "auto",
        random_state: Any = None,
    ) -> None:
        self.module = module
        self.module_params = module_params
        self.standardize = standardize
        self.lr = lr
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.stop_accuracy = stop_accuracy
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.device = device
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            Numbers; cast to float32.

        y : array-like of shape (n_rows,)
            Class labels.

        Returns
        -------
        self
            The fitted classifier.

        Raises
        ------
        ValueError
            If ``y`` has a single class, a parameter is out of range, or CUDA is asked for
            and absent.
        FloatingPointError
            If the loss is no number any more.

        Warns
        -----
        ConvergenceWarning
            If ``stop_accuracy`` was not reached in ``max_epochs``.
        """
        self._validate_params()
        device = resolve_device(self.device)
        going_on = self.warm_start and hasattr(self, "net_")
        # A fit that fails or is interrupted must leave the model as it was, so a copy of it, or
        # another one, is trained first.
        fitted = copy(self) if going_on else type(self)(**self.get_params(deep=False))
        if going_on:
            fitted.net_ = deepcopy(self.net_)
        fitted._fit(X, y, device, going_on)
        self.__dict__.update(vars(fitted))
        if self.stop_accuracy is not None and self.train_accuracy_ < self.stop_accuracy:
            warnings.warn(
                f"{type(self).__name__} reached a training accuracy of {self.train_accuracy_:.3f} "
                f"in max_epochs={self.max_epochs}, not stop_accuracy={self.stop_accuracy}. The "
                "classes may overlap: lower stop_accuracy, or raise max_epochs.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def _fit(self, X: ArrayLike, y: ArrayLike, device: str, going_on: bool) -> None:
        rows, y = validate_data(self, X, y, dtype=self._dtypes(), allow_nd=True, reset=not going_on)
        check_classification_targets(y)
        encoder = LabelEncoder().fit(y)
        codes = encoder.transform(y)
        if len(encoder.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs rows of two classes or more; y has one class: "
                f"{encoder.classes_.tolist()[0]!r}."
            )
        if going_on and not np.array_equal(encoder.classes_, self.classes_):
            raise ValueError(
                f"With warm_start=True the classes must stay {self.classes_}; y has "
                f"{encoder.classes_}."
            )
        if going_on:
            self._check_shape(rows)
        else:
            self.classes_ = encoder.classes_
            self._row_shape = rows.shape[1:]
            if self.standardize:
                self._mean, self._scale = _mean_and_scale(rows)
        rows = self._standardized(rows)
        weight = None
        if self.class_weight is not None:
            weight = torch.as_tensor(
                compute_class_weight(self.class_weight, classes=encoder.classes_, y=y),
                dtype=torch.float32,
                device=device,
            )
        seed = check_random_state(self.random_state).randint(MAX_SEED)
        n_before = len(self.net_.history) if going_on else 0
        # Where the training goes on, so do the random numbers.
        with torch_seed(seed + n_before, device):
            if going_on:
                self.net_.set_params(**self._training_params(len(rows)))
                self._carry_over(np.bincount(codes))
            else:
                self.net_ = self._build_net(len(rows), device)
            self.net_.class_weight = weight
            self.net_.partial_fit(rows, codes)
        self.n_iter_ = len(self.net_.history) - n_before
        self.train_accuracy_ = self.net_.history[-1]["train_acc"]
        self._class_counts = np.bincount(codes)

    def _dtypes(self) -> Any:
        # Features far from zero, such as times, lose their digits if they are cast before the
        # mean is taken off.
        return [np.float64, np.float32] if self.standardize else np.float32

    def _check_shape(self, rows: np.ndarray) -> None:
        if rows.shape[1:] != self._row_shape:
            raise ValueError(
                f"The rows of X have the shape {rows.shape[1:]}, but those seen in fit had "
                f"{self._row_shape}."
            )

    def _standardized(self, rows: np.ndarray) -> np.ndarray:
        if not self.standardize:
            return np.ascontiguousarray(rows, dtype=np.float32)
        result = np.empty(rows.shape, dtype=np.float32)
        # In float64, a buffer at a time.
        np.subtract(rows, self._mean, out=result, casting="same_kind")
        return np.divide(result, self._scale, out=result, casting="same_kind")

    def _module(self, input_shape: tuple[int, ...], n_outputs: int) -> torch.nn.Module:
        return self.module(input_shape, n_outputs, **(self.module_params or {}))

    def _carry_over(self, class_counts: np.ndarray) -> None:
        """Prepare the weights of an earlier call of fit for a warm start: they stay."""

    def _build_net(self, n_rows: int, device: str) -> Net:
        return Net(
            # Float32 even where torch's default is another: that is what the rows are.
            self._module(self._row_shape, len(self.classes_)).float(),
            optimizer=torch.optim.Adam,
            # One kernel a step in place of one a tensor.
            optimizer__fused=True,
            iterator_valid__batch_size=_PREDICT_BATCH_SIZE,
            device=device,
            callbacks=[("stop", StopAtAccuracy())],
            **self._training_params(n_rows),
        ).initialize()

    def _training_params(self, n_rows: int) -> dict[str, Any]:
        """Return what may be another value when a warm start goes on."""
        return {
            "lr": self.lr,
            "max_epochs": self.max_epochs,
            "batch_size": self.batch_size,
            "callbacks__stop__accuracy": self.stop_accuracy,
        }

    def _logits(self, X: ArrayLike) -> np.ndarray:
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=self._dtypes(), allow_nd=True, reset=False)
        self._check_shape(rows)
        return self.net_.logits(self._standardized(rows))

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Return the logits.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            Numbers; cast to float32.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_classes)
            For two classes the log-odds of the second, else one column a class.
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            Numbers; cast to float32.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            Float64, in the order of ``classes_``.
        """
        return softmax(self._logits(X).astype(np.float64), axis=1)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the most probable class of every row.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            Numbers; cast to float32.

        Returns
        -------
        ndarray of shape (n_rows,)
            Class labels.
        """
        columns = self._logits(X).argmax(axis=1)
        return self.classes_[columns]


def _mean_and_scale(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of every feature, 1 for those that are constant."""
    mean = rows.mean(axis=0, dtype=np.float64)
    scale = rows.std(axis=0, dtype=np.float64, mean=mean[np.newaxis])
    # What rounding leaves of a constant is no scale.
    scale[scale <= len(rows) * np.finfo(np.float64).eps * np.abs(mean)] = 1
    return mean, scale
