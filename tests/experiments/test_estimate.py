from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from skdal import (
    CombinedSampler,
    CoreSetSampler,
    DiscriminativeSampler,
    MCDropoutSampler,
    RandomSampler,
    UncertaintySampler,
)
from skdal.datasets import load
from skdal.experiments import estimate
from skdal.experiments.estimate import query_seconds, scoring_seconds, time_training
from skdal.neural import LeNetClassifier

DIGITS = load("digits")
X, Y = DIGITS.X, DIGITS.y
TRAINING = time_training(LogisticRegression(max_iter=1000), X, Y, n_labels=120)


class Clock:
    """Counts rows instead of seconds, so that no test depends on how busy the machine is."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    clock = Clock()
    forward = torch.nn.Linear.forward

    def counted(layer, rows):
        clock.seconds += len(rows) / 1000
        return forward(layer, rows)

    monkeypatch.setattr(torch.nn.Linear, "forward", counted)
    monkeypatch.setattr(estimate, "perf_counter", clock)
    monkeypatch.setattr(Slow, "clock", clock)
    return clock


class Slow(LogisticRegression):
    """Takes a millisecond a row."""

    clock = Clock()

    def predict_proba(self, X):
        self.clock.seconds += len(X) / 1000
        return super().predict_proba(X)

    def score(self, X, y):
        self.clock.seconds += len(X) / 10_000
        return 0.5


SLOW = time_training(Slow(max_iter=1000), X, Y, n_labels=100)


def test_the_time_of_a_training():
    assert TRAINING.seconds > 0
    assert len(TRAINING.rows) == 120
    assert TRAINING.model.score(X, Y) > 0.5
    images = np.kron(DIGITS.X[:40].reshape(-1, 8, 8), np.ones((2, 2)))
    few, many = (
        time_training(LeNetClassifier(max_epochs=n), images, DIGITS.y[:40], n_labels=40)
        for n in (3, 3000)
    )
    assert many.seconds == pytest.approx(1000 * few.seconds)


def test_the_test_is_scaled_up():
    assert scoring_seconds(SLOW.model, X, Y) == pytest.approx(len(X) / 10_000)


@pytest.mark.parametrize(("limit", "n_read"), [(None, 1098), (900, 900), (150, 150)])
def test_a_pass_over_the_pool_is_scaled_up_to_what_is_read(limit, n_read):
    sampler = UncertaintySampler(max_candidates=limit)
    seconds = query_seconds(sampler, SLOW, X, Y, n_instances=10)
    assert seconds == pytest.approx(n_read / 1000, rel=0.01)


def test_the_parts_of_a_combined_query_add_up():
    both = CombinedSampler([("a", UncertaintySampler()), ("b", UncertaintySampler())])
    both = query_seconds(both, SLOW, X, Y, n_instances=10)
    assert both == pytest.approx(2 * 1.098, rel=0.01)
    one = CombinedSampler([("a", UncertaintySampler()), ("b", RandomSampler())], weights=[0, 1])
    assert query_seconds(one, SLOW, X, Y, n_instances=10) == 0


def test_an_integer_program_counts_with_its_limit():
    sampler = CoreSetSampler(method="mip", time_limit=1234.0)
    assert query_seconds(sampler, TRAINING, X, Y, n_instances=10) >= 1234


@pytest.mark.parametrize("candidates", ["subsample", "pool"])
def test_a_dal_query_grows_with_its_mini_queries(monkeypatch, candidates):
    # So that there are more than those that epochs are counted with.
    monkeypatch.setattr(estimate, "_FEW_LABELS", 30)
    few, many = (
        query_seconds(
            DiscriminativeSampler(n_mini_queries=n, candidates=candidates),
            TRAINING,
            X,
            Y,
            n_instances=20,
        )
        for n in (2, 20)
    )
    assert many > 2 * few > 0


def test_dal_with_few_labels_is_timed_as_it_is():
    training = time_training(LogisticRegression(max_iter=1000), X, Y, n_labels=20)
    seconds = query_seconds(DiscriminativeSampler(), training, X, Y, n_instances=10)
    assert seconds > 0


def test_what_a_sampler_cannot_work_with_is_said():
    with pytest.raises(ValueError, match="network"):
        query_seconds(MCDropoutSampler(), TRAINING, X, Y, n_instances=10)
