"""
A discriminator of your own
===========================

DAL trains a classifier, the discriminator, to tell labeled rows from unlabeled ones. Any
classifier of scikit-learn or skorch will do. Here it is a small convolutional network, which knows
that a row of 64 numbers is an image of 8 x 8 pixels.
"""

# %%
# The labels are biased: a hundred digits from 0 to 4 are labeled, none from 5 to 9. A good
# discriminator notices.
import numpy as np

from skdal.datasets import load

digits = load("digits")
X = digits.X.astype(np.float32)
y = np.full(len(X), -1)
low = np.flatnonzero(digits.y < 5)[:100]
y[low] = digits.y[low]

# %%
# A skorch net needs a module that returns two logits, one a class: labeled, unlabeled. The sampler
# feeds it the rows as they are, in float32, weights the classes so that the many unlabeled rows do
# not outvote the labeled ones, and seeds it.
import torch
from skorch import NeuralNetClassifier
from torch import nn


class Convolutions(nn.Sequential):
    """A convolution, pooling, and a hidden layer."""

    def __init__(self):
        super().__init__(
            nn.Unflatten(1, (1, 8, 8)),
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(16 * 4 * 4, 32),
            nn.ReLU(),
            nn.Linear(32, 2),
        )


convolutions = NeuralNetClassifier(
    Convolutions,
    criterion=nn.CrossEntropyLoss,
    optimizer=torch.optim.Adam,
    lr=1e-2,
    batch_size=128,
    max_epochs=8,
    verbose=0,
)

# %%
# Each discriminator chooses fifty rows. ``h_divergence`` says how well it tells its own training
# rows apart in each of the ten mini-queries: 0, not at all; 2, without a mistake.
from sklearn.linear_model import LogisticRegression

from skdal import DiscriminativeSampler

discriminators = {
    "convolutions": convolutions,
    "logistic regression": LogisticRegression(max_iter=1000),
    "default": None,
}
share = np.mean(digits.y[y == -1] > 4)
print(f"{share:.0%} of the pool are digits from 5 to 9")
shares = {}
for name, discriminator in discriminators.items():
    sampler = DiscriminativeSampler(discriminator, random_state=0).fit(X, y)
    rows, details = sampler.query(n_instances=50, return_details=True)
    shares[name] = np.mean(digits.y[rows] > 4)
    first, last = details.h_divergence[[0, -1]]
    print(f"{name}: {shares[name]:.0%} of the query; divergence {first:.2f}, at last {last:.2f}")

# %%
import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(7, 2.5), layout="constrained")
ax.barh(list(shares), list(shares.values()))
ax.axvline(share, color="black", linestyle="--", label="share of the pool")
ax.set(xlabel="Share of digits from 5 to 9 in the query", xlim=(0, 1))
ax.invert_yaxis()
ax.legend(loc="lower left")
plt.show()

# %%
# All of them see what is missing. Nearly half of the pool are digits like the labeled ones, so
# that the default, which trains until it tells nearly all of its rows apart, has learned them by
# heart; the others go less far, and lean more to what is missing here. On other pools that is no
# rule: the :doc:`measurements </dal>` have cases for either, and a grid search over
# ``sampler__discriminator`` tells which suits yours.
