from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from torch import nn

from skdal import MCDropoutSampler, UncertaintySampler
from skdal.neural import NeuralClassifier
from skdal.neural import network as network_module
from skdal.neural.dropout import dropout_passes
from skdal.neural.network import Network
from tests._samplers import DropoutNetwork

X, TRUTH = load_iris(return_X_y=True)
Y = np.where(np.arange(150) % 5 == 0, TRUTH, -1)
MODEL = NeuralClassifier(DropoutNetwork, standardize=True, lr=0.01, max_epochs=20)


class Module(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        self.hidden, self.drop = nn.Linear(4, 16), nn.Dropout(p)
        self.output = nn.Linear(16, 3)

    def forward(self, x):
        return self.output(self.drop(torch.relu(self.hidden(x)))).softmax(dim=1)


def _proba_of_passes(sampler):
    network = Network(sampler.estimator_)
    x = torch.cat(list(network.batches(X)))
    passes = dropout_passes(network.logits(), x, sampler.n_passes, sampler._seed)
    return np.stack([z.double().softmax(dim=1).numpy() for z in passes])


def _entropy(proba):
    return -np.sum(proba * np.log(proba), axis=-1)


@pytest.mark.parametrize("measure", ["entropy", "variation_ratio", "bald"])
def test_the_measures(measure):
    sampler = MCDropoutSampler(MODEL, measure=measure, n_passes=7, random_state=0).fit(X, Y)
    proba = _proba_of_passes(sampler)
    assert proba.shape == (7, 150, 3)
    assert proba.std(axis=0).max() > 0.01
    mean = proba.mean(axis=0)
    expected = {
        "entropy": _entropy(mean),
        "variation_ratio": 1 - mean.max(axis=1),
        "bald": _entropy(mean) - _entropy(proba).mean(axis=0),
    }[measure]
    np.testing.assert_allclose(sampler.score_samples(X), expected, rtol=1e-4, atol=1e-6)
    assert sampler.query()[0] == np.where(Y == -1, expected, -np.inf).argmax()


@pytest.mark.parametrize(
    "model",
    [
        NeuralNetClassifier(Module, max_epochs=3, verbose=0),
        make_pipeline(StandardScaler(), NeuralNetClassifier(Module, max_epochs=3, verbose=0)),
    ],
)
def test_a_skorch_net_of_the_users_own(model):
    X32 = X.astype(np.float32)
    before = torch.get_rng_state()
    samplers = [MCDropoutSampler(model, n_passes=9, random_state=0).fit(X32, Y) for _ in range(2)]
    scores = [sampler.score_samples(X32) for sampler in samplers]
    np.testing.assert_array_equal(*scores)
    assert torch.equal(torch.get_rng_state(), before)
    # With dropout, it is another ranking than without.
    plain = UncertaintySampler(FrozenEstimator(samplers[0].estimator_)).fit(X32, Y)
    assert np.abs(plain.score_samples(X32) - scores[0]).max() > 1e-3


def test_the_chunks_do_not_matter(monkeypatch):
    sampler = MCDropoutSampler(MODEL, n_passes=5, random_state=0).fit(X, Y)
    expected = sampler.score_samples(X)
    monkeypatch.setitem(network_module._BATCH_BYTES, "cpu", 1000)
    with config_context(working_memory=0.1):
        np.testing.assert_allclose(sampler.score_samples(X), expected, rtol=1e-5)
        np.testing.assert_allclose(sampler.score_samples(X[::-1])[::-1], expected, rtol=1e-5)


def test_others_may_use_the_model_at_the_same_time():
    model = clone(MODEL).fit(X, TRUTH)
    expected = model.predict_proba(X)
    sampler = MCDropoutSampler(FrozenEstimator(model), n_passes=200, random_state=0).fit(X, Y)
    scores = sampler.score_samples(X)
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(sampler.score_samples, X) for _ in range(4)]
        while not all(run.done() for run in runs):
            np.testing.assert_array_equal(model.predict_proba(X), expected)
    for run in runs:
        np.testing.assert_array_equal(run.result(), scores)


def test_a_model_without_dropout():
    for model in (
        NeuralClassifier(max_epochs=1),
        NeuralClassifier(DropoutNetwork, max_epochs=1, module_params={"p": 0.0}),
        LogisticRegression(max_iter=1000),
    ):
        sampler = MCDropoutSampler(model)
        with pytest.raises(ValueError, match=r"no active dropout layer.* nn\.Dropout"):
            sampler.fit(X, Y)
        assert not hasattr(sampler, "estimator_")


@pytest.mark.cuda
def test_cuda():
    scores = []
    for device in ("cpu", "cuda"):
        model = NeuralClassifier(DropoutNetwork, device="cpu", random_state=0, max_epochs=2)
        model.fit(X, TRUTH)
        model.net_.module_.to(device)
        model.net_.device = device
        sampler = MCDropoutSampler(FrozenEstimator(model), n_passes=5, random_state=0).fit(X, Y)
        scores.append(sampler.score_samples(X))
    np.testing.assert_allclose(*scores, rtol=1e-3)
