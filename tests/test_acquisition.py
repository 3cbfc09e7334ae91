from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn import config_context
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.utils import get_tags
from torch import nn

from skdal import (
    BudgetedLearner,
    CombinedSampler,
    DeepFoolSampler,
    DiscriminativeSampler,
    ExpectedGradientLengthSampler,
    MCDropoutSampler,
    UncertaintySampler,
)
from skdal.acquisition import AcquisitionSampler
from skdal.neural import NeuralClassifier
from tests._samplers import DropoutNetwork

X, TRUTH = load_digits(return_X_y=True)
X = X / 16
Y = np.where(np.arange(len(X)) < 100, TRUTH, -1)
MODEL = LogisticRegression(max_iter=1000)


class FirstColumns(AcquisitionSampler):
    """Its values are sums of columns; it notes the chunks that it was given."""

    def __init__(self, estimator=None, *, max_candidates=None, random_state=None):
        self.estimator = estimator
        self.max_candidates = max_candidates
        self.random_state = random_state

    def _check_estimator(self, estimator):
        if isinstance(estimator, RandomForestClassifier):
            raise ValueError("estimator: no forest, please")

    def _acquire(self, X):
        CHUNKS.append(X.shape[0])
        values = X.iloc[:, :3] if isinstance(X, pd.DataFrame) else X[:, :3]
        return np.asarray(values.sum(axis=1)).ravel()


CHUNKS: list[int] = []


@pytest.mark.parametrize(
    "kind", [np.asarray, sp.csr_matrix, sp.csr_array, pd.DataFrame], ids=lambda kind: kind.__name__
)
def test_the_pool_is_read_in_chunks(kind):
    model = MODEL.fit(X, TRUTH)
    sampler = FirstColumns(FrozenEstimator(model)).fit(kind(X), Y)
    CHUNKS.clear()
    with config_context(working_memory=2):
        rows, details = sampler.query(n_instances=10, return_details=True)
    assert sum(CHUNKS) == len(X) - 100
    assert len(CHUNKS) > 5
    sums = X[100:, :3].sum(axis=1)
    # Of equals, any.
    np.testing.assert_array_equal(X[rows, :3].sum(axis=1), np.sort(sums)[::-1][:10])
    np.testing.assert_allclose(details.scores, X[rows, :3].sum(axis=1))
    np.testing.assert_allclose(sampler.score_samples(kind(X)), X[:, :3].sum(axis=1))


def test_a_small_pool_is_read_at_once():
    sampler = FirstColumns(MODEL).fit(X, Y)
    CHUNKS.clear()
    sampler.query()
    assert [len(X) - 100] == CHUNKS


def test_rows_of_nothing():
    # No bytes, and yet rows.
    sampler = FirstColumns(FrozenEstimator(MODEL.fit(X, TRUTH)))
    empty = sp.csr_matrix((30, 64))
    rows = sampler.fit(empty, np.full(30, -1)).query(n_instances=30)
    np.testing.assert_array_equal(rows, np.arange(30))


def test_the_model_is_checked_before_it_is_trained():
    with pytest.raises(ValueError, match="no forest, please"):
        FirstColumns(RandomForestClassifier()).fit(X, Y)


def test_no_model():
    with pytest.raises(ValueError, match=r"estimator=None: FirstColumns ranks rows by .* learner"):
        FirstColumns().fit(X, Y)


def test_a_frozen_model_that_is_not_trained():
    with pytest.raises(NotFittedError):
        FirstColumns(FrozenEstimator(LogisticRegression())).fit(X, Y)


def test_a_frozen_model_needs_no_labels():
    sampler = FirstColumns(FrozenEstimator(MODEL.fit(X, TRUTH)))
    assert len(sampler.fit(X, np.full(len(X), -1)).query(n_instances=5)) == 5
    with pytest.raises(ValueError, match="no labeled row"):
        FirstColumns(MODEL).fit(X, np.full(len(X), -1))


