"""
A comparison on a cluster
=========================

Runs of a comparison do not depend on each other, so that joblib plays them wherever its backend
says: in processes of this machine, or on the workers of a Dask cluster.
"""

# %%
# This cluster lives within this process, which needs no guard against workers that import this page
# again. With the address of a scheduler, as in ``Client("tcp://10.0.0.1:8786")``, the rest stays as
# it is.
from dask.distributed import Client, LocalCluster
from joblib import parallel_config
from sklearn.linear_model import LogisticRegression

from skdal import RandomSampler, UncertaintySampler
from skdal.datasets import load
from skdal.experiments import compare, summarize
from skdal.plotting import LearningCurveDisplay

cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None)
client = Client(cluster)

# %%
# ``compare`` is called as everywhere, and finds what it finds everywhere. With ``directory=`` on a
# disk that all workers see, every step is kept as soon as it is done, and ``resume=True`` goes on
# after whatever happened.
samplers = {"random": RandomSampler(), "uncertainty": UncertaintySampler()}
with parallel_config(backend="dask"):
    results = compare(
        samplers, LogisticRegression(max_iter=1000), **load("digits"), n_queries=3, n_repeats=3
    )
for line in summarize(results):
    print(f"{line['sampler']:12} {line['area']:.3f} {line['difference']:+.3f}")

# %%
# The picture needs no cluster any more. It is one of three runs, and of uncertainty sampling at
# its weak point: few labels, and a whole pool of doubts that are much alike.
import matplotlib.pyplot as plt

LearningCurveDisplay.from_results(results, score_name="Accuracy")
plt.show()
client.close()
cluster.close()
