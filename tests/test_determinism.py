"""The same rows, however many rows are read at a time, and however many threads there are."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_digits

from tests._samplers import SAMPLERS

X, TRUTH = (part[:120] for part in load_digits(return_X_y=True))
X = X / 16
Y = np.where(np.arange(len(X)) % 4 == 0, TRUTH, -1)
# MLPClassifier of the list is cut short.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def chosen(sampler):
    """Return what a sampler takes, and its scores of some rows, or None."""
    fitted = clone(sampler).fit(X, Y)
    scores = fitted.score_samples(X[:50]) if hasattr(fitted, "score_samples") else None
    rows = [*fitted.query(n_instances=12), *fitted.query(X[:60], n_instances=12)]
    return np.array(rows), scores


def check_same(sampler, settings):
    """Compare what is taken under several settings, which are context managers."""
    found = []
    for setting in settings:
        with setting:
            found.append(chosen(sampler))
    for rows, scores in found[1:]:
        np.testing.assert_array_equal(rows, found[0][0])
        if scores is not None:
            np.testing.assert_allclose(scores, found[0][1], rtol=1e-4, atol=1e-6)


class TorchThreads:
    """So many threads of torch, for a while."""

    def __init__(self, n_threads):
        self.n_threads = n_threads

    def __enter__(self):
        self.before = torch.get_num_threads()
        torch.set_num_threads(self.n_threads)

    def __exit__(self, *error):
        torch.set_num_threads(self.before)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: type(sampler).__name__)
def test_parts_of_any_size(sampler):
    # MiB: all rows at once, and three at a time.
    check_same(sampler, [config_context(working_memory=size) for size in (1024, 0.02)])


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: type(sampler).__name__)
def test_threads_of_torch(sampler):
    check_same(sampler, [TorchThreads(n_threads) for n_threads in (1, 3)])


CODE = """
import json, warnings
from tests.test_determinism import SAMPLERS, chosen
warnings.simplefilter("ignore")
print(json.dumps([chosen(sampler)[0].tolist() for sampler in SAMPLERS]))
"""


@pytest.mark.slow
def test_threads_of_the_environment():
    found = []
    for n_threads in ("1", "3"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        out = subprocess.run(
            [sys.executable, "-c", CODE],
            env=os.environ | dict.fromkeys(names, n_threads),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        found.append(json.loads(out.splitlines()[-1]))
    assert len(found[0]) == len(SAMPLERS)
    assert found[0] == found[1]
