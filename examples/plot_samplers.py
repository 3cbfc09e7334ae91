"""
What each sampler chooses
=========================

Every sampler of skdal is asked for twelve rows of the same pool, on a plane, where the choice can
be seen. The classes are two moons, the labels so far are of the left half alone, and three rows are
far from everything.
"""

# %%
# The pool: 600 rows, and the three. Labels are drawn from the left, so that the right end of both
# moons has never been seen.
import numpy as np
from matplotlib import pyplot as plt
from sklearn.datasets import make_moons
from sklearn.svm import SVC
from torch import nn

from skdal import (
    CombinedSampler,
    CoreSetSampler,
    DeepFoolSampler,
    DiscriminativeSampler,
    ExpectedGradientLengthSampler,
    MCDropoutSampler,
    RandomSampler,
    UncertaintySampler,
)
from skdal.neural import NeuralClassifier
from skdal.plotting import QueryDisplay

X, truth = make_moons(600, noise=0.12, random_state=0)
X = np.vstack([X, [[-1.7, -1.2], [2.8, 1.8], [2.9, -1.3]]])
truth = np.append(truth, [0, 1, 1])
left = np.flatnonzero(X[:600, 0] < 0.6)
labeled = np.random.RandomState(0).choice(left, 30, replace=False)
y = np.full(len(X), -1)
y[labeled] = truth[labeled]

# %%
# Some samplers look into the task model: its probabilities, its dropout layers, its gradients. One
# small network serves them all. DAL and core-set choose here in the plane itself, without it. Two
# numbers a row are too few for DAL's default discriminator to tell 98 % of the rows apart, as it
# tries to; a support vector machine tells what it can, and is quick.


class Network(nn.Sequential):
    def __init__(self, input_shape, n_outputs):
        hidden = [nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.5)]
        super().__init__(*hidden, nn.Linear(64, n_outputs))


model = NeuralClassifier(Network, standardize=True, max_epochs=150, random_state=0)
model.fit(X[labeled], truth[labeled])

uncertainty, dal = UncertaintySampler(model), DiscriminativeSampler(SVC(), n_mini_queries=12)
samplers = {
    "RandomSampler": RandomSampler(),
    "UncertaintySampler": uncertainty,
    "MCDropoutSampler (DBAL)": MCDropoutSampler(model),
    "DeepFoolSampler (DFAL)": DeepFoolSampler(model),
    "ExpectedGradientLengthSampler (EGL)": ExpectedGradientLengthSampler(model),
    "CoreSetSampler": CoreSetSampler(),
    "DiscriminativeSampler (DAL)": dal,
    "CombinedSampler (DAL, uncertainty)": CombinedSampler([("dal", dal), ("un", uncertainty)]),
}

# %%
# Grey dots are the pool, squares the labels so far, triangles the query. The line is where the
# model changes its mind.
grid = np.stack(np.meshgrid(np.linspace(-2.1, 3.2, 120), np.linspace(-1.6, 2.1, 90)), axis=-1)
margin = model.predict_proba(grid.reshape(-1, 2))[:, 1].reshape(grid.shape[:2])

figure, axes = plt.subplots(4, 2, figsize=(8, 11), sharex=True, sharey=True, layout="constrained")
for ax, (name, sampler) in zip(axes.flat, samplers.items(), strict=True):
    sampler.set_params(random_state=0).fit(X, y)
    display = QueryDisplay.from_sampler(sampler, X, 12, ax=ax)
    ax.contour(grid[..., 0], grid[..., 1], margin, levels=[0.5], colors="black", linewidths=0.8)
    ax.set(title=name, xticks=[], yticks=[])
    ax.get_legend().remove()
    rows = display.query_rows
    print(
        f"{name:36} {(X[rows, 0] > 1).sum():2} of 12 beyond x = 1, {(rows >= 600).sum()} outliers"
    )
figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()

# %%
# Uncertainty, DBAL and DFAL ask where the model is in doubt, which is nearly the same place for all
# three: along its boundary, many rows side by side. EGL asks where a label would change the model
# most, and finds that at the far end alone. None of the four sees that hardly a row of the lower
# moon is labeled, for the model has no doubt there. Core-set covers what is not covered, the
# outliers first. DAL takes what does not look labeled, spread over the right half by its
# mini-queries, and leaves the outliers. ``CombinedSampler`` gives half of the query to each of two.
#
# This is one pool, on a plane. What samplers gain in accuracy was measured on images:
# :doc:`/which_sampler`.
