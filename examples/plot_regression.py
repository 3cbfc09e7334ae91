"""
Regression: which values to measure next?
=========================================

DAL and core-set ask only which rows are labeled, not what the labels are, so they choose for a
regression as well, and for several outputs at once. An unlabeled row is marked by NaN.
"""

# %%
# The upper half of a handwritten digit is known; how much ink is in each quarter of the lower half
# has to be measured, four numbers a digit.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor

from skdal import (
    ActiveLearner,
    BudgetedLearner,
    CoreSetSampler,
    DiscriminativeSampler,
    RandomSampler,
)

images = load_digits().images / 16
X = images[:, :4].reshape(len(images), -1)
ink = images[:, 4:].reshape(len(images), 2, 2, 2, 4).mean(axis=(2, 4)).reshape(len(images), 4)
X, X_test, ink, ink_test = train_test_split(X, ink, random_state=0)

# %%
# Nothing is measured yet. Core-set chooses the first rows, DAL the following ones, in the
# representation that the network has learned.
measured = np.full_like(ink, np.nan)
model = MLPRegressor(
    hidden_layer_sizes=(64,), alpha=0.01, learning_rate_init=0.01, max_iter=2000, random_state=0
)
dal = DiscriminativeSampler(LogisticRegression(max_iter=1000))
learner = ActiveLearner(model, dal, initial_sampler=CoreSetSampler(), random_state=0)
learner.fit(X, measured)
for _ in range(4):
    rows = learner.query(n_instances=25)
    learner.teach(rows, ink[rows])  # somebody measures them
    print(len(learner.labels_), round(learner.score(X_test, ink_test), 3))

# %%
# A single output is marked in the same way.
one = np.full(len(X), np.nan)
one[:50] = ink[:50, 0]
print(DiscriminativeSampler(random_state=0).fit(X, one).query(n_instances=5))

# %%
# Is it worth it? Each sampler plays on the training rows from the same five starts. The score is
# R2 on the test rows, with a hundred measurements.
figure, ax = plt.subplots(figsize=(6, 3), layout="constrained")
for sampler in (RandomSampler(), CoreSetSampler(), dal):
    name = type(sampler).__name__
    scores = [
        BudgetedLearner(model, sampler, budget=100, n_initial=25, n_instances=25, random_state=seed)
        .fit(X, ink)
        .score(X_test, ink_test)
        for seed in range(5)
    ]
    print(f"{name}: {np.mean(scores):.3f} ± {np.std(scores, ddof=1):.3f}")
    ax.plot(scores, [name] * len(scores), "o", alpha=0.7)
    ax.plot(np.mean(scores), name, "k|", markersize=25)
ax.set_xlabel("R2 with a hundred measurements; the bar is the mean")
plt.show()

# %%
# Not here for DAL: the means of five starts differ by no more than single scores of one sampler
# do, and only core-set is ahead of random sampling at all. That is what such a comparison is for,
# before anything is measured.
