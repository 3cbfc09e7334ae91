"""Everything that needs torch: networks, and their training as scikit-learn estimators.

The public names are loaded when they are first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skdal.neural.autoencoder import ConvAutoencoder
    from skdal.neural.classifier import NeuralClassifier
    from skdal.neural.discriminator import MLPDiscriminator
    from skdal.neural.images import LeNetClassifier, VGG16Classifier
    from skdal.neural.modules import MLP, VGG16, LeNet
    from skdal.neural.regressor import NeuralRegressor
    from skdal.neural.storage import load_model, save_model

_HOME = {
    "MLP": "skdal.neural.modules",
    "VGG16": "skdal.neural.modules",
    "ConvAutoencoder": "skdal.neural.autoencoder",
    "LeNet": "skdal.neural.modules",
    "LeNetClassifier": "skdal.neural.images",
    "MLPDiscriminator": "skdal.neural.discriminator",
    "NeuralClassifier": "skdal.neural.classifier",
    "NeuralRegressor": "skdal.neural.regressor",
    "VGG16Classifier": "skdal.neural.images",
    "load_model": "skdal.neural.storage",
    "save_model": "skdal.neural.storage",
}

__all__ = [
    "MLP",
    "VGG16",
    "ConvAutoencoder",
    "LeNet",
    "LeNetClassifier",
    "MLPDiscriminator",
    "NeuralClassifier",
    "NeuralRegressor",
    "VGG16Classifier",
    "load_model",
    "save_model",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'skdal.neural' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
