"""How one random state seeds every part of an estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

MAX_SEED = np.iinfo(np.int32).max


def seeded(estimator: Any, random_state: Any) -> Any:
    """Return a clone whose random states are set.

    Parameters
    ----------
    estimator : estimator or sampler
        Any.

    random_state : int, RandomState instance or None
        Draws the seeds.

    Returns
    -------
    estimator or sampler
        In the clone every ``random_state`` that was None, nested ones too, is an int.

    Examples
    --------
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skdal._seeding import seeded
    >>> seeded(MLPClassifier(), 0).random_state == seeded(MLPClassifier(), 0).random_state
    True
    >>> seeded(MLPClassifier(random_state=7), 0).random_state
    7
    """
    rng = check_random_state(random_state)
    copy = clone(estimator)
    seeds = {name: rng.randint(MAX_SEED) for name in unseeded(copy)}
    if seeds:
        # Not chained: FrozenEstimator.set_params returns None.
        copy.set_params(**seeds)
    return copy


def unseeded(estimator: Any) -> list[str]:
    """Return the names of the random states that are None, nested ones too, sorted.

    Parameters
    ----------
    estimator : estimator or sampler
        Any.

    Returns
    -------
    list of str
        Names for ``set_params``.

    Examples
    --------
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skdal._seeding import unseeded
    >>> unseeded(MLPClassifier())
    ['random_state']
    """
    return sorted(
        name
        for name, value in estimator.get_params().items()
        if name.split("__")[-1] == "random_state" and value is None
    )
