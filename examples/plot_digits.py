"""
Which digits to label next?
===========================

A hundred handwritten digits are labeled, the rest are not. DAL chooses twenty more, in the
representation that a small network has learned from the hundred.
"""

# %%
# Unlabeled rows are marked by -1, as everywhere in scikit-learn.
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from skdal import DiscriminativeSampler

X, truth = load_digits(return_X_y=True)
X = X / 16
y = truth.copy()
y[100:] = -1

# %%
# The sampler trains the network on the labeled rows and works on what its last layer sees.
model = MLPClassifier((64,), alpha=0.01, learning_rate_init=0.01, max_iter=1000, random_state=0)
sampler = DiscriminativeSampler(estimator=model, random_state=0).fit(X, y)
rows = sampler.query(n_instances=20)
print(rows)

# %%
# The labels arrive, and the model is trained again.
y[rows] = truth[rows]
for name, known in [("before", slice(100)), ("after", y != -1)]:
    print(name, model.fit(X[known], truth[known]).score(X[1000:], truth[1000:]))
