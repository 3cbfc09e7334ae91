"""
How DAL works, in pictures
==========================

Discriminative Active Learning trains a classifier, the discriminator, to tell labeled rows from
unlabeled ones, and labels rows that look unlabeled. A query is made of mini-queries: after each,
what it took counts as labeled, and the discriminator learns anew.
"""

# %%
# Three clusters; labeled are ten rows of the first. What their labels are does not matter.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_blobs
from sklearn.svm import SVC

from skdal import DiscriminativeSampler

X, cluster = make_blobs(600, centers=[[-4, 0], [3, 3], [3, -3]], cluster_std=1, random_state=0)
y = np.full(len(X), -1)
y[np.flatnonzero(cluster == 0)[:10]] = 0

# %%
# Four mini-queries of five rows, played one by one to look at each. The discriminator is a support
# vector machine, which draws well; the default is a network. The color is its score of every
# place: blue looks labeled, red unlabeled. Of the rows that it has seen, a mini-query draws among
# the quarter that most surely look unlabeled, the yellow ones.
places = np.stack(np.meshgrid(np.linspace(-8, 7, 80), np.linspace(-7, 7, 80)), axis=-1)
figure, axes = plt.subplots(1, 4, figsize=(12, 3.4), sharex=True, sharey=True, layout="constrained")
for number, ax in enumerate(axes, start=1):
    sampler = DiscriminativeSampler(SVC(gamma=0.2), n_mini_queries=1, random_state=number).fit(X, y)
    rows = sampler.query(n_instances=5)
    scores = sampler.score_samples(places.reshape(-1, 2)).reshape(places.shape[:2])
    levels = np.linspace(-2, 2, 17)
    ax.contourf(*places.transpose(2, 0, 1), scores, levels, cmap="coolwarm", extend="both")
    ax.plot(*X[y == -1].T, ".", color="#444444", markersize=2)
    ax.plot(*X[y == 0].T, "s", color="#0072B2", markersize=5)
    ax.plot(*X[rows].T, "^", color="#F0E442", markeredgecolor="k", markersize=8)
    ax.set_title(f"Mini-query {number}: {np.sum(y == 0)} labeled")
    y[rows] = 0
    print(f"Mini-query {number} takes {np.bincount(cluster[rows], minlength=3)} of the clusters")
plt.show()

# %%
# The first mini-queries go where nothing is labeled; once there are rows of all clusters, the next
# ones spread. ``DiscriminativeSampler(n_mini_queries=4).fit(X, y).query(n_instances=20)`` does the
# same in one query, and where the discriminator has weights to go on with, carries them over.
