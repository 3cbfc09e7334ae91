"""The skorch network under every estimator here: lean epochs, a stop rule, seeds, devices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import RLock
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from skorch import NeuralNetClassifier

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
    if kind == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            f"device={device!r}, but torch finds no CUDA device here; use device='auto' or "
            "'cpu', or install a CUDA build of torch and its driver."
        )
    return str(device)


_RANDOM_STATE = RLock()


@contextmanager
def pass_on_interrupts(net: Any) -> Iterator[None]:
    """Let a Ctrl-C through that a skorch net would take for the end of its training.

    Parameters
    ----------
    net : skorch.NeuralNet
        Trained within the ``with`` block.
    """
    interrupts: list[KeyboardInterrupt] = []
    fit_loop = net.fit_loop

    def noting(*args: Any, **kwargs: Any) -> Any:
        try:
            return fit_loop(*args, **kwargs)
        except KeyboardInterrupt as interrupt:
            interrupts.append(interrupt)
            raise

    vars(net)["fit_loop"] = noting
    try:
        yield
    finally:
        del vars(net)["fit_loop"]
    if interrupts:
        raise interrupts[0]


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
    # The state is one for the whole process: two threads at once would draw from each other's.
    with _RANDOM_STATE, torch.random.fork_rng(devices=cuda):
        # Not torch.manual_seed: it seeds every CUDA device, also those not forked.
        torch.default_generator.manual_seed(seed)
        for name in cuda:
            with torch.cuda.device(name):
                torch.cuda.manual_seed(seed)
        yield


class Net(NeuralNetClassifier):
    """skorch's classifier, quiet, on sliced tensors, with what skorch leaves to the user.

    It differs from :class:`skorch.NeuralNetClassifier` in this: an epoch records its loss
    and its running training accuracy once, not batch by batch; a loss that is no number is
    an error; a Ctrl-C is passed on instead of being taken for the end of training; the loss
    is cross-entropy of logits under ``class_weight``.

    Parameters
    ----------
    module : torch.nn.Module
        Returns logits, one a class.

    **kwargs
        As for :class:`skorch.NeuralNetClassifier`.

    Attributes
    ----------
    class_weight : tensor of shape (n_classes,) or None
        May be set between two fits, so that it follows the classes of a warm start.
    """

    def __init__(self, module: torch.nn.Module, **kwargs: Any) -> None:
        super().__init__(
            module,
            criterion=torch.nn.CrossEntropyLoss,
            train_split=None,
            iterator_train=TensorIterator,
            iterator_train__shuffle=True,
            iterator_valid=TensorIterator,
            verbose=0,
            **kwargs,
        )

    class_weight: torch.Tensor | None = None

    @property
    def _default_callbacks(self) -> list[Any]:
        return []

    def get_loss(
        self, y_pred: torch.Tensor, y_true: torch.Tensor, *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Return the mean cross-entropy of a batch, weighted by class."""
        y_true = y_true.to(y_pred.device)
        return torch.nn.functional.cross_entropy(y_pred, y_true, weight=self.class_weight)

    def partial_fit(self, X: Any, y: Any = None, classes: Any = None, **fit_params: Any) -> Net:
        """Train on from where the network stands; see :meth:`skorch.NeuralNet.partial_fit`."""
        if not self.initialized_:
            self.initialize()
        self.notify("on_train_begin", X=X, y=y)
        with suppress(StopTraining):
            self.fit_loop(X, y, **fit_params)
        self.notify("on_train_end", X=X, y=y)
        return self

    def run_single_epoch(
        self, iterator: Any, training: bool, prefix: str, step_fn: Any, **fit_params: Any
    ) -> None:
        """Run one epoch, and look at loss and accuracy once, when it is over."""
        if iterator is None:
            return
        n_rows = 0
        loss = torch.zeros((), device=self.device)
        n_correct = torch.zeros((), dtype=torch.int64, device=self.device)
        for batch in iterator:
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            y = batch[1].to(self.device)
            n_rows += len(y)
            loss += step["loss"].detach() * len(y)
            n_correct += (step["y_pred"].argmax(dim=1) == y).sum()
            self.notify("on_batch_end", batch=batch, training=training, **step)
        mean_loss = loss.item() / n_rows
        if not np.isfinite(mean_loss):
            raise FloatingPointError(
                f"The {prefix} loss is {mean_loss} in epoch {len(self.history)}; scale the input "
                "(standardize=True) or lower the learning rate lr."
            )
        self.history.record(f"{prefix}_loss", mean_loss)
        self.history.record(f"{prefix}_acc", n_correct.item() / n_rows)

    def logits(self, X: ArrayLike) -> np.ndarray:
        """Return the outputs of the network, before the softmax.

        Parameters
        ----------
        X : array of shape (n_rows, ...)
            Float32.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            Float32.
        """
        with torch.inference_mode():
            return torch.cat(list(self.forward_iter(X))).numpy()
