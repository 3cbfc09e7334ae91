"""
A pool on a cluster
===================

A pool that is larger than the memory, or spread over many machines, comes as a Dask array. The
model goes to the chunks, wherever they are, and what comes back is a number for each row, or the
rows that a chunk has chosen.
"""

# %%
# This cluster lives within this process. With the address of a scheduler, as in
# ``Client("tcp://10.0.0.1:8786")``, the rest stays as it is.
import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
from dask.distributed import Client, LocalCluster

cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None)
client = Client(cluster)

# %%
# Every worker makes, or reads, its chunks itself. Here each of eight chunks has 10,000 rows in two
# dimensions, around a place of its own.
SIZES = (10_000,) * 8


def read(block_info):
    """Return one chunk. With files this is the place for ``np.load`` or ``pyarrow``."""
    number = block_info[None]["chunk-location"][0]
    angle = 2 * np.pi * number / len(SIZES)
    noise = np.random.RandomState(number).normal(size=(SIZES[number], 2))
    return 4 * np.array([np.cos(angle), np.sin(angle)]) + noise


pool = da.map_blocks(read, chunks=(SIZES, (2,)), dtype=float, meta=np.empty((0, 0)))
print(pool)

# %%
# The class of a row is on which side of a line it lies. Every 4,000th is labeled.
y = np.full(len(pool), -1)
rows = np.arange(0, len(pool), 4000)
y[rows] = pool[rows].compute().sum(axis=1) > 0

# %%
# The logistic regression is trained here, on twenty rows; the probabilities of 80,000 rows are
# computed by the workers, chunk by chunk.
from sklearn.linear_model import LogisticRegression

from skdal import CoreSetSampler, UncertaintySampler

uncertainty = UncertaintySampler(LogisticRegression(), random_state=0).fit(pool, y)
chosen = {"uncertainty": uncertainty.query(n_instances=20)}

# %%
# Core-set covers every chunk in a first round, and chooses among what the chunks have chosen in a
# second. The radius is at most four times the smallest. Greedy on all rows at once has at most
# twice, and needs a copy of the pool in a file here.
for name, two_rounds in {"two rounds": True, "all at once": False}.items():
    core_set = CoreSetSampler(two_rounds=two_rounds).fit(pool, y)
    chosen[name], details = core_set.query(n_instances=20, return_details=True)
    print(f"Core-set, {name}: covering radius {details.radius:.3f}")

# %%
# The colors are those of the chunks, and the triangles what was chosen: along the boundary of the
# two classes, or all around. Only the rows that are drawn are fetched.
figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), sharex=True, sharey=True, layout="constrained")
sample = pool[::40].compute()
chunk = np.arange(0, len(pool), 40) // SIZES[0]
for ax, (name, rows) in zip(axes, chosen.items(), strict=True):
    ax.scatter(*sample.T, c=chunk, cmap="Pastel1", s=6)
    ax.scatter(*pool[np.sort(rows)].compute().T, marker="^", s=50, c="#F0E442", edgecolor="k")
    ax.set(title=name, aspect="equal")
plt.show()

# %%
# Two rounds read every row once, and nothing but what the chunks have chosen travels; for that the
# radius is larger here than that of all rows at once.
client.close()
cluster.close()
