"""Samplers and whole comparisons by name, for the command line."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import getmembers, isclass, signature
from typing import Any

from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdal import samplers
from skdal._named import check_known, settings_in
from skdal.samplers import (
    CombinedSampler,
    CoreSetSampler,
    DiscriminativeSampler,
    MCDropoutSampler,
    UncertaintySampler,
)

# Their names are those of their files, but for this one.
_SHORT = {"expected-gradient-length": "egl"}


def _by_file() -> dict[str, Any]:
    """Return the samplers that work with defaults, by name."""
    found = {}
    for _, sampler in getmembers(samplers, isclass):
        if all(p.default is not p.empty for p in signature(sampler).parameters.values()):
            name = sampler.__module__.rpartition(".")[2].replace("_", "-")
            found[_SHORT.get(name, name)] = sampler()
    return found


# A sampler without an estimator works with the model of the learner that it is in.
SAMPLERS: dict[str, Any] = {
    **_by_file(),
    "combined": CombinedSampler(
        [("uncertainty", UncertaintySampler()), ("discriminative", DiscriminativeSampler())]
    ),
    "core-set-mip": CoreSetSampler(method="mip"),
    "discriminative-logistic": DiscriminativeSampler(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    ),
    "discriminative-raw": DiscriminativeSampler(estimator="passthrough"),
    "mc-dropout-ratio": MCDropoutSampler(measure="variation_ratio", n_passes=20),
    "uncertainty-ratio": UncertaintySampler(measure="variation_ratio"),
}

# Strategies of scikit-activeml, today's references; not made before they are asked for either.
_STRATEGIES = {"badge": "Badge", "typiclust": "TypiClust"}

SAMPLER_NAMES = tuple(sorted((*SAMPLERS, *_STRATEGIES)))

_PAPER = (
    *("random", "uncertainty", "mc-dropout", "deepfool", "egl"),
    *("core-set", "discriminative"),
)


@dataclass(frozen=True)
class Preset:
    """The settings of a comparison.

    Parameters
    ----------
    data : str
        Name of the data set, see :func:`~skdal.datasets.load`.

    estimator : str
        Name of the task model.

    n_initial, n_instances, n_queries, n_repeats : int
        As in :func:`~skdal.experiments.compare`.

    samplers : tuple of str
        Their names.

    params : dict of str to dict
        Parameters of samplers, by their names, that are not the defaults.

    Examples
    --------
    >>> from skdal.experiments.presets import PRESETS
    >>> PRESETS["mnist-100"].n_initial
    100
    """

    data: str
    estimator: str
    n_initial: int
    n_instances: int
    n_queries: int
    n_repeats: int
    samplers: tuple[str, ...]
    params: dict[str, dict[str, Any]]

    def make_sampler(self, name: str, *, images: bool = True) -> Any:
        """Return a new sampler of the given name, with the parameters of this preset.

        Parameters
        ----------
        name : str
            As :func:`make_sampler` takes it. What it sets has precedence.

        images : bool, default=True
            Whether the task model takes images, in whose range an adversarial example stays.

        Raises
        ------
        ImportError, ValueError
            See :func:`make_sampler`.
        """
        params = self.params
        if not images:
            params = {
                kind: {name: value for name, value in settings.items() if name != "clip"}
                for kind, settings in params.items()
            }
        return _make(name, params)


def _of_the_paper(data: str, estimator: str, start: int, batch: int, n_queries: int) -> Preset:
    params: dict[str, dict[str, Any]] = {
        "combined": {"discriminative__n_mini_queries": 20},
        "deepfool": {"clip": (0.0, 1.0)},
        "discriminative": {"n_mini_queries": 20},
        "discriminative-logistic": {"n_mini_queries": 20},
    }
    return Preset(data, estimator, start, batch, n_queries, 20, _PAPER, params)


# Sizes as in Figures 1 and 2 of the paper, and in those of its authors' blog, where it leaves
# them out.
PRESETS: dict[str, Preset] = {
    "mnist-10": _of_the_paper("mnist", "lenet", 100, 10, 80),
    "mnist-100": _of_the_paper("mnist", "lenet", 100, 100, 20),
    "mnist-1000": _of_the_paper("mnist", "lenet", 100, 1000, 3),
    "cifar10-1000": _of_the_paper("cifar10", "vgg16", 5000, 1000, 10),
    "cifar10-5000": _of_the_paper("cifar10", "vgg16", 5000, 5000, 4),
    "cifar10-10000": _of_the_paper("cifar10", "vgg16", 5000, 10000, 2),
}

# What is quick, where no preset is asked for.
DEFAULT = Preset("digits", "mlp", 20, 30, 6, 5, ("random", "discriminative"), {})


def make_sampler(name: str) -> Any:
    """Return a new sampler of the given name.

    Parameters
    ----------
    name : str
        One of ``SAMPLER_NAMES``, and after it what to set of its parameters, with colons
        between: ``"discriminative:n_mini_queries=5:warm_start=False"``.

    Returns
    -------
    sampler
        Not fitted.

    Raises
    ------
    ValueError
        If there is none of this name, or it has no such parameter; the message lists those there
        are. If a parameter cannot have this value.
    ImportError
        If the sampler is a strategy of scikit-activeml, and that is not installed.

    Examples
    --------
    >>> from skdal.experiments.presets import make_sampler
    >>> make_sampler("random")
    RandomSampler()
    >>> make_sampler("core-set:max_candidates=500:metric=cosine")
    CoreSetSampler(max_candidates=500, metric='cosine')
    """
    return _make(name, {})


def _make(name: str, params: dict[str, dict[str, Any]]) -> Any:
    kind, settings = settings_in(name)
    if kind in _STRATEGIES:
        sampler = _strategy(kind)
    elif kind in SAMPLERS:
        sampler = clone(SAMPLERS[kind])
    else:
        raise ValueError(f"{kind!r} is no sampler; choose among {', '.join(SAMPLER_NAMES)}.")
    sampler.set_params(**params.get(kind, {}))
    for parameter, value in settings.items():
        check_known(sampler, parameter, name)
        sampler.set_params(**{parameter: value})
    sampler._validate_params()
    return sampler


def _strategy(kind: str) -> Any:
    # First, since it says in its error how to install what it needs.
    from skdal.interop import SkactivemlSampler  # isort: skip
    from skactiveml import pool

    return SkactivemlSampler(getattr(pool, _STRATEGIES[kind])())
