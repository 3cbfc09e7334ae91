"""The skorch network under every estimator here: lean epochs, a stop rule, seeds, devices."""

from __future__ import annotations

import math
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet, NeuralNetClassifier
from skorch.callbacks import EarlyStopping

from skdal._torch import TORCH_RANDOM_STATE
from skdal.neural.iterator import TensorIterator
from skdal.neural.training import StopTraining


def resolve_device(device: str) -> str:
    """Return the torch device that ``device`` stands for on this machine.

    Parameters
    ----------
    device : str
        ``"auto"`` (CUDA where there is one, else the CPU) or a torch device such as
        ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.

    Returns
    -------
    str
        A device that is present.

    Raises
    ------
    ValueError
        If torch does not know the device, or CUDA is asked for and absent.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(device).type
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"device={device!r} is no device that torch knows; use 'auto', 'cpu' or 'cuda'."
        ) from error
    if kind not in ("cpu", "cuda"):
        try:
            torch.ones(1, device=device).item()
        # Which error it is depends on the device: not built in, without a driver, or "meta", which
        # holds no numbers.
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            raise ValueError(
                f"device={device!r} cannot be used here; use 'auto', 'cpu' or 'cuda'."
            ) from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            f"device={device!r}, but torch finds no CUDA device here; use device='auto' or "
            "'cpu', or install a CUDA build of torch and its driver."
        )
    return str(device)


@contextmanager
def pass_on_interrupts(net: Any) -> Iterator[None]:
    """Let a Ctrl-C through that a skorch net would take for the end of its training.

    Parameters
    ----------
    net : skorch.NeuralNet
        Trained within the ``with`` block.
    """
    interrupts: list[KeyboardInterrupt] = []
    # On the class, for what is on the net itself would be in every pickle of it.
    kind = type(net)
    inherited, own = kind.fit_loop, vars(kind).get("fit_loop")

    def noting(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return inherited(self, *args, **kwargs)
        except KeyboardInterrupt as interrupt:
            if self is net:
                interrupts.append(interrupt)
            raise

    kind.fit_loop = noting
    try:
        yield
    finally:
        if own is None:
            del kind.fit_loop
        else:
            kind.fit_loop = own
    if interrupts and not _is_early_stopping(interrupts[0]):
        raise interrupts[0]


def _is_early_stopping(interrupt: KeyboardInterrupt) -> bool:
    """Return whether it is no Ctrl-C, but how skorch's own callback ends the training."""
    frames = list(traceback.walk_tb(interrupt.__traceback__))
    return bool(frames) and frames[-1][0].f_code is EarlyStopping.on_epoch_end.__code__


@contextmanager
def torch_seed(seed: int, device: str = "cpu") -> Iterator[None]:
    """Seed torch for the length of a ``with`` block and put its random state back after it.

    Parameters
    ----------
    seed : int
        The seed.

    device : str, default="cpu"
        Where the block computes; a CUDA device's own random state is kept too.
    """
    cuda = [device] if torch.device(device).type == "cuda" else []
    with TORCH_RANDOM_STATE, torch.random.fork_rng(devices=cuda):
        # Not torch.manual_seed: it seeds every CUDA device, also those not forked.
        torch.default_generator.manual_seed(seed)
        for name in cuda:
            with torch.cuda.device(name):
                torch.cuda.manual_seed(seed)
        yield


