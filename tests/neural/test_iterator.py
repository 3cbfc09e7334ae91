from __future__ import annotations

import numpy as np
import pytest
import torch
from skorch.dataset import Dataset
from torch.utils.data import DataLoader

from skdal.neural.iterator import TensorIterator

X = np.arange(46, dtype=np.float32).reshape(23, 2)
Y = np.arange(23)


@pytest.mark.parametrize("batch_size", [1, 5, 23, 100])
def test_the_same_batches_as_a_data_loader(batch_size):
    dataset = Dataset(X, Y)
    ours, theirs = TensorIterator(dataset, batch_size), DataLoader(dataset, batch_size)
    assert len(ours) == len(theirs)
    for (x, y), (their_x, their_y) in zip(ours, theirs, strict=True):
        assert (x.dtype, y.dtype) == (their_x.dtype, their_y.dtype)
        torch.testing.assert_close(x, their_x)
        torch.testing.assert_close(y, their_y)


@pytest.mark.parametrize("batch_size", [1, 5, 23, 100])
def test_shuffled_every_row_comes_once(batch_size):
    dataset = Dataset(X, Y)
    loader = DataLoader(dataset, batch_size, shuffle=True)
    batches = list(TensorIterator(dataset, batch_size, shuffle=True))
    assert [len(x) for x, _ in batches] == [len(x) for x, _ in loader]
    numbers = torch.cat([y for _, y in batches])
    assert sorted(numbers.tolist()) == Y.tolist()
    # X and y stay together.
    np.testing.assert_array_equal(torch.cat([x for x, _ in batches]).numpy(), X[numbers])


def test_every_pass_has_an_order_of_its_own_drawn_from_torch():
    iterator = TensorIterator(Dataset(X, Y), 23, shuffle=True)

    def orders():
        return [tuple(y.tolist()) for _ in range(2) for _, y in iterator]

    with torch.random.fork_rng():
        torch.manual_seed(0)
        first = orders()
        torch.manual_seed(0)
        again = orders()
    assert first == again
    assert first[0] != first[1]


def test_without_y_it_still_gives_pairs():
    batches = list(TensorIterator(Dataset(X), 10))
    assert [len(x) for x, _ in batches] == [len(y) for _, y in batches] == [10, 10, 3]


def test_tensors_of_any_shape():
    images = torch.arange(24.0).reshape(4, 1, 2, 3)
    (x, _), (rest, _) = TensorIterator(Dataset(images, torch.arange(4)), 3)
    torch.testing.assert_close(torch.cat([x, rest]), images)


def test_the_data_is_not_copied():
    ((x, _),) = TensorIterator(Dataset(X, Y), 23)
    assert x.data_ptr() == X.ctypes.data


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "sizes"),
    [(9, 4, [4, 5]), (5, 4, [5]), (6, 4, [4, 2]), (3, 1, [1, 1, 1]), (1, 4, [1]), (0, 4, [])],
)
def test_a_lone_last_row_joins_the_batch_before_in_training(n_rows, batch_size, sizes):
    iterator = TensorIterator(Dataset(X[:n_rows], Y[:n_rows]), batch_size, shuffle=True)
    batches = list(iterator)
    assert len(iterator) == len(batches)
    assert [len(x) for x, _ in batches] == sizes
    assert sorted(y.item() for _, part in batches for y in part) == list(range(n_rows))
