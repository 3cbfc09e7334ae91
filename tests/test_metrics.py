from __future__ import annotations

import numpy as np
import pytest

from skdal.metrics import h_divergence


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
