"""
A convolutional network on MNIST
================================

LeNet, the network of the paper's experiments on MNIST, is trained on two hundred images, and five
samplers say which images they would have labeled next. Where MNIST cannot be downloaded,
scikit-learn's own digits, enlarged, stand in for it.
"""

# %%
# ``load("mnist")`` downloads MNIST once, from openml.org. LeNet takes images as rows of height x
# width; pixels of uint8 are divided by 255. The pool is a part of MNIST, so that this takes
# seconds.
import numpy as np

from skdal.datasets import load

try:
    data = load("mnist")
except OSError as error:
    print(error)
    print("scikit-learn's digits of 8 x 8 pixels, enlarged to 16 x 16, take the place of MNIST.")
    data = load("digits")
    for name in ("X", "X_test"):
        data[name] = np.kron(data[name].reshape(-1, 8, 8), np.ones((2, 2)))
X, truth = data.X[:3000], data.y[:3000]
y = np.where(np.arange(len(X)) < 200, truth, -1)  # two hundred are labeled

# %%
# ``LeNetClassifier()`` trains for 150 epochs, as in the paper; here are 20. It runs on CUDA where
# there is one, and on the CPU elsewhere.
from skdal.neural import LeNetClassifier

network = LeNetClassifier(max_epochs=20, random_state=0).fit(X[:200], truth[:200])
print(f"Accuracy on the test images: {network.score(data.X_test[:2000], data.y_test[:2000]):.3f}")

# %%
# The network is trained, and goes frozen to every sampler: uncertainty asks it for probabilities,
# DBAL for those of twenty passes with dropout left on, and core-set and DAL work in its
# representation, what its last layer sees.
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from skdal import (
    CoreSetSampler,
    DiscriminativeSampler,
    MCDropoutSampler,
    RandomSampler,
    UncertaintySampler,
)

frozen = FrozenEstimator(network)
samplers = {
    "random": RandomSampler(random_state=0),
    "DAL": DiscriminativeSampler(
        LogisticRegression(max_iter=1000), estimator=frozen, random_state=0
    ),
    "core-set": CoreSetSampler(frozen, random_state=0),
    "DBAL": MCDropoutSampler(frozen, n_passes=20, random_state=0),
    "uncertainty": UncertaintySampler(frozen, random_state=0),
}
predicted = network.predict(X)
chosen = {}
for name, sampler in samplers.items():
    rows = chosen[name] = sampler.fit(X, y).query(n_instances=100)
    right = np.mean(predicted[rows] == truth[rows])
    most = np.bincount(truth[rows]).max()
    print(f"{name:12} the network is right in {right:.0%}; {most} of 100 are of one class")

# %%
# The first twelve of each, in the order of choice, with their classes; in red where the network
# takes the image for another.
import matplotlib.pyplot as plt

figure, axes = plt.subplots(len(chosen), 12, figsize=(8, 4.2), layout="constrained")
for line, (name, rows) in zip(axes, chosen.items(), strict=True):
    for ax, row in zip(line, rows, strict=False):
        ax.imshow(X[row], cmap="gray_r")
        ax.set_title(truth[row], fontsize=9, color="k" if predicted[row] == truth[row] else "r")
        ax.set(xticks=[], yticks=[])
    line[0].set_ylabel(name, rotation=0, ha="right")
plt.show()

# %%
# Uncertainty and DBAL ask for images that the network gets wrong, many of them of one class;
# random images are mostly of a kind that it knows. DAL and core-set ask only where the labeled
# images are, and lie between. Which of this makes the better network is another question, which
# :doc:`the experiments </experiments>` answer for MNIST: of these, asked about the whole pool, DAL
# and core-set lead with few labels, uncertainty and DBAL with many.
