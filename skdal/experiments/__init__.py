"""Experiments: samplers compared on the same data, from the same starts."""

from skdal.experiments.compare import compare
from skdal.experiments.results import summarize, write_csv

__all__ = ["compare", "summarize", "write_csv"]
