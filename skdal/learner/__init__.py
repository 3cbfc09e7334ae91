"""Learners: the learning loop as a scikit-learn estimator."""

from skdal.learner.active import ActiveLearner
from skdal.learner.budgeted import BudgetedLearner
from skdal.learner.scoring import label_efficiency_score

__all__ = ["ActiveLearner", "BudgetedLearner", "label_efficiency_score"]
