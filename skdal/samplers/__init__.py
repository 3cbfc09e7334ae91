"""The samplers: one query strategy a file."""

from skdal.samplers.combined import CombinedSampler
from skdal.samplers.core_set import CoreSetSampler
from skdal.samplers.deepfool import DeepFoolSampler
from skdal.samplers.discriminative import DiscriminativeSampler
from skdal.samplers.expected_gradient_length import ExpectedGradientLengthSampler
from skdal.samplers.mc_dropout import MCDropoutSampler
from skdal.samplers.random import RandomSampler
from skdal.samplers.uncertainty import UncertaintySampler

__all__ = [
    "CombinedSampler",
    "CoreSetSampler",
    "DeepFoolSampler",
    "DiscriminativeSampler",
    "ExpectedGradientLengthSampler",
    "MCDropoutSampler",
    "RandomSampler",
    "UncertaintySampler",
]
