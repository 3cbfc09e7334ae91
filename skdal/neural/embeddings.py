"""Psi of a network: what its last linear layer gets to see, or what a named layer puts out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from skdal.neural.network import Network, call

__all__ = ["network_representation"]


def network_representation(model: Any, X: Any, layer: str | None = None) -> np.ndarray:
    """Return the learned representation of rows in a fitted network.

    The module is read as it is: hooks find the layer while the rows go through, a batch at a
    time, and what comes after the layer is not computed.

    Parameters
    ----------
    model : fitted estimator
        A skorch net, an estimator of :mod:`skdal.neural`, or a Pipeline that ends in one.

    X : array-like of n_rows rows
        What the model takes.

    layer : str or None, default=None
        Name of the layer whose output is the representation, as in ``named_modules()``. None
        is the *input* of the linear layer that is called last.

    Returns
    -------
    ndarray of float of shape (n_rows, n_components)
        One row for every row of ``X``, flattened.

    Raises
    ------
    ValueError
        If there is no such layer, the layer is never called, or no layer is linear.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdal.neural import NeuralClassifier
    >>> from skdal.neural.embeddings import network_representation
    >>> X, y = load_iris(return_X_y=True)
    >>> model = NeuralClassifier(max_epochs=1, random_state=0).fit(X, y)
    >>> network_representation(model, X).shape
    (150, 256)
    """
    network = Network(model)
    parts = []
    place = None
    module = network.module
    with torch.no_grad():
        for x in network.batches(X):
            place = place or _find(module, _first_row(x), layer)
            parts.append(_capture(module, x, *place))
    return torch.cat(parts).flatten(start_dim=1).cpu().numpy()


def _find(module: nn.Module, x: Any, name: str | None) -> tuple[nn.Module, int, bool]:
    """Return a layer, how often a forward pass calls it, and whether its output is meant."""
    if name is None:
        layers = [m for m in module.modules() if isinstance(m, nn.Linear)]
    else:
        layers = [m for n, m in module.named_modules() if n == name]
        if not layers:
            known = ", ".join(n for n, _ in module.named_modules() if n)
            raise ValueError(
                f"layer={name!r} is no layer of {type(module).__name__}; its layers are {known}."
            )
    # Which one is called last is for the forward pass to say, not for the order in which the
    # layers were made.
    calls: list[nn.Module] = []
    handles = [layer.register_forward_pre_hook(lambda m, _: calls.append(m)) for layer in layers]
    try:
        call(module, x)
    finally:
        for handle in handles:
            handle.remove()
    if not calls and name is None:
        raise ValueError(
            f"{type(module).__name__} calls no linear layer, so that layer=None finds no "
            "representation; name the layer whose output it is."
        )
    if not calls:
        raise ValueError(
            f"layer={name!r} of {type(module).__name__} is never called; name another one."
        )
    return calls[-1], sum(layer is calls[-1] for layer in calls), name is not None


class _Found(Exception):  # noqa: N818 - a signal, not an error
    """Ends a forward pass with what was looked for."""


def _capture(
    module: nn.Module, x: Any, layer: nn.Module, n_calls: int, after: bool
) -> torch.Tensor:
    """Return what goes into a layer, or comes out of it, when it is called for the n-th time."""
    n_seen = 0

    def take(value: Any) -> None:
        nonlocal n_seen
        n_seen += 1
        if n_seen == n_calls:
            raise _Found(value[0] if isinstance(value, tuple) else value)

    if after:
        handle = layer.register_forward_hook(lambda _, args, output: take(output))
    else:
        handle = layer.register_forward_pre_hook(lambda _, args: take(args))
    try:
        call(module, x)
    except _Found as found:
        Z, n_rows = found.args[0], len(next(iter(x.values())) if isinstance(x, dict) else x)
        if len(Z) != n_rows:
            raise ValueError(
                f"Psi at {layer!r} has the shape {tuple(Z.shape)} for {n_rows} rows; "
                "its first axis must be that of the rows: use batch_first=True, or name another "
                "layer."
            ) from None
        return Z
    finally:
        handle.remove()
    raise ValueError(
        f"{type(module).__name__} calls its layer {layer!r} more often for some rows than for "
        "others; name another layer."
    )


def _first_row(x: Any) -> Any:
    return {name: value[:1] for name, value in x.items()} if isinstance(x, dict) else x[:1]
