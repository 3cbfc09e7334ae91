"""Everything that needs torch: networks, and their training as scikit-learn estimators."""

from skdal.neural.classifier import NeuralClassifier
from skdal.neural.discriminator import MLPDiscriminator
from skdal.neural.modules import MLP

__all__ = ["MLP", "MLPDiscriminator", "NeuralClassifier"]
