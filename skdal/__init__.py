"""Active learning for scikit-learn: which rows to label next.

The public names are loaded when they are first asked for, so that ``import skdal`` takes
neither torch nor skorch, PuLP or matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skdal.learner.active import ActiveLearner as ActiveLearner
    from skdal.learner.budgeted import BudgetedLearner as BudgetedLearner
    from skdal.learner.scoring import label_efficiency_score as label_efficiency_score
    from skdal.neural.discriminator import MLPDiscriminator as MLPDiscriminator
    from skdal.samplers import *  # noqa: F403
    from skdal.stopping import DivergenceStop as DivergenceStop

__version__ = "0.1.0"

# Whatever else is public is a sampler: skdal/samplers/__init__.py lists them.
_HOME = {
    "ActiveLearner": "skdal.learner.active",
    "BudgetedLearner": "skdal.learner.budgeted",
    "DivergenceStop": "skdal.stopping",
    "MLPDiscriminator": "skdal.neural.discriminator",
    "label_efficiency_score": "skdal.learner.scoring",
}


def __getattr__(name: str) -> Any:
    if name == "__all__":
        samplers = import_module("skdal.samplers").__all__
        return sorted([*_HOME, *samplers, "__version__"])
    # What is written small is no class, and nothing need be loaded to say that it is not there.
    home = _HOME.get(name, "skdal.samplers" if name[:1].isupper() else None)
    value = getattr(import_module(home), name, None) if home else None
    if value is None:
        raise AttributeError(f"module 'skdal' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    names = __getattr__("__all__")  # loads modules, which are names, too
    return sorted({*globals(), *names})
