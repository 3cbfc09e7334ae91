"""The samplers: one query strategy a file."""

from skdal.samplers.discriminative import DiscriminativeSampler
from skdal.samplers.random import RandomSampler

__all__ = ["DiscriminativeSampler", "RandomSampler"]
