"""
Tuning a sampler by cross-validation
====================================

A ``BudgetedLearner`` is a classifier that may look at only some of the labels that it is given. So
cross-validation can say which sampler, and which of its parameters, suit the data at hand, if there
is a labeled data set like it.
"""

# %%
# The learner starts with 20 labels and buys 80 more, 20 a query. ``label_efficiency_score`` is the
# mean accuracy over all of its course, for which it keeps the model of every step.
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold

from skdal import (
    BudgetedLearner,
    DiscriminativeSampler,
    RandomSampler,
    UncertaintySampler,
    label_efficiency_score,
)
from skdal.datasets import load

digits = load("digits")
model = LogisticRegression(max_iter=1000)
learner = BudgetedLearner(
    model, budget=100, n_initial=20, n_instances=20, keep_models=True, random_state=0
)

# %%
# A sampler is a parameter of the learner, and its own parameters are those of ``sampler__``. A
# play of a hundred labels is a noisy score: three folds, each drawn three times, make nine of
# them.
grid = [
    {"sampler": [RandomSampler()]},
    {
        "sampler": [DiscriminativeSampler(model)],
        "sampler__n_mini_queries": [1, 5, 20],
    },
    {
        "sampler": [UncertaintySampler(measure="margin")],
        "sampler__max_candidates": [100, 400, None],
    },
]
folds = RepeatedStratifiedKFold(n_splits=3, n_repeats=3, random_state=0)
search = GridSearchCV(learner, grid, scoring=label_efficiency_score, cv=folds, refit=False)
search.fit(digits.X, digits.y)

# %%
# The same folds for all, so that differences to random sampling are paired. The bars are the
# standard errors of their mean; folds share rows, and so they are rather too short.
import matplotlib.pyplot as plt
import numpy as np

n_splits = folds.get_n_splits()
results = search.cv_results_
scores = np.array([results[f"split{number}_test_score"] for number in range(n_splits)])
differences = scores - scores[:, :1]
means = differences.mean(axis=0)
errors = differences.std(axis=0, ddof=1) / np.sqrt(n_splits)
names = ["random"]
for params in results["params"][1:]:
    (key, value) = next((k, v) for k, v in params.items() if k != "sampler")
    kind = "DAL" if key.endswith("mini_queries") else "margin"
    names.append(f"{kind}, {key.removeprefix('sampler__')}={value}")
for name, score, mean, error in zip(names, scores.mean(axis=0), means, errors, strict=True):
    print(f"{name:28} {score:.3f}, random {mean:+.3f} ± {error:.3f}")

figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
ax.errorbar(means[1:], names[1:], xerr=errors[1:], fmt="o", capsize=3)
ax.axvline(0, color="gray", linestyle="--")
ax.invert_yaxis()
ax.set_xlabel("Mean accuracy over the labels, minus that of random sampling")
ax.grid(axis="x", alpha=0.3)
plt.show()

# %%
# What matters is found: more than one mini-query, and a sampler rather than none. What does not,
# five mini-queries or twenty, so many candidates or others, differs by less than the errors: take
# the cheapest. More repeats would tell more, and take longer in proportion.