class Net(NeuralNet):
    """skorch's network, quiet, on sliced tensors, with what skorch leaves to the user.

    It differs from :class:`skorch.NeuralNet` in this: an epoch records its loss once, not
    batch by batch; a loss or a weight that is no finite number is an error; a Ctrl-C is
    passed on instead of being taken for the end of training, which a callback ends by
    :class:`~skdal.neural.training.StopTraining` (skorch's ``EarlyStopping`` works too);
    matrices and kernels are a parameter group of their own, the first, for weight decay.

    Parameters
    ----------
    module : torch.nn.Module
        Maps a batch of rows to outputs.

    criterion : type of torch.nn.Module
        The loss, called on outputs and targets.

    **kwargs
        As for :class:`skorch.NeuralNet`.
    """

    def __init__(self, module: torch.nn.Module, criterion: Any, **kwargs: Any) -> None:
        super().__init__(
            module,
            criterion=criterion,
            train_split=None,
            iterator_train=TensorIterator,
            iterator_train__shuffle=True,
            iterator_valid=TensorIterator,
            verbose=0,
            **kwargs,
        )

    @property
    def _default_callbacks(self) -> list[Any]:
        return []

    def get_params_for_optimizer(
        self, prefix: str, named_parameters: Iterable[tuple[str, torch.nn.Parameter]]
    ) -> tuple[Any, dict[str, Any]]:
        """Part matrices and kernels from biases and the parameters of norms."""
        named = list(named_parameters)
        _, kwargs = super().get_params_for_optimizer(prefix, named)
        groups: tuple[list[Any], list[Any]] = ([], [])
        for _, parameter in named:
            groups[parameter.ndim < 2].append(parameter)
        return ([{"params": group} for group in groups],), kwargs

    def notify(self, method_name: str, **kwargs: Any) -> None:
        """Tell every callback of an event, also those after one that ends the training."""
        getattr(self, method_name)(self, **kwargs)
        stop = False
        for _, callback in self.callbacks_:
            try:
                getattr(callback, method_name)(self, **kwargs)
            except StopTraining:
                stop = True
            except KeyboardInterrupt as interrupt:
                if not _is_early_stopping(interrupt):
                    raise
                stop = True
        if stop:
            raise StopTraining

    def partial_fit(self, X: Any, y: Any = None, classes: Any = None, **fit_params: Any) -> Net:
        """Train on from where the network stands; see :meth:`skorch.NeuralNet.partial_fit`."""
        if not self.initialized_:
            self.initialize()
        self.notify("on_train_begin", X=X, y=y)
        with suppress(StopTraining):
            self.fit_loop(X, y, **fit_params)
        self.notify("on_train_end", X=X, y=y)
        return self

    def get_loss(
        self, y_pred: torch.Tensor, y_true: torch.Tensor, *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Return the mean loss of a batch."""
        return self.criterion_(y_pred, y_true.to(y_pred.device))

    def sums(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return what an epoch records besides its loss.

        Parameters
        ----------
        y_pred : tensor of shape (n_rows, ...)
            Outputs for a batch.

        y_true : tensor of shape (n_rows, ...)
            Its targets, on the same device.

        Returns
        -------
        dict of str to tensor
            By name, sums over the rows; the mean is recorded.
        """
        return {}

    def run_single_epoch(
        self, iterator: Any, training: bool, prefix: str, step_fn: Any, **fit_params: Any
    ) -> None:
        """Run one epoch, and look at the results once, when it is over."""
        if iterator is None:
            return
        n_rows = 0
        totals: dict[str, Any] = {}
        for batch in iterator:
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            y = batch[1].to(self.device)
            n_rows += len(y)
            sums = {"loss": step["loss"].detach() * len(y), **self.sums(step["y_pred"].detach(), y)}
            for name, value in sums.items():
                totals[name] = totals.get(name, 0) + value
            self.notify("on_batch_end", batch=batch, training=training, **step)
        means = {f"{prefix}_{name}": value.item() / n_rows for name, value in totals.items()}
        self._check_finite(prefix, means[f"{prefix}_loss"])
        for name, mean in means.items():
            self.history.record(name, mean)

    @torch.no_grad()
    def _check_finite(self, prefix: str, loss: float) -> None:
        # The last step may break the weights, and no loss would show it. A sum is the quickest
        # that shows a single one.
        weights = chain(self.module_.parameters(), self.module_.buffers())
        if not math.isfinite(loss):
            trouble = f"The {prefix} loss is {loss} in"
        elif not math.isfinite(sum(tensor.sum() for tensor in weights)):
            trouble = "The weights are not finite any more after"
        else:
            return
        raise FloatingPointError(
            f"{trouble} epoch {len(self.history)}; lower the learning rate lr, or scale the input."
        )

    def outputs(self, X: Any, module: torch.nn.Module | None = None) -> np.ndarray:
        """Return the outputs of the network, without dropout.

        Parameters
        ----------
        X : array of shape (n_rows, ...)
            Float32.

        module : torch.nn.Module or None, default=None
            A part of the network to run instead of the whole.

        Returns
        -------
        ndarray of shape (n_rows, ...)
            Float32.
        """
        module = self.module_ if module is None else module
        module.eval()
        with torch.inference_mode():
            batches = self.get_iterator(self.get_dataset(X))
            return torch.cat([module(x.to(self.device)).cpu() for x, _ in batches]).numpy()


class ClassifierNet(Net, NeuralNetClassifier):
    """The network of a classifier, which also records the running accuracy.

    Parameters
    ----------
    module : torch.nn.Module
        Returns logits, one a class.

    criterion : type of torch.nn.Module, default=torch.nn.CrossEntropyLoss
        Names the loss to skorch, which takes the softmax of the logits because of it.

    **kwargs
        As for :class:`skorch.NeuralNetClassifier`.

    Attributes
    ----------
    class_weight : tensor of shape (n_classes,) or None
        May be set between two fits, so that it follows the classes of a warm start.
    """

    class_weight: torch.Tensor | None = None

    def __init__(
        self, module: torch.nn.Module, criterion: Any = torch.nn.CrossEntropyLoss, **kwargs: Any
    ) -> None:
        super().__init__(module, criterion, **kwargs)

    def get_loss(
        self, y_pred: torch.Tensor, y_true: torch.Tensor, *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Return the mean cross-entropy of a batch, weighted by class."""
        y_true = y_true.to(y_pred.device)
        return torch.nn.functional.cross_entropy(y_pred, y_true, weight=self.class_weight)

    def sums(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the number of right predictions."""
        return {"acc": (y_pred.argmax(dim=1) == y_true).sum()}
