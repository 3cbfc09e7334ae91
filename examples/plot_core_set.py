"""
How good can a core-set be?
===========================

Core-set sampling chooses rows so that every row of the pool is near to a labeled or a chosen one.
The farthest that any row has to its nearest one is the covering radius. Greedy makes it at most
twice as large as it could be; the robust integer program makes it smaller, leaves a few outliers
out, and proves how far it is from the smallest radius that there is.
"""

# %%
# A pool in two dimensions, so that it can be drawn: three clusters, and five outliers far from all
# of them. Five rows are labeled.
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Circle
from sklearn.datasets import make_blobs

from skdal import CoreSetSampler
from skdal.plotting import QueryDisplay

X, _ = make_blobs(295, centers=[[0, 0], [7, 1], [3, 6]], cluster_std=1.2, random_state=0)
outliers = [[-7, 9], [13, 10], [15, -5], [-6, -7], [4, -9]]
X = np.vstack([X, outliers])
y = np.full(len(X), -1)
y[:5] = 0  # core-set asks only which rows are labeled, not what their labels are

# %%
# Both samplers choose ten rows. Greedy has to cover the outliers, and takes them first. The integer
# program may leave five rows uncovered. ``return_details=True`` tells the radius, and for the
# integer program the certificate: no ten rows, whatever five are left out, have a radius below
# ``lower_bound``.
samplers = {
    "greedy": CoreSetSampler(),
    "robust": CoreSetSampler(method="mip", n_outliers=5, time_limit=30, random_state=0),
}
chosen = {}
for name, sampler in samplers.items():
    chosen[name] = sampler.fit(X, y).query(n_instances=10, return_details=True)
    print(f"{name}: radius {chosen[name][1].radius:.3f}")

details = chosen["robust"][1]
gap = 1 - details.lower_bound / details.radius
print(f"robust: {details.status}, lower bound {details.lower_bound:.3f}, gap {gap:.2%}")

# %%
# The radii of the two are not of the same rows: greedy's covers the outliers, too. What greedy
# would have without them is the distance that all but five rows keep to a center.
centers = X[np.concatenate([np.flatnonzero(y == 0), chosen["greedy"][0]])]
distances = np.linalg.norm(X[:, None] - centers, axis=2).min(axis=1)
print(f"greedy, its five farthest rows left out: radius {np.sort(distances)[-6]:.3f}")

# %%
# Every circle has the covering radius. On the right, what lies in no circle are the outliers.
figure, axes = plt.subplots(1, 2, figsize=(10, 4.5), sharex=True, sharey=True, layout="constrained")
for ax, (name, (rows, found)) in zip(axes, chosen.items(), strict=True):
    QueryDisplay.from_arrays(X, np.flatnonzero(y == 0), rows, ax=ax)
    for row in np.concatenate([np.flatnonzero(y == 0), rows]):
        ax.add_patch(Circle(X[row], found.radius, fill=False, alpha=0.4))
    ax.set(title=f"{name}, radius {found.radius:.2f}", aspect="equal")
plt.show()

# %%
# If outliers are errors or rarities of no interest, leave some out; if they are what you look for,
# greedy goes straight to them. The gap says whether more time could help: with a gap of half a
# percent, no choice whatever is better by more than that. What the certificate takes on larger
# pools is :doc:`measured </core_set>`.
