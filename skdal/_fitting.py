"""How a task model is trained so that a random state fixes the result, whatever it is made of."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils import check_random_state

from skdal._seeding import MAX_SEED, seeded
from skdal._torch import is_skorch, last_step, skorch_nets


def fit_seeded(estimator: Any, X: Any, y: Any, random_state: Any, **params: Any) -> Any:
    """Train a clone whose random numbers are all drawn from one random state.

    A skorch net has no ``random_state``: it draws from the global ones of torch and numpy, which
    are therefore seeded for as long as it trains, and put back afterwards.

    Parameters
    ----------
    estimator : estimator
        A frozen one comes back as it is.

    X : array-like of n_rows rows
        What the estimator takes.

    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        Labels or values.

    random_state : int, RandomState instance or None
        Seeds every ``random_state`` of the clone, nested ones too, that is None.

    **params : dict
        What else ``fit`` takes, such as ``sample_weight``.

    Returns
    -------
    estimator
        The trained clone.

    Raises
    ------
    FloatingPointError
        If the training loss of a skorch net is no number any more.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skdal._fitting import fit_seeded
    >>> X, y = load_iris(return_X_y=True)
    >>> models = [fit_seeded(RandomForestClassifier(5), X, y, 0) for _ in range(2)]
    >>> bool((models[0].predict_proba(X) == models[1].predict_proba(X)).all())
    True
    """
    rng = check_random_state(random_state)
    model = seeded(estimator, rng)
    nets = skorch_nets(model)
    if not nets or isinstance(estimator, FrozenEstimator):
        with _interrupts_passed_on(model):
            return model.fit(X, y, **params)
    from skdal.neural.net import pass_on_interrupts, torch_seed

    net = last_step(model)
    with ExitStack() as stack:
        seed = rng.randint(MAX_SEED)
        stack.enter_context(torch_seed(seed, str(nets[0].device or "cpu")))
        # skorch splits off its validation part by numpy's.
        stack.callback(np.random.set_state, np.random.get_state())
        np.random.seed(seed)
        if is_skorch(net):
            stack.enter_context(pass_on_interrupts(net))
        model.fit(X, y, **params)
    if is_skorch(net):
        _check_losses(net)
    return model


@contextmanager
def _interrupts_passed_on(model: Any) -> Iterator[None]:
    """Let a Ctrl-C through that scikit-learn's networks take for the end of their training."""
    if not isinstance(last_step(model), (MLPClassifier, MLPRegressor)):
        yield
        return
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "Training interrupted by user", UserWarning)
            yield
    except UserWarning as warning:
        if isinstance(warning.__context__, KeyboardInterrupt):
            raise warning.__context__ from None
        raise


def _check_losses(net: Any) -> None:
    for epoch in net.history:
        for name in ("train_loss", "valid_loss"):
            loss = epoch.get(name, 0.0)
            if not np.isfinite(loss):
                raise FloatingPointError(
                    f"The {name} of the skorch net {type(net.module_).__name__} is {loss} in epoch "
                    f"{epoch['epoch']}; scale its input, lower its learning rate lr, or see if "
                    f"criterion={net.criterion.__name__} is for what the module returns: NLLLoss, "
                    "skorch's default, is for probabilities, CrossEntropyLoss for logits."
                )
