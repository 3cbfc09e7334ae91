from __future__ import annotations

import numpy as np
import pytest

from skdal import RandomSampler

X = np.arange(40.0).reshape(20, 2)
Y = np.where(np.arange(20) % 4 == 0, 1, -1)
POOL = np.flatnonzero(Y == -1)


def test_every_row_is_equally_likely():
    counts = np.zeros(20)
    for seed in range(2000):
        counts[RandomSampler(random_state=seed).fit(X, Y).query(n_instances=3)] += 1
    assert (counts[Y != -1] == 0).all()
    # 400 times each, with a standard deviation of 18.
    assert np.abs(counts[POOL] - 400).max() < 5 * 18


def test_every_order_is_equally_likely():
    first = [
        RandomSampler(random_state=seed).fit(X, Y).query(n_instances=15)[0] for seed in range(1500)
    ]
    # 100 times each, with a standard deviation of 10.
    assert np.abs(np.bincount(first, minlength=20)[POOL] - 100).max() < 50


def test_a_smaller_query_is_the_head_of_a_larger_one():
    sampler = RandomSampler(random_state=0).fit(X, Y)
    whole = sampler.query(n_instances=15)
    for n_instances in range(1, 15):
        np.testing.assert_array_equal(sampler.query(n_instances=n_instances), whole[:n_instances])


def test_the_first_batch_needs_no_label():
    rows = RandomSampler(random_state=0).fit(X, np.full(20, -1)).query(n_instances=20)
    assert sorted(rows) == list(range(20))


def test_no_scores():
    sampler = RandomSampler(random_state=0).fit(X, Y)
    assert not hasattr(sampler, "score_samples")
    assert np.isnan(sampler.query(n_instances=3, return_details=True)[1].scores).all()


def test_a_frame_may_hold_anything():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"text": ["a", None, "c"], "when": pd.to_datetime(["2024-01-01"] * 3)})
    sampler = RandomSampler(random_state=0).fit(frame, [0, -1, -1])
    assert sorted(sampler.query(n_instances=2)) == [1, 2]
    assert sampler.feature_names_in_.tolist() == ["text", "when"]
    with pytest.raises(ValueError, match="feature names should match"):
        sampler.query(frame[["when", "text"]])
