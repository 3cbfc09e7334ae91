"""A loop that goes on for long takes no more memory and no more files than a short one."""

from __future__ import annotations

import gc
import os
import sys
import threading
import tracemalloc

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

from skdal import ActiveLearner, DiscriminativeSampler, DivergenceStop, MLPDiscriminator

N_ROUNDS, N_INSTANCES = 200, 3
X, TRUTH = make_classification(
    2000, 10, n_informative=6, n_classes=3, class_sep=2, flip_y=0, random_state=0
)
QUICK = LogisticRegression(max_iter=1000)
MIB = 2**20


def open_files():
    return len(os.listdir("/dev/fd"))


def peak():
    """Return the most memory that the process has had, in bytes."""
    resource = pytest.importorskip("resource")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def rounds(learner, n_rounds):
    for _ in range(n_rounds):
        rows = learner.query(n_instances=N_INSTANCES)
        learner.teach(rows, TRUTH[rows])


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="counts open files in /dev/fd")
@pytest.mark.parametrize("stopping", [None, DivergenceStop()], ids=["", "with a stopping rule"])
def test_a_loop_of_many_rounds(tmp_path, stopping):
    def learner(stopping=stopping):
        return ActiveLearner(
            QUICK,
            DiscriminativeSampler(QUICK, n_mini_queries=2),
            stopping=stopping,
            labels_path=tmp_path / "labels.json",
            random_state=0,
        )

    looping = learner().fit(X, np.where(np.arange(len(X)) < 20, TRUTH, -1))
    tracemalloc.start()
    try:
        used, files, threads = [], [], []
        for _ in range(4):
            rounds(looping, N_ROUNDS // 4)
            gc.collect()
            used.append(tracemalloc.get_traced_memory()[0])
            files.append(open_files())
            threads.append(threading.active_count())
    finally:
        tracemalloc.stop()
    # Labels, and what is told of every round, are small; a copy of X would be 160 kB a round.
    assert used[-1] - used[0] < MIB, used
    assert files[-1] <= files[0]
    assert threads[-1] <= threads[0]
    assert os.listdir(tmp_path) == ["labels.json"]
    # It knows all that it was taught, and so does one that takes it up.
    assert len(looping.labels_) == 20 + N_ROUNDS * N_INSTANCES
    again = learner(None).fit(X, np.where(np.arange(len(X)) < 20, TRUTH, -1))
    np.testing.assert_array_equal(again.labeled_rows_, looping.labeled_rows_)
    np.testing.assert_array_equal(again.predict(X), looping.predict(X))


@pytest.mark.slow
def test_networks_of_many_rounds():
    # Whose memory tracemalloc does not see.
    sampler = DiscriminativeSampler(MLPDiscriminator((64,), max_epochs=3), n_mini_queries=2)
    learner = ActiveLearner(QUICK, sampler, random_state=0)
    learner.fit(X, np.where(np.arange(len(X)) < 20, TRUTH, -1))
    rounds(learner, N_ROUNDS // 4)
    before = peak()
    rounds(learner, N_ROUNDS * 3 // 4)
    assert peak() - before < 16 * MIB
