"""Batches by slicing tensors, in place of the ``DataLoader``'s row-by-row collation."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch


class TensorIterator:
    """Iterate over a skorch dataset by slicing whole tensors.

    Drop-in for ``torch.utils.data.DataLoader`` in ``iterator_train`` and
    ``iterator_valid``. Collating a batch of 1,024 rows one by one takes a
    ``DataLoader`` milliseconds, which is most of the time that a small network
    needs for the batch; one ``index_select`` takes microseconds.

    Parameters
    ----------
    dataset : skorch.dataset.Dataset
        Holds ``X`` (array or tensor, rows first) and ``y`` (the same, or None).

    batch_size : int
        Rows a batch. The last batch may be smaller.

    shuffle : bool, default=False
        Whether to draw a new order of the rows, from torch's global random state,
        each time the iteration begins. A last batch of one row, of which batch normalization
        makes an error, is then joined to the one before.
    """

    def __init__(self, dataset: Any, batch_size: int, shuffle: bool = False) -> None:
        self.X = as_tensor(dataset.X)
        # skorch wants pairs also where there is nothing to predict.
        self.y = torch.zeros(len(self.X)) if dataset.y is None else as_tensor(dataset.y)
        self.batch_size = batch_size
        self.shuffle = shuffle

    def __len__(self) -> int:
        return len(self._bounds()) - 1

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        order = torch.randperm(len(self.X)) if self.shuffle else None
        for start, stop in pairwise(self._bounds()):
            if order is None:
                yield self.X[start:stop], self.y[start:stop]
            else:
                rows = order[start:stop]
                yield self.X.index_select(0, rows), self.y.index_select(0, rows)

    def _bounds(self) -> list[int]:
        n_rows = len(self.X)
        bounds = [*range(0, n_rows, self.batch_size), n_rows]
        if self.shuffle and self.batch_size > 1 and n_rows > 1 and n_rows - bounds[-2] == 1:
            del bounds[-2]
        return bounds


def as_tensor(values: Any) -> torch.Tensor:
    """Return values as a tensor, copied only where torch cannot take them as they are.

    Parameters
    ----------
    values : array or tensor
        Of any shape.

    Returns
    -------
    torch.Tensor
        Of the same dtype.
    """
    if isinstance(values, np.ndarray):
        # torch warns of read-only arrays, and refuses to run backwards over any.
        values = np.require(values, requirements="W")
        values = values.copy() if min(values.strides, default=0) < 0 else values
    return torch.as_tensor(values)
