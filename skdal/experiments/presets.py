"""Samplers and task models by name, for the command line."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from skdal.samplers import (
    CoreSetSampler,
    DeepFoolSampler,
    DiscriminativeSampler,
    ExpectedGradientLengthSampler,
    RandomSampler,
    UncertaintySampler,
)

# A sampler without an estimator works with the model of the learner that it is in.
SAMPLERS: dict[str, Any] = {
    "core-set": CoreSetSampler(),
    "deepfool": DeepFoolSampler(),
    "discriminative": DiscriminativeSampler(),
    "egl": ExpectedGradientLengthSampler(),
    "random": RandomSampler(),
    "uncertainty": UncertaintySampler(),
}

# For features in [0, 1] and hundreds of labels: fractions of a second, and no warnings.
ESTIMATORS: dict[str, Any] = {
    "logistic": LogisticRegression(C=10, max_iter=1000),
    "mlp": MLPClassifier((64,), alpha=0.01, learning_rate_init=0.01, max_iter=1000),
}


def make_sampler(name: str) -> Any:
    """Return a new sampler of the given name.

    Parameters
    ----------
    name : str
        A key of ``SAMPLERS``.

    Returns
    -------
    sampler
        Not fitted.

    Raises
    ------
    ValueError
        If there is none of this name. The message lists those there are.

    Examples
    --------
    >>> from skdal.experiments.presets import make_sampler
    >>> make_sampler("random")
    RandomSampler()
    """
    if name not in SAMPLERS:
        known = ", ".join(sorted(SAMPLERS))
        raise ValueError(f"{name!r} is no sampler; choose among {known}.")
    return clone(SAMPLERS[name])
