from __future__ import annotations

import numpy as np
import pytest

from skdal.metrics import h_divergence, spearman


@pytest.mark.parametrize(
    ("truth", "predicted", "expected"),
    [
        ([0, 0, 1, 1], [0, 0, 1, 1], 2.0),
        ([0, 0, 1, 1], [1, 1, 0, 0], 2.0),  # wrong throughout tells apart as well
        ([0, 0, 1, 1], [1, 1, 1, 1], 0.0),
        ([0, 0, 1, 1], [0, 1, 0, 1], 0.0),
        ([0, 0, 1, 1], [0, 1, 1, 1], 1.0),
        # The sets weigh the same, whatever their sizes: 2 * |3/4 - 1/2|.
        ([0, 0, 1, 1, 1, 1], [0, 1, 1, 1, 1, 0], 0.5),
    ],
)
def test_by_hand(truth, predicted, expected):
    value = h_divergence(np.array(truth, dtype=bool), np.array(predicted, dtype=bool))
    assert type(value) is float
    assert value == pytest.approx(expected)


def test_order_of_rows_and_names_of_the_sets_do_not_matter():
    rng = np.random.RandomState(0)
    truth, predicted = rng.rand(50) < 0.3, rng.rand(50) < 0.6
    value = h_divergence(truth, predicted)
    order = rng.permutation(50)
    assert h_divergence(truth[order], predicted[order]) == pytest.approx(value)
    assert h_divergence(~truth, predicted) == pytest.approx(value)
    assert h_divergence(truth, ~predicted) == pytest.approx(value)


def test_lists_do():
    assert h_divergence([False, True], [False, True]) == 2.0


def test_lengths_must_agree():
    with pytest.raises(ValueError, match=r"is_unlabeled.*\(2,\).*predicted_unlabeled \(3,\)"):
        h_divergence([True, False], [True, False, True])


@pytest.mark.parametrize("truth", [[True, True], [False, False], []])
def test_both_sets_must_occur(truth):
    with pytest.raises(ValueError, match="at least one labeled and one unlabeled"):
        h_divergence(truth, truth)


def test_spearman_of_every_pair_in_order():
    scores = {"a": [1, 2, 3, 4], "b": [10, 20, 40, 30], "c": [4.0, 3.0, 2.0, 1.0]}
    assert spearman(scores) == pytest.approx({("a", "b"): 0.8, ("a", "c"): -1, ("b", "c"): -0.8})


def test_spearman_shares_the_rank_of_equal_scores():
    assert spearman({"a": [0, 0, 1], "b": [0, 1, 2]})["a", "b"] == pytest.approx(0.75**0.5)


def test_spearman_of_equal_scores_is_not_a_number():
    assert np.isnan(spearman({"a": [1, 1, 1], "b": [0, 1, 2]})["a", "b"])


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ({}, "0 sampler"),
        ({"a": [1, 2]}, "two at least"),
        ({"a": [1], "b": [2]}, "two rows at least"),
        ({"a": [[1, 2]], "b": [[2, 3]]}, r"shape \(1, 2\)"),
        ({"a": [1, 2], "b": [1, 2, 3]}, r"scores\['b'\] has the shape \(3,\)"),
        ({"a": [1, 2], "b": [1, np.inf]}, r"scores\['b'\] holds NaN or infinity"),
    ],
)
def test_spearman_refuses_what_is_no_ranking(scores, words):
    with pytest.raises(ValueError, match=words):
        spearman(scores)
