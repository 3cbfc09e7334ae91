"""What the estimators that train a network share: checking rows, building, training."""

from __future__ import annotations

import warnings
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Mapping
from copy import copy, deepcopy
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, validate_data
from skorch.callbacks import EpochTimer, PrintLog
from skorch.dataset import Dataset
from skorch.helper import predefined_split

from skdal._seeding import MAX_SEED
from skdal.neural.net import Net, resolve_device, torch_seed
from skdal.neural.rows import SeenRows
from skdal.neural.training import KeepBest, StopAtAccuracy, stratified_split

# Rows a batch outside training. What LeNet makes of more does not stay in the caches of a CPU.
_PREDICT_BATCH_SIZE = 256

_DEFAULT_DELAY = 50

# What scikit-learn calls a y that is not there; None is one that was forgotten.
_NO_TARGETS = "no_validation"


class NeuralEstimator(BaseEstimator, metaclass=ABCMeta):
    """A scikit-learn estimator around a torch network.

    A subclass has the parameters of its ``__init__``, checks its ``y`` in ``_targets`` and
    gives predictions their form. After ``fit``, ``_rows`` returns just what the network
    sees of ``X``, and ``net_.module_``, on ``net_.device``, is the network that maps such rows
    to outputs.

    Attributes
    ----------
    net_ : Net
        The trained network.

    n_iter_ : int
        Epochs of the last call of ``fit``.

    best_epoch_ : int
        With a validation part: the epoch whose weights were kept.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "module": [callable],
        "module_params": [dict, None],
        "standardize": ["boolean"],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "delay": [Interval(Integral, 0, None, closed="left"), None],
        "l2": [Interval(Real, 0, None, closed="left")],
        "callbacks": [list, None],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "device": [str],
        "random_state": ["random_state"],
    }

    # What a subclass has no parameter for stays like this.
    module: Callable[..., torch.nn.Module]
    module_params: Mapping[str, Any] | None = None
    standardize: bool = False
    lr: float
    batch_size: int
    max_epochs: int
    stop_accuracy: float | None = None
    validation_fraction: float = 0.0
    delay: int | None = None
    l2: float = 0.0
    callbacks: list[Any] | None = None
    warm_start: bool = False
    verbose: int = 0
    device: str
    random_state: Any

    net_: Net
    _seen_rows_: SeenRows

    # What validate_data is to ask of y.
    _y_checks: ClassVar[dict[str, Any]] = {}
    _net_type: ClassVar[type[Net]] = Net
    _criterion: ClassVar[type[torch.nn.Module]]
    # The column of the history that tells the best epoch, and where its value goes.
    _monitor: ClassVar[str] = "valid_loss"
    _monitored: ClassVar[str] = "validation_loss_"

    def _fit(self, X: ArrayLike, y: Any = _NO_TARGETS) -> Self:
        self._validate_params()
        self._check_delay()
        # A fit that fails or is interrupted must leave the model as it was, so a copy of it is
        # trained first.
        fitted = copy(self)
        if self.warm_start and hasattr(self, "net_"):
            fitted.net_ = deepcopy(self.net_)
        else:
            for name in self._fitted():
                delattr(fitted, name)
        fitted._train(X, y)
        self.__dict__ = fitted.__dict__
        return self

    def _fitted(self) -> list[str]:
        """Return the names of all that fit left, by scikit-learn's sign for it."""
        return [name for name in vars(self) if name.endswith("_") and not name.startswith("__")]

    def _check_delay(self) -> None:
        if self.delay is not None and self.delay >= self.max_epochs:
            raise ValueError(
                f"delay={self.delay} is not below max_epochs={self.max_epochs}, so that no epoch "
                "would count; lower delay or raise max_epochs."
            )

    def _train(self, X: ArrayLike, y: Any) -> None:
        going_on = hasattr(self, "net_")
        device = self.net_.device if going_on else resolve_device(self.device)
        checked = self._validated(X, y, reset=not going_on)
        rows, y = checked if isinstance(checked, tuple) else (checked, None)
        if not going_on:
            self._seen_rows_ = SeenRows.of(rows, self.standardize)
        rows = self._prepared(rows)
        targets = self._targets(rows, y, going_on)
        rng = check_random_state(self.random_state)
        seed = rng.randint(MAX_SEED)
        rows, targets, held_out = self._split(rows, targets, rng)
        n_before = len(self.net_.history) if going_on else 0
        # Where the training goes on, so do the random numbers.
        with torch_seed(seed + n_before, device):
            if going_on:
                self._carry_over(targets)
            else:
                self.net_ = self._build_net(device)
                self._check_outputs(rows, targets)
            self._set_up(targets, held_out)
            self.net_.partial_fit(rows, targets)
        # Or the rows would be pickled with the network.
        self.net_.train_split = None
        self.net_.module_.eval()
        self.n_iter_ = len(self.net_.history) - n_before
        self._record(targets)

    def _validated(self, X: ArrayLike, y: Any = _NO_TARGETS, *, reset: bool) -> Any:
        # Features far from zero, such as times, lose their digits if they are cast before the
        # mean is taken off; uint8 may be an image.
        dtypes = [*([np.float64] if self.standardize else []), np.float32, np.uint8]
        y_checks = {} if y is _NO_TARGETS else self._y_checks
        return validate_data(self, X, y, **y_checks, dtype=dtypes, allow_nd=True, reset=reset)

    def _rows(self, X: ArrayLike) -> np.ndarray:
        """Return what the network sees of ``X``.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            Numbers, as for ``predict``.

        Returns
        -------
        ndarray of shape (n_rows, ...)
            Float32: checked, uint8 images divided by 255, standardized if so wished.
        """
        check_is_fitted(self)
        return self._prepared(self._validated(X, reset=False))

    def _outputs(self, X: ArrayLike) -> np.ndarray:
        rows = self._rows(X)
        return self.net_.outputs(rows)

    def _prepared(self, rows: np.ndarray) -> np.ndarray:
        return self._seen_rows_.prepared(rows)

    @abstractmethod
    def _targets(self, rows: np.ndarray, y: Any, going_on: bool) -> np.ndarray:
        """Return what the network is to learn, one target a row."""

    def _strata(self, targets: np.ndarray) -> np.ndarray:
        """Return the classes that the validation part is to take alike from."""
        return np.zeros(len(targets), dtype=int)

    def _split(
        self, rows: np.ndarray, targets: np.ndarray, rng: np.random.RandomState
    ) -> tuple[np.ndarray, np.ndarray, Dataset | None]:
        if self.validation_fraction == 0:
            return rows, targets, None
        train, held = stratified_split(self._strata(targets), self.validation_fraction, rng)
        if len(held) == 0:
            warnings.warn(
                f"validation_fraction={self.validation_fraction} of {len(rows)} rows leaves none "
                "for validation, since every class keeps a row for training; the weights of the "
                "last epoch are kept. Label more rows, or raise validation_fraction.",
                UserWarning,
                stacklevel=5,
            )
            return rows, targets, None
        return rows[train], targets[train], Dataset(rows[held], targets[held])

    def _module(self, input_shape: tuple[int, ...]) -> torch.nn.Module:
        return self.module(input_shape, self._n_outputs, **(self.module_params or {}))

    @property
    @abstractmethod
    def _n_outputs(self) -> int:
        """Outputs of the network for one row."""

    def _build_net(self, device: str) -> Net:
        return self._net_type(
            # Float32 even where torch's default is another: that is what the rows are.
            self._module(self._seen_rows_.shape).float(),
            criterion=self._criterion,
            optimizer=torch.optim.Adam,
            # One kernel a step in place of one a tensor.
            optimizer__fused=True,
            iterator_valid__batch_size=_PREDICT_BATCH_SIZE,
            device=device,
        ).initialize()

    def _check_outputs(self, rows: np.ndarray, targets: np.ndarray) -> None:
        # Some losses would broadcast what does not fit, and learn nothing of use.
        expected = (1, *targets.shape[1:]) if targets.ndim > 1 else (1, self._n_outputs)
        self.net_.module_.eval()
        found = self.net_.outputs(rows[:1]).shape
        if found != expected:
            raise ValueError(
                f"module={self.module!r} returns outputs of shape {found} for one row; it must "
                f"return {expected}, one output a class or value."
            )

    def _carry_over(self, targets: np.ndarray) -> None:
        """Prepare the weights of an earlier call of fit for a warm start: they stay."""

    def _set_up(self, targets: np.ndarray, held_out: Dataset | None) -> None:
        """Give the network what may be another when a warm start goes on."""
        self.net_.set_params(
            lr=self.lr,
            max_epochs=self.max_epochs,
            batch_size=self._batch_size(len(targets)),
            verbose=int(self.verbose),
            train_split=None if held_out is None else predefined_split(held_out),
        )
        self.net_.callbacks = self._callbacks(held_out is not None)
        self.net_.initialize_callbacks()
        # Keras adds l2 times the squares to the loss; Adam's decay is the gradient of half that.
        self.net_.optimizer_.param_groups[0]["weight_decay"] = 2 * self.l2

    def _batch_size(self, n_rows: int) -> int:
        return self.batch_size

    def _callbacks(self, is_validated: bool) -> list[Any]:
        delay = self.delay
        if delay is None:
            delay = min(_DEFAULT_DELAY, self.max_epochs // 3)
        return [
            *([("keep_best", KeepBest(self._monitor, delay))] if is_validated else []),
            ("stop_at_accuracy", StopAtAccuracy(self.stop_accuracy)),
            # One fit's callbacks are not another's.
            *deepcopy(self.callbacks or []),
            *([EpochTimer(), PrintLog()] if self.verbose else []),
        ]

    def _record(self, targets: np.ndarray) -> None:
        """Set the attributes that tell of the training."""
        for name in ("best_epoch_", self._monitored):
            self.__dict__.pop(name, None)
        best = dict(self.net_.callbacks_).get("keep_best")
        if isinstance(best, KeepBest):
            self.best_epoch_ = best.best_epoch_
            setattr(self, self._monitored, best.best_value_)
