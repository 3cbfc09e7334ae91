"""The samplers: one query strategy a file, and one line here.

All else goes by these lines: ``skdal.Name``, the names of the command line, and the common tests.
"""

from typing import TYPE_CHECKING

# "as" says to type checkers that a name is public.
from skdal.samplers.combined import CombinedSampler as CombinedSampler
from skdal.samplers.core_set import CoreSetSampler as CoreSetSampler
from skdal.samplers.deepfool import DeepFoolSampler as DeepFoolSampler
from skdal.samplers.discriminative import DiscriminativeSampler as DiscriminativeSampler
from skdal.samplers.expected_gradient_length import (
    ExpectedGradientLengthSampler as ExpectedGradientLengthSampler,
)
from skdal.samplers.mc_dropout import MCDropoutSampler as MCDropoutSampler
from skdal.samplers.random import RandomSampler as RandomSampler
from skdal.samplers.uncertainty import UncertaintySampler as UncertaintySampler

# Without the files, which are names here, too. Type checkers go by "as", and could not read this.
if not TYPE_CHECKING:
    __all__ = [name for name, value in globals().items() if isinstance(value, type)]
