"""Farthest-first in few columns: tiles of neighbors are left behind together."""

from __future__ import annotations

import numpy as np

from skdal._parts import slices
from skdal.core_set.points import unit_of

# In so few columns, tiles are so small that most are far from a new center.
TILED_COLUMNS = 3
# Numbers in a block of rows that stays in the cache.
_BLOCK = 2**15


class Tiles:
    """Rows in tiles of neighbors, with the exact squared distance of each to its nearest center.

    A tile is compared with a center only if the box around it is nearer to this than the farthest
    of its rows is to another. Rounding keeps order: the distance of the box, computed by the same
    operations as that of a row, is never the larger one.
    """

    def __init__(self, X: np.ndarray, centers: np.ndarray) -> None:
        self.unit = unit_of(X, centers)
        n, d = X.shape
        # A step looks at every tile, and at the rows of some.
        self.size = int(np.sqrt(n))
        n_tiles = -(-n // self.size)
        rows = np.empty(n_tiles * self.size, dtype=np.min_scalar_type(n))
        rows[:n] = _order_by_place(X, self.unit, n_tiles)
        # One row is there again, to fill the last tile: it is picked once, as any duplicate is.
        rows[n:] = rows[n - 1]
        self.rows = rows.reshape(n_tiles, self.size)
        self.rows.sort(axis=1)  # so that of equals the first is the one to pick
        dtype = np.result_type(X, np.float32 if self.unit == 1 else np.float64)
        self.tiles = np.empty((d, n_tiles, self.size), dtype=dtype)
        for column, x in zip(self.tiles, X.T, strict=True):
            column[:] = x[self.rows]
        if self.unit != 1:
            self.tiles *= 1 / self.unit
        self.low = self.tiles.min(axis=2).astype(np.float64)
        self.high = self.tiles.max(axis=2).astype(np.float64)
        self.squared = np.full(self.rows.shape, np.inf)
        # The largest of each tile, and where it is.
        self.largest = np.full(n_tiles, np.inf)
        self.farthest = np.zeros(n_tiles, dtype=np.intp)
        self._picked: list[int] = []
        for center in centers:
            self._add(center * np.float64(1 / self.unit))

    @property
    def picked(self) -> np.ndarray:
        """Rows that were made centers, in the order of choice."""
        return np.array(self._picked, dtype=np.intp)

    def start(self, row: int) -> None:
        """Make a row the first center."""
        i, j = np.argwhere(self.rows == row)[0]
        self._pick(i, j)

    def farthest_first(self, k: int) -> float:
        """Pick k rows, or all that differ; return the squared distance of the row that is next."""
        while (top := float(self.largest.max())) > 0 and len(self._picked) < k:
            tied = (self.largest == top).nonzero()[0]
            i = tied[self.rows[tied, self.farthest[tied]].argmin()]
            self._pick(i, self.farthest[i])
        return max(top, 0.0)

    def _pick(self, i: int, j: int) -> None:
        self._picked.append(int(self.rows[i, j]))
        self.squared[i, j] = -1
        self._add(self.tiles[:, i, j].astype(np.float64))

    def _add(self, center: np.ndarray) -> None:
        c = center[:, None]
        gap = np.maximum(self.low - c, c - self.high)
        np.maximum(gap, 0, out=gap)
        near = (_sum_of_squares(gap) < self.largest).nonzero()[0]
        c = c[:, :, None]
        for part in slices(len(near), max(1, _BLOCK // (self.size * (len(c) + 2)))):
            some = near[part]
            squared = _sum_of_squares(self.tiles.take(some, axis=1) - c)
            np.minimum(squared, self.squared.take(some, axis=0), out=squared)
            self.squared[some] = squared
            self.largest[some] = squared.max(axis=1)
            self.farthest[some] = squared.argmax(axis=1)


def _sum_of_squares(Z: np.ndarray) -> np.ndarray:
    np.square(Z, out=Z)
    for z in Z[1:]:
        Z[0] += z
    return Z[0]


def _order_by_place(X: np.ndarray, unit: float, n_tiles: int) -> np.ndarray:
    """Return an order of rows that cuts into tiles of neighbors.

    Strips of as many rows are sorted by the next column, and cut in turn.
    """
    n, d = X.shape
    n_strips = max(1, round(n_tiles ** (1 / d)))
    strip = np.zeros(n, dtype=np.uint16)
    order = np.lexsort(_words(X[:, 0], unit))
    for j in range(1, d):
        for i, part in enumerate(slices(n, -(-n // n_strips**j))):
            strip[order[part]] = i
        del order
        order = np.lexsort((*_words(X[:, j], unit), strip))
    return order


def _words(x: np.ndarray, unit: float) -> tuple[np.ndarray, np.ndarray]:
    # Integers of 16 bits are sorted in a time linear in n, which floats are not.
    x = x * np.float64(1 / unit)
    x -= x.min()
    x *= (2**32 - 1) / max(x.max(), 1e-290)
    whole = x.astype(np.uint32)
    return whole.astype(np.uint16), (whole >> 16).astype(np.uint16)
