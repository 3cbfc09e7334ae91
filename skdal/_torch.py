"""What has to be known of torch and skorch without importing them, which takes seconds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

# The state is one for the whole process: two threads at once would draw from each other's.
TORCH_RANDOM_STATE = RLock()


def is_skorch(model: Any) -> bool:
    """Return whether a model is a skorch net.

    Parameters
    ----------
    model : object
        Anything.
    """
    # A net cannot exist before skorch was imported.
    return "skorch" in sys.modules and isinstance(model, sys.modules["skorch"].NeuralNet)


def is_network(model: Any) -> bool:
    """Return whether a model is a skorch net or an estimator of :mod:`skdal.neural`.

    Parameters
    ----------
    model : object
        Anything.
    """
    ours = sys.modules.get("skdal.neural.estimator")
    return is_skorch(model) or (ours is not None and isinstance(model, ours.NeuralEstimator))


def unfrozen(estimator: Any) -> Any:
    """Return the estimator in a FrozenEstimator, which is the one that a user knows.

    Parameters
    ----------
    estimator : estimator
        Frozen or not.

    Returns
    -------
    estimator
        What is inside, or the estimator itself.
    """
    while isinstance(estimator, FrozenEstimator):
        estimator = estimator.estimator
    return estimator


def last_step(model: Any) -> Any:
    """Return what does the predicting: the last step of a Pipeline, what a frozen model holds.

    Parameters
    ----------
    model : estimator
        Fitted or not.
    """
    while isinstance(model, Pipeline | FrozenEstimator):
        model = model[-1] if isinstance(model, Pipeline) else model.estimator
    return model


def skorch_nets(model: Any) -> list[Any]:
    """Return all skorch nets that a model is made of.

    Parameters
    ----------
    model : estimator
        Fitted or not.
    """
    parts = [model, last_step(model)]
    if hasattr(model, "get_params"):
        parts += model.get_params().values()
    return list({id(part): part for part in parts if is_skorch(part)}.values())


@contextmanager
def modes_kept(model: Any) -> Iterator[None]:
    """Leave the modules of skorch nets in the mode, training or not, that they were in.

    Parameters
    ----------
    model : fitted estimator
        May hold nets. Predicting puts their modules into evaluation mode.
    """
    modules = [m for net in skorch_nets(model) if net.initialized_ for m in net.module_.modules()]
    modes = [module.training for module in modules]
    try:
        yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode


@contextmanager
def torch_random_state_kept(model: Any = None) -> Iterator[None]:
    """Leave torch's global random state as it was before the ``with`` block.

    A DataLoader draws from it even where it shuffles nothing. One thread at a time is within.

    Parameters
    ----------
    model : estimator or None, default=None
        What is at work in the block, if it is known: without a network, nothing has to be done.
    """
    torch = sys.modules.get("torch")
    if model is not None and not (is_network(last_step(model)) or skorch_nets(model)):
        torch = None
    if torch is None:
        yield
        return
    with TORCH_RANDOM_STATE, torch.random.fork_rng(devices=[]):
        yield
