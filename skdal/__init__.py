"""Active learning for scikit-learn: which rows to label next.

The public names are loaded when they are first asked for, so that ``import skdal`` takes
neither torch nor skorch, PuLP or matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skdal.learner.active import ActiveLearner
    from skdal.learner.budgeted import BudgetedLearner
    from skdal.learner.scoring import label_efficiency_score
    from skdal.neural.discriminator import MLPDiscriminator
    from skdal.samplers.combined import CombinedSampler
    from skdal.samplers.core_set import CoreSetSampler
    from skdal.samplers.deepfool import DeepFoolSampler
    from skdal.samplers.discriminative import DiscriminativeSampler
    from skdal.samplers.expected_gradient_length import ExpectedGradientLengthSampler
    from skdal.samplers.mc_dropout import MCDropoutSampler
    from skdal.samplers.random import RandomSampler
    from skdal.samplers.uncertainty import UncertaintySampler
    from skdal.stopping import DivergenceStop

__version__ = "0.1.0"

_HOME = {
    "ActiveLearner": "skdal.learner.active",
    "BudgetedLearner": "skdal.learner.budgeted",
    "CombinedSampler": "skdal.samplers.combined",
    "CoreSetSampler": "skdal.samplers.core_set",
    "DeepFoolSampler": "skdal.samplers.deepfool",
    "DiscriminativeSampler": "skdal.samplers.discriminative",
    "DivergenceStop": "skdal.stopping",
    "ExpectedGradientLengthSampler": "skdal.samplers.expected_gradient_length",
    "MCDropoutSampler": "skdal.samplers.mc_dropout",
    "MLPDiscriminator": "skdal.neural.discriminator",
    "RandomSampler": "skdal.samplers.random",
    "UncertaintySampler": "skdal.samplers.uncertainty",
    "label_efficiency_score": "skdal.learner.scoring",
}

__all__ = [
    "ActiveLearner",
    "BudgetedLearner",
    "CombinedSampler",
    "CoreSetSampler",
    "DeepFoolSampler",
    "DiscriminativeSampler",
    "DivergenceStop",
    "ExpectedGradientLengthSampler",
    "MCDropoutSampler",
    "MLPDiscriminator",
    "RandomSampler",
    "UncertaintySampler",
    "__version__",
    "label_efficiency_score",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'skdal' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
