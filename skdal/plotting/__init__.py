"""Displays in scikit-learn's style. matplotlib is imported once something is drawn."""

from skdal.plotting._style import check_matplotlib
from skdal.plotting.learning_curve import LearningCurveDisplay
from skdal.plotting.query import QueryDisplay
from skdal.plotting.ranking import RankingDisplay

__all__ = ["LearningCurveDisplay", "QueryDisplay", "RankingDisplay", "check_matplotlib"]
