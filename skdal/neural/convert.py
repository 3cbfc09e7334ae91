"""scikit-learn's differentiable classifiers as torch modules that return logits."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from torch import nn

_ACTIVATIONS = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
}


class BinaryLogits(nn.Module):
    """Make two logits, those of the classes, of the log-odds of the second class."""

    def forward(self, log_odds: torch.Tensor) -> torch.Tensor:
        """Return logits of shape (n_rows, 2) for log-odds of shape (n_rows,) or (n_rows, 1)."""
        log_odds = log_odds.reshape(len(log_odds), 1)
        return torch.cat([torch.zeros_like(log_odds), log_odds], dim=1)


def can_convert(model: Any) -> bool:
    """Return whether a model is one that :func:`as_module` knows.

    Parameters
    ----------
    model : estimator
        Fitted or not.
    """
    return isinstance(model, LogisticRegression | MLPClassifier)


def as_module(model: LogisticRegression | MLPClassifier) -> nn.Module:
    """Return the torch module of a fitted classifier, with the same parameters.

    Parameters
    ----------
    model : LogisticRegression or MLPClassifier
        Fitted.

    Returns
    -------
    torch.nn.Module
        In the floating type of the model: logits out, one a class.

    Raises
    ------
    ValueError
        If the model is no softmax over its classes: one classifier a class, or several labels
        a row.
    """
    is_linear = isinstance(model, LogisticRegression)
    layers = _linear_model(model) if is_linear else _perceptron(model)
    if layers[-1].out_features == 1:
        layers.append(BinaryLogits())
    return nn.Sequential(*layers).eval()


def _linear_model(model: LogisticRegression) -> list[nn.Module]:
    # Until scikit-learn 1.7 these are one classifier against the rest for each class.
    one_vs_rest = getattr(model, "multi_class", None) == "ovr" or model.solver == "liblinear"
    if one_vs_rest and len(model.classes_) > 2:
        raise ValueError(
            f"estimator={model!r} fits one classifier a class, which is no softmax over the "
            "classes; use another solver than 'liblinear', and leave multi_class alone."
        )
    return [_linear(model.coef_.T, model.intercept_ if model.fit_intercept else None)]


def _perceptron(model: MLPClassifier) -> list[nn.Module]:
    if model.out_activation_ == "logistic" and model.n_outputs_ > 1:
        raise ValueError(
            f"estimator={model!r} was trained on several labels a row; it must be trained on one "
            "class a row."
        )
    layers: list[nn.Module] = []
    for weights, intercept in zip(model.coefs_, model.intercepts_, strict=True):
        layers += [_linear(weights, intercept), _ACTIVATIONS[model.activation]()]
    return layers[:-1]


def _linear(weights: np.ndarray, intercept: np.ndarray | None) -> nn.Linear:
    n_in, n_out = weights.shape
    dtype = torch.from_numpy(weights[:0]).dtype
    # Without initial weights: they would be drawn from the global random state.
    layer = nn.Linear(n_in, n_out, bias=intercept is not None, dtype=dtype, device="meta")
    layer.to_empty(device="cpu")
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weights.T.copy()))
        if intercept is not None:
            layer.bias.copy_(torch.from_numpy(np.atleast_1d(intercept).copy()))
    return layer
