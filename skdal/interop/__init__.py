"""Work with scikit-activeml: its strategies as samplers, and samplers as its strategies.

modAL takes a sampler as ``query_strategy`` as it is, so that nothing is here for it.
"""

try:
    import skactiveml  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "skdal.interop needs scikit-activeml; in a clone of skdal: "
        "pip install -c constraints.txt '.[interop]'.",
        name=error.name,
    ) from error

from skdal.interop.sampler import SkactivemlSampler
from skdal.interop.strategy import SamplerQueryStrategy

__all__ = ["SamplerQueryStrategy", "SkactivemlSampler"]
