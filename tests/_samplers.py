"""Every sampler, ready to use: common tests run over them.

A sampler of the package is among them as it is by default. Where that is slow or does not go, or a
parameter makes another sampler of it, it is among the variants instead.
"""

from __future__ import annotations

from importlib.util import find_spec
from inspect import getmembers, isclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch import nn

from skdal import (
    CombinedSampler,
    CoreSetSampler,
    DeepFoolSampler,
    DiscriminativeSampler,
    ExpectedGradientLengthSampler,
    MCDropoutSampler,
    MLPDiscriminator,
    RandomSampler,
    UncertaintySampler,
    samplers,
)
from skdal.acquisition import AcquisitionSampler
from skdal.base import BaseSampler
from skdal.neural import NeuralClassifier

_QUICK = LogisticRegression(max_iter=1000)
_PERCEPTRON = MLPClassifier((5,), solver="lbfgs", alpha=1, tol=0.1, max_iter=10_000)


class DropoutNetwork(nn.Sequential):
    """A small network with dropout. Its name has no address in it, as that of a function has."""

    def __init__(self, input_shape: tuple[int, ...], n_classes: int, p: float = 0.5) -> None:
        hidden = nn.Linear(*input_shape, 16)
        super().__init__(hidden, nn.ReLU(), nn.Dropout(p), nn.Linear(16, n_classes))


_NETWORK = NeuralClassifier(DropoutNetwork, standardize=True, max_epochs=3)

VARIANTS: list[BaseSampler] = [
    DiscriminativeSampler(_QUICK, n_mini_queries=3, random_state=0),
    DiscriminativeSampler(_QUICK, n_mini_queries=2, candidates="pool", selection="top").set_params(
        random_state=0
    ),
    DiscriminativeSampler(
        _QUICK, n_mini_queries=2, selection="proportional", max_candidates=30
    ).set_params(random_state=0),
    DiscriminativeSampler(SVC(), n_mini_queries=2, warm_start=False, random_state=0),
    DiscriminativeSampler(MLPDiscriminator(max_epochs=5), n_mini_queries=2, random_state=0),
    DiscriminativeSampler(
        make_pipeline(StandardScaler(with_mean=False), _QUICK), n_mini_queries=2, random_state=0
    ),
    DiscriminativeSampler(
        RandomForestClassifier(n_estimators=3, n_jobs=1), n_mini_queries=2, random_state=0
    ),
    DiscriminativeSampler(
        _QUICK, estimator=make_pipeline(PCA(), _QUICK), n_mini_queries=2, random_state=0
    ),
    DiscriminativeSampler(_QUICK, estimator=_NETWORK, n_mini_queries=2, random_state=0),
    UncertaintySampler(_QUICK, random_state=0),
    UncertaintySampler(
        RandomForestClassifier(n_estimators=3, n_jobs=1),
        measure="margin",
        max_candidates=30,
        random_state=0,
    ),
    MCDropoutSampler(_NETWORK, n_passes=5, random_state=0),
    MCDropoutSampler(_NETWORK, n_passes=5, measure="bald", random_state=0),
    DeepFoolSampler(_QUICK, random_state=0),
    DeepFoolSampler(_QUICK, n_classes=2, overshoot=0.1, max_candidates=30, random_state=0),
    ExpectedGradientLengthSampler(_PERCEPTRON, random_state=0),
    ExpectedGradientLengthSampler(_NETWORK, random_state=0),
    ExpectedGradientLengthSampler(_QUICK, parameters="last", random_state=0),
    CoreSetSampler(random_state=0),
    CoreSetSampler(
        make_pipeline(PCA(), _QUICK), metric="cosine", max_candidates=30, random_state=0
    ),
    CoreSetSampler(method="mip", tolerance=0.2, random_state=0),
    CombinedSampler(
        [("random", RandomSampler()), ("uncertain", UncertaintySampler(_QUICK))],
        weights=[1, 2],
        random_state=0,
    ),
]


def by_default(sampler: type[BaseSampler]) -> BaseSampler:
    """Return a sampler as it is by default, with a task model where it cannot do without."""
    if issubclass(sampler, AcquisitionSampler):
        return sampler(estimator=_QUICK, random_state=0)
    return sampler(random_state=0)


_VARIED = {type(variant) for variant in VARIANTS}
BY_DEFAULT = [
    by_default(sampler) for _, sampler in getmembers(samplers, isclass) if sampler not in _VARIED
]
SAMPLERS = [*VARIANTS, *BY_DEFAULT]

if find_spec("skactiveml") is not None:
    from skactiveml.pool import Badge, TypiClust

    from skdal.interop import SkactivemlSampler

    SAMPLERS += [
        SkactivemlSampler(TypiClust(), random_state=0),
        SkactivemlSampler(Badge(), _QUICK, random_state=0),
    ]


def hiding(sampler: BaseSampler) -> BaseSampler:
    """Return the same sampler, whose fit forgets the labels of half of the rows.

    scikit-learn's checks mark no row as unlabeled, so that without this they never have the
    sampler learn anything from a pool.
    """
    base = type(sampler)
    name = f"Hiding{base.__name__}"
    if name not in globals():

        def fit(self: Any, X: Any, y: Any = None) -> Any:
            n_rows = X.shape[0] if hasattr(X, "shape") and X.shape else len(X)
            known = np.zeros(n_rows, dtype=object) if y is None else np.array(y, dtype=object)
            # Two of four, so that a y that alternates keeps both of its classes.
            known[2::4] = known[3::4] = None
            return base.fit(self, X, known)

        # Found by name, so that it can be pickled.
        globals()[name] = type(name, (base,), {"fit": fit, "__module__": __name__})
    return globals()[name](**clone(sampler).get_params(deep=False))
