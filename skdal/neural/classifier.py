"""A torch network as a scikit-learn classifier."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import LabelEncoder
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from skorch.dataset import Dataset

from skdal.neural.estimator import NeuralEstimator
from skdal.neural.modules import MLP
from skdal.neural.net import ClassifierNet


class NeuralClassifier(ClassifierMixin, NeuralEstimator):
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

    validation_fraction : float, default=0.0
        Share of the rows, of every class alike, that is held out of the training. The weights
        of the epoch with the best accuracy on them are kept, of equal ones the latest. Every
        class keeps a row for training; where that leaves none to hold out, a warning says so.

    delay : int or None, default=None
        Number of epochs at the beginning whose weights are not kept. None is 50, or a third
        of ``max_epochs`` where that is less. Without a validation part it does nothing.

    l2 : float, default=0.0
        Times the sum of the squared weights, it is added to the loss. Biases and the
        parameters of normalization do not count.

    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss, as everywhere in scikit-learn.

    callbacks : list or None, default=None
        Further callbacks of skorch. Every call of ``fit`` uses copies of its own, found in
        ``net_.callbacks_`` afterwards. One ends the training by raising
        :class:`skdal.neural.training.StopTraining`; a ``KeyboardInterrupt`` is passed on, but
        for that of skorch's ``EarlyStopping``.

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
    classes_ : ndarray of shape (n_classes,)
        The class labels.

    net_ : skorch.NeuralNetClassifier
        The trained network.

    n_iter_ : int
        Epochs of the last call of ``fit``.

    train_accuracy_ : float
        Share of right predictions while the last epoch trained.

    best_epoch_ : int
        The epoch whose weights were kept, counted from 1 in the last call of ``fit``; the last
        one if training ended within ``delay``. Only with a validation part.

    validation_accuracy_ : float
        Accuracy on the validation part after that epoch. Only with a validation part.

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

    _parameter_constraints: ClassVar[dict[str, Any]] = NeuralEstimator._parameter_constraints | {
        "stop_accuracy": [Interval(Real, 0, 1, closed="right"), None],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    _net_type = ClassifierNet
    _criterion = torch.nn.CrossEntropyLoss
    _monitor = "valid_acc"
    _monitored = "validation_accuracy_"

    classes_: np.ndarray
    net_: ClassifierNet

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
        validation_fraction: float = 0.0,
        delay: int | None = None,
        l2: float = 0.0,
        class_weight: Mapping[Any, float] | str | None = None,
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
        self.stop_accuracy = stop_accuracy
        self.validation_fraction = validation_fraction
        self.delay = delay
        self.l2 = l2
        self.class_weight = class_weight
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
            If the loss or a weight is no finite number any more.

        Warns
        -----
        ConvergenceWarning
            If ``stop_accuracy`` was not reached in ``max_epochs``.
        UserWarning
            If there are too few rows for a validation part.
        """
        self._fit(X, y)
        if self.stop_accuracy is not None and self.train_accuracy_ < self.stop_accuracy:
            warnings.warn(
                f"{type(self).__name__} reached a training accuracy of {self.train_accuracy_:.3f} "
                f"in max_epochs={self.max_epochs}, not stop_accuracy={self.stop_accuracy}. The "
                "classes may overlap: lower stop_accuracy, or raise max_epochs.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    @property
    def _n_outputs(self) -> int:
        return len(self.classes_)

    def _targets(self, rows: np.ndarray, y: Any, going_on: bool) -> np.ndarray:
        check_classification_targets(y)
        encoder = LabelEncoder().fit(y)
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
        self.classes_ = encoder.classes_
        return encoder.transform(y)

    def _strata(self, targets: np.ndarray) -> np.ndarray:
        return targets

    def _set_up(self, targets: np.ndarray, held_out: Dataset | None) -> None:
        super()._set_up(targets, held_out)
        weight = None
        if self.class_weight is not None:
            weight = torch.as_tensor(
                compute_class_weight(
                    self.class_weight, classes=self.classes_, y=self.classes_[targets]
                ),
                dtype=torch.float32,
                device=self.net_.device,
            )
        self.net_.class_weight = weight

    def _record(self, targets: np.ndarray) -> None:
        super()._record(targets)
        self.train_accuracy_ = self.net_.history[-1]["train_acc"]
        if self.net_.class_weight is not None:
            # A pickled network can then be read where there is no such device.
            self.net_.class_weight = self.net_.class_weight.cpu()

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Return the logits.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            Numbers, as for ``fit``.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_classes)
            For two classes the log-odds of the second, else one column a class.
        """
        logits = self._outputs(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            Numbers, as for ``fit``.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            Float64, in the order of ``classes_``.
        """
        return softmax(self._outputs(X).astype(np.float64), axis=1)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the most probable class of every row.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            Numbers, as for ``fit``.

        Returns
        -------
        ndarray of shape (n_rows,)
            Class labels.
        """
        columns = self._outputs(X).argmax(axis=1)
        return self.classes_[columns]
