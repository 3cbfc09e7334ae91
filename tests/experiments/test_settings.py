"""What is another comparison has another text, and what is the same has the same everywhere."""

from __future__ import annotations

import functools
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer
from skorch import NeuralNetClassifier

from skdal import CombinedSampler, CoreSetSampler, RandomSampler, UncertaintySampler
from skdal.experiments.fingerprint import fingerprint
from skdal.experiments.settings import described, environment, experiment_of
from skdal.neural import NeuralClassifier

X, Y = load_iris(return_X_y=True)


def frozen(C):
    """Return a sampler with the weights of a penalty, but the same parameters whatever it is."""
    model = LogisticRegression(C=C, max_iter=1000).fit(X, Y)
    return CoreSetSampler(FrozenEstimator(model.set_params(C=1.0)))


def frozen_net(seed):
    model = NeuralClassifier(max_epochs=1, random_state=seed).fit(X, Y)
    return FrozenEstimator(model.set_params(random_state=None))


def trained_net(weight):
    net = NeuralNetClassifier(torch.nn.Linear, module__in_features=1, module__out_features=2)
    net.initialize()
    with torch.no_grad():
        net.module_.weight.fill_(weight)
    return FrozenEstimator(net)


def scaled(factor):
    return lambda X: X * factor


def called(function):
    return lambda X: function(X)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (FunctionTransformer(lambda X: X), FunctionTransformer(lambda X: X * 0)),
        (scaled(1), scaled(2)),
        (called(lambda X: X), called(lambda X: X + 1)),
        (lambda X, by=1: X, lambda X, by=2: X),
        (functools.partial(scaled(1), by=1), functools.partial(scaled(1), by=2)),
        (np.random.RandomState(0), np.random.RandomState(1)),
        (np.random.default_rng(0), np.random.default_rng(1)),
        (sp.csr_matrix([[0.0, 1.0]]), sp.csr_matrix([[0.0, 2.0]])),
        (np.zeros(2000), np.eye(1, 2000)[0]),
        (torch.zeros(5000), torch.eye(1, 5000)[0]),
        ({"a", "b"}, {"a", "c"}),
        (trained_net(0.0), trained_net(1.0)),
        (torch.nn.Linear(1, 2), torch.nn.Linear(1, 2)),
    ],
)
def test_what_differs_has_another_text(one, other):
    assert described(one) == described(one)
    assert described(one) != described(other)


def test_weights_of_a_frozen_model_count():
    assert described(frozen(1)) != described(frozen(2))
    assert described(frozen(2)) == described(frozen(2))
    assert described(frozen_net(0)) == described(frozen_net(0))
    assert described(frozen_net(0)) != described(frozen_net(1))


CODE = """
import numpy as np, torch
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from skdal.experiments.settings import described
from skdal.neural import NeuralClassifier
model = NeuralClassifier(max_epochs=1, random_state=0).fit(np.eye(8), np.arange(8) % 2)
weights = torch.arange(3.0)
print(described([{"a", "b", "c"}, lambda X: X * weights, np.random.RandomState(3)]))
print(described([FrozenEstimator(model), torch.arange(9), torch.arange(9).to(torch.bfloat16)]))
print(described(FrozenEstimator(LogisticRegression().fit(np.eye(8), np.arange(8) % 2))))
"""


def test_another_process_has_the_same_text():
    command = [sys.executable, "-c", CODE]
    first, second = (subprocess.check_output(command, text=True) for _ in range(2))
    assert first == second


def test_samplers_are_told_as_ever():
    assert described(UncertaintySampler()) == (
        "UncertaintySampler(estimator=None, max_candidates=None, measure='entropy', "
        "random_state=None)"
    )
    assert described(np.mean) == "numpy.mean"


def test_a_parameter_that_was_unknown_before_has_its_default():
    sampler = CombinedSampler([("a", CoreSetSampler()), ("b", RandomSampler())])
    before = described(sampler).replace(", two_rounds='auto'", "")
    assert described(sampler, before=before) == before
    changed = sampler.set_params(a__two_rounds=True)
    assert described(changed, before=before) != before


def test_what_has_no_checksum_is_refused():
    with pytest.raises(ValueError, match="cannot be told from others of its kind"):
        described(FunctionTransformer(kw_args={"lines": iter(x for x in ())}))
    with pytest.raises(ValueError, match="cannot be pickled"):
        fingerprint(sys)


def test_the_version_of_scikit_activeml_counts_where_it_is_used():
    assert "scikit-activeml" not in environment(["RandomSampler(random_state=None)"])
    assert "scikit-activeml" in environment(["SkactivemlSampler(strategy=Badge())"])


def test_the_same_numbers_have_the_same_checksum(tmp_path):
    sizes = {"n_initial": np.int64(1), "n_instances": 1, "n_queries": 1}
    np.save(tmp_path / "X.npy", X)

    def sums(rows):
        data = {"X": rows, "y": Y, "X_test": X, "y_test": Y}
        found = experiment_of(LogisticRegression(), data, sizes)
        return found["checksum"], found["checksums"]

    expected = sums(X)
    assert sums(np.asfortranarray(X)) == expected
    assert sums(np.load(tmp_path / "X.npy", mmap_mode="r")) == expected
    assert sums(np.repeat(X, 2, axis=0)[::2]) == expected
    other = sums(X + 1)
    assert other[0] != expected[0]
    assert [name for name in other[1] if other[1][name] != expected[1][name]] == ["X"]
