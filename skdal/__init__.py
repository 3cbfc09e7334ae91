"""Active learning for scikit-learn: which rows to label next.

The public names are loaded when they are first asked for, so that ``import skdal`` takes
neither torch nor skorch, PuLP or matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skdal.learner import BudgetedLearner
    from skdal.neural.discriminator import MLPDiscriminator
    from skdal.samplers.combined import CombinedSampler
    from skdal.samplers.core_set import CoreSetSampler
    from skdal.samplers.deepfool import DeepFoolSampler
    from skdal.samplers.discriminative import DiscriminativeSampler
    from skdal.samplers.expected_gradient_length import ExpectedGradientLengthSampler
    from skdal.samplers.mc_dropout import MCDropoutSampler
    from skdal.samplers.random import RandomSampler
    from skdal.samplers.uncertainty import UncertaintySampler

__version__ = "0.1.0"

_HOME = {
    "BudgetedLearner": "skdal.learner",
    "CombinedSampler": "skdal.samplers.combined",
    "CoreSetSampler": "skdal.samplers.core_set",
    "DeepFoolSampler": "skdal.samplers.deepfool",
    "DiscriminativeSampler": "skdal.samplers.discriminative",
    "ExpectedGradientLengthSampler": "skdal.samplers.expected_gradient_length",
    "MCDropoutSampler": "skdal.samplers.mc_dropout",
    "MLPDiscriminator": "skdal.neural.discriminator",
    "RandomSampler": "skdal.samplers.random",
    "UncertaintySampler": "skdal.samplers.uncertainty",
}

__all__ = [
    "BudgetedLearner",
    "CombinedSampler",
    "CoreSetSampler",
    "DeepFoolSampler",
    "DiscriminativeSampler",
    "ExpectedGradientLengthSampler",
    "MCDropoutSampler",
    "MLPDiscriminator",
    "RandomSampler",
    "UncertaintySampler",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'skdal' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
