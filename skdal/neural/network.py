"""The torch side of a fitted model: rows in, logits out, whatever the model is wrapped in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.base import is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted, validate_data
from skorch import NeuralNet
from skorch.dataset import Dataset, unpack_data
from skorch.utils import to_device
from torch import nn
from torch.utils.data import DataLoader

from skdal._pool import as_matrix
from skdal._torch import last_step, unfrozen
from skdal.neural.convert import BinaryLogits, as_module, can_convert
from skdal.neural.estimator import NeuralEstimator
from skdal.neural.iterator import TensorIterator, as_tensor
from skdal.neural.memory import tensors_in

# What the layers of a network may put out for one batch. On a CPU little, so that a good part
# stays in its caches; on a CUDA device enough to keep it busy.
_BATCH_BYTES = {"cpu": 2**26, "cuda": 2**30}
_MAX_BATCH_SIZE = 4096


def has_network(estimator: Any) -> bool:
    """Return whether :class:`Network` can read a model.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.

    Returns
    -------
    bool
        True for skorch nets, the estimators of :mod:`skdal.neural`, ``LogisticRegression``,
        ``MLPClassifier``, Pipelines that end in one, and any of them frozen.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skdal.neural.network import has_network
    >>> has_network(MLPClassifier()), has_network(RandomForestClassifier())
    (True, False)
    """
    last = last_step(estimator)
    return isinstance(last, NeuralNet | NeuralEstimator) or can_convert(last)


def check_has_network(estimator: Any) -> None:
    """Raise an error where :class:`Network` could only fail.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.

    Raises
    ------
    ValueError
        If it is not differentiable, or not known to be.
    """
    if not has_network(estimator):
        raise ValueError(
            f"estimator={unfrozen(estimator)!r} is no network that can be differentiated; pass a "
            "skorch net, an estimator of skdal.neural, a LogisticRegression, an MLPClassifier, or "
            "a Pipeline that ends in one."
        )


class Network:
    """The torch module of a fitted model, and how rows get to it.

    Parameters
    ----------
    model : fitted estimator
        One of which :func:`has_network` says True. What a Pipeline does before its last step is
        done to the rows first.

    Attributes
    ----------
    module : torch.nn.Module
        In evaluation mode. It shares the weights of the model's own, but not its layers, so that
        hooks on it disturb nobody who uses the model at the same time.

    device : torch.device
        Where it is.

    Raises
    ------
    ValueError
        If the model has no torch side.
    """

    def __init__(self, model: Any) -> None:
        check_has_network(model)
        check_is_fitted(model)
        self._heads = []
        while isinstance(model, Pipeline | FrozenEstimator):
            if isinstance(model, Pipeline):
                self._heads += [model[:-1]] if len(model) > 1 else []
                model = model[-1]
            else:
                model = model.estimator
        self._model = model
        self.module: nn.Module
        if can_convert(model):
            self.module = as_module(model)
        else:
            net: Any = model.net_ if isinstance(model, NeuralEstimator) else model
            # A compiled module does not call the hooks of its layers.
            self.module = _copy(getattr(net.module_, "_orig_mod", net.module_))
        tensors = [*self.module.parameters(), *self.module.buffers()]
        self.device = tensors[0].device if tensors else torch.device("cpu")
        self._dtype = next((t.dtype for t in tensors if t.is_floating_point()), torch.float32)

    def logits(self) -> nn.Module:
        """Return the module with logits of shape (n_rows, n_classes) out.

        Returns
        -------
        torch.nn.Module
            In evaluation mode.

        Raises
        ------
        ValueError
            If the model is no classifier.
        """
        return _Logits(self.module, _to_logits(self._model)).eval()

    def batches(self, X: Any, *, whole: bool = False) -> Iterator[Any]:
        """Yield the rows as the module takes them, on its device, in their order.

        Parameters
        ----------
        X : array-like of n_rows rows
            What the model takes.

        whole : bool, default=False
            Whether all rows come in one batch, for who cuts it into smaller ones. The own
            iterator of a skorch net knows nothing of this.

        Yields
        ------
        tensor or dict of tensors
            As many rows as :meth:`batch_size` allows.
        """
        for head in self._heads:
            X = head.transform(X)
        rows = self._rows(X)
        if rows is None:
            net = self._model
            for batch in net.get_iterator(net.get_dataset(X), training=False):
                yield to_device(unpack_data(batch)[0], self.device)
            return
        size = rows.shape[0] if whole else self.batch_size(self._tensor(rows[:1]))
        for part in gen_batches(rows.shape[0], size):
            yield self._tensor(rows[part])

    def _rows(self, X: Any) -> Any:
        """Return checked rows, None where only the net's own iterator can read them."""
        model = self._model
        if isinstance(model, NeuralEstimator):
            return model._rows(X)
        if can_convert(model):
            X = validate_data(model, X, accept_sparse="csr", dtype=_numpy(self._dtype), reset=False)
            return as_matrix(X)
        plain = isinstance(X, np.ndarray | torch.Tensor) or sp.issparse(X)
        stock = model.dataset is Dataset and model.iterator_valid in (DataLoader, TensorIterator)
        return X if plain and stock and not model.get_params_for("dataset") else None

    def _tensor(self, rows: Any) -> torch.Tensor:
        rows = as_tensor(rows.toarray() if sp.issparse(rows) else rows)
        return rows.to(self.device, self._dtype if rows.is_floating_point() else None)

    def batch_size(self, row: torch.Tensor) -> int:
        """Return how many rows go through the module at a time.

        Parameters
        ----------
        row : tensor of shape (1, ...)
            One row.

        Returns
        -------
        int
            At least 1; so many that the outputs of all layers together stay within a bound
            on their bytes: 64 MiB on a CPU, 1 GiB on a CUDA device.
        """
        n_bytes = row.nbytes

        def count(module: nn.Module, args: Any, output: Any) -> None:
            nonlocal n_bytes
            n_bytes += sum(t.nbytes for t in tensors_in(output))

        leaves = [m for m in self.module.modules() if not any(m.children())]
        with torch.no_grad():
            handles = [leaf.register_forward_hook(count) for leaf in leaves]
            try:
                self.module(row)
            finally:
                for handle in handles:
                    handle.remove()
        bound = _BATCH_BYTES.get(self.device.type, _BATCH_BYTES["cpu"])
        return int(np.clip(bound // max(1, n_bytes), 1, _MAX_BATCH_SIZE))


def call(module: nn.Module, x: Any) -> Any:
    """Return the output of a module for a batch.

    Parameters
    ----------
    module : torch.nn.Module
        A fitted model's.

    x : tensor or dict of tensors
        A dict is handed over as keyword arguments, as skorch does.
    """
    return module(**x) if isinstance(x, dict) else module(x)


def _copy(module: nn.Module) -> nn.Module:
    """Return a copy in evaluation mode that shares all tensors."""
    tensors = [*module.parameters(), *module.buffers()]
    return deepcopy(module, {id(tensor): tensor for tensor in tensors}).eval()


class _Logits(nn.Module):
    """A module whose output is turned into logits."""

    def __init__(self, module: nn.Module, to_logits: Callable[[torch.Tensor], torch.Tensor]):
        super().__init__()
        self.module = module
        self.to_logits = to_logits

    def forward(self, x: Any) -> torch.Tensor:
        output = call(self.module, x)
        # skorch takes the first of several outputs for the prediction, too.
        return self.to_logits(output[0] if isinstance(output, tuple) else output)


def _to_logits(model: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    if not is_classifier(model):
        raise ValueError(f"estimator={model!r} is no classifier; pass one.")
    if not isinstance(model, NeuralNet):
        return nn.Identity()
    if model.predict_nonlinearity == "auto":
        if isinstance(model.criterion_, nn.CrossEntropyLoss):
            return nn.Identity()
        if isinstance(model.criterion_, nn.BCEWithLogitsLoss):
            return BinaryLogits()
    # Their logarithms are logits of the probabilities: a softmax gives the probabilities back.
    nonlinearity = model._get_predict_nonlinearity()
    return lambda output: _log(nonlinearity(output))


def _log(proba: torch.Tensor) -> torch.Tensor:
    if proba.ndim == 1 or proba.shape[1] == 1:
        proba = proba.reshape(len(proba), 1)
        proba = torch.cat([1 - proba, proba], dim=1)
    return proba.clamp(min=torch.finfo(proba.dtype).tiny).log()


def _numpy(dtype: torch.dtype) -> Any:
    return torch.empty(0, dtype=dtype).numpy().dtype