def test_one_class_alone():
    y = np.where((TRUTH == 3) & (Y != -1), "three", None)
    for sampler in (UncertaintySampler(MODEL), UncertaintySampler(RandomForestClassifier())):
        with pytest.raises(ValueError, match=r"all of one class, .*'three'"):
            sampler.fit(X, y)
    # A model that is trained already knows of others.
    frozen = FrozenEstimator(LogisticRegression(max_iter=1000).fit(X, TRUTH))
    assert len(UncertaintySampler(frozen).fit(X, y).query(n_instances=3)) == 3


def test_the_estimator_is_seeded():
    model = RandomForestClassifier(5)
    rows = [
        UncertaintySampler(model, random_state=seed).fit(X, Y).query(n_instances=9).tolist()
        for seed in (0, 0, 1)
    ]
    assert rows[0] == rows[1] != rows[2]
    assert model.random_state is None


def test_tags_are_those_of_the_model():
    assert get_tags(UncertaintySampler(RandomForestClassifier())).input_tags.allow_nan
    assert get_tags(UncertaintySampler(MODEL)).input_tags.sparse
    assert not get_tags(UncertaintySampler(NeuralClassifier())).input_tags.sparse


@pytest.mark.parametrize(
    "sampler",
    [
        UncertaintySampler(),
        DeepFoolSampler(),
        ExpectedGradientLengthSampler(),
        CombinedSampler([("a", UncertaintySampler()), ("b", DeepFoolSampler())]),
    ],
)
def test_a_learner_lends_its_model(sampler):
    learner = BudgetedLearner(MODEL, sampler, budget=40, n_initial=20, random_state=0)
    assert learner.fit(X, TRUTH).score(X, TRUTH) > 0.5
    assert sampler.get_params().get("estimator") is None


def test_a_learner_with_a_network():
    model = NeuralClassifier(DropoutNetwork, lr=0.01, max_epochs=5)
    learners = [
        BudgetedLearner(
            model, MCDropoutSampler(n_passes=5), budget=40, n_initial=20, random_state=0
        ).fit(X, TRUTH)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*[learner.labeled_rows_ for learner in learners])


def test_a_model_that_gives_no_numbers():
    class Broken(nn.Module):
        def __init__(self, input_shape, n_outputs):
            super().__init__()
            self.layer = nn.Linear(*input_shape, n_outputs)

        def forward(self, x):
            return self.layer(x) * (1 if self.training else torch.nan)

    sampler = UncertaintySampler(NeuralClassifier(Broken, max_epochs=1)).fit(X, Y)
    with pytest.raises(ValueError, match=r"got nan as the acquisition value of row 100 of X"):
        sampler.query()


@pytest.mark.cuda
@pytest.mark.parametrize(
    "make",
    [
        UncertaintySampler,
        lambda model: MCDropoutSampler(model, n_passes=10, random_state=0),
        lambda model: DeepFoolSampler(model, max_iter=50),
        ExpectedGradientLengthSampler,
        lambda model: DiscriminativeSampler(MODEL, estimator=model, random_state=0),
    ],
    ids=["uncertainty", "mc_dropout", "deepfool", "egl", "discriminative"],
)
def test_cuda(make):
    model = NeuralClassifier(DropoutNetwork, max_epochs=5, device="cuda", random_state=0)
    model.fit(X[:100], TRUTH[:100])
    on_cuda = make(FrozenEstimator(model)).fit(X, Y)
    scores = on_cuda.score_samples(X)
    assert len(set(on_cuda.query(n_instances=10))) == 10
    model.net_.module_.to("cpu")
    model.net_.device = "cpu"
    on_cpu = make(FrozenEstimator(model)).fit(X, Y).score_samples(X)
    np.testing.assert_allclose(scores, on_cpu, rtol=1e-2, atol=1e-3)


def test_of_equal_rows_the_random_state_draws():
    model = FrozenEstimator(MODEL.fit(X, TRUTH))
    constant = np.zeros_like(X)
    drawn = [
        FirstColumns(model, random_state=seed).fit(constant, Y).query(n_instances=5)
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert set(drawn[0]) != set(drawn[2])
    assert drawn[0].max() > 150  # not the first five
