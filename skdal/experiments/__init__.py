"""Experiments: samplers compared on the same data, from the same starts."""

from skdal.experiments.compare import compare
from skdal.experiments.folder import read_results
from skdal.experiments.ranking import rank
from skdal.experiments.ranking_results import agreement, write_scores
from skdal.experiments.results import summarize, write_csv

__all__ = [
    "agreement",
    "compare",
    "rank",
    "read_results",
    "summarize",
    "write_csv",
    "write_scores",
]
