"""Farthest-first by bounds that are brought up to date only where they matter."""

from __future__ import annotations

import numpy as np

from skdal._parts import slices
from skdal.core_set.points import CELLS, unit_of

# Every row is compared with so many centers before any row is left behind.
_FIRST = 64
# A step over all rows is cheap in so few columns, and while centers are few, most rows matter.
_FEW_COLUMNS = 8
# Rows on a shortlist at the start.
_SHORTLIST = 2048
# So many rows at a time are made exact, of those with so large a part of the largest bound.
_BATCH, _NEAR = 32, 0.95
# Numbers in a block of rows that stays in the cache.
_BLOCK = 2**15


class LazyBounds:
    """Bounds from above on the squared distance of every row to its nearest center.

    ``bound[i]`` is good for the first ``seen[i]`` centers, and so for all; -1 for a picked row.

    A row [x, |x|^2, 1] times a center [-2c, 1, |c|^2] is their squared distance, with an error
    of at most g (|x| + |c|)^2, where g is the unit roundoff times the number of operations.
    Norms that are too large by the factor 1 + 2g make it a bound. So that norms are small, the
    mean is the origin.
    """

    def __init__(self, X: np.ndarray, centers: np.ndarray, n_more: int) -> None:
        self.X, self.centers = X, centers
        n, d = X.shape
        info = np.finfo(np.result_type(X.dtype, centers.dtype, np.float32))
        self.g = float(info.eps) * (d + 4)
        self.tiny = float(info.tiny) * (d + 4)
        self.unit = unit_of(X, centers)
        some = X[:: -(-n // 4096)] * np.float64(1 / self.unit)
        self.origin = (some / len(some)).sum(axis=0).astype(info.dtype)
        self.n_rows_of_block = min(max(_BLOCK // (d + 2), 512), 4096)
        self.bound = np.full(n, np.inf, dtype=info.dtype)
        self.seen = np.zeros(n, dtype=np.int32)
        self.n_centers = 0
        self._picked = np.empty(n_more, dtype=np.intp)
        self.multiplied = np.empty((len(centers) + n_more, d + 2), dtype=info.dtype)
        for part in slices(len(centers), self.n_rows_of_block):
            self._append(self.read(centers[part]))
        if len(centers):
            self.compare_first()

    @property
    def picked(self) -> np.ndarray:
        """Rows that were made centers, in the order of choice."""
        return self._picked[: self.n_centers - len(self.centers)]

    def read(self, Z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return [x, |x|^2, 1] for every row x."""
        if out is None:
            out = np.empty((len(Z), Z.shape[1] + 2), dtype=self.origin.dtype)
        x = out[:, :-2]
        if self.unit == 1:
            np.subtract(Z, self.origin, out=x)
        else:
            np.multiply(Z, self.origin.dtype.type(1 / self.unit), out=x)
            x -= self.origin
        out[:, -2] = np.einsum("ij,ij->i", x, x) * (1 + 2 * self.g) + self.tiny
        out[:, -1] = 1
        return out

    def limit(self, squared: np.ndarray, block: np.ndarray) -> np.ndarray:
        """Return what a row's product with a center within a squared distance is less than."""
        # |c| is at most |x| plus the distance.
        slack = 16 * self.g * block[:, -2].astype(np.float64) + 4 * self.tiny
        return squared * (1 + 16 * self.g) + slack

    def _append(self, block: np.ndarray) -> None:
        new = self.multiplied[self.n_centers : self.n_centers + len(block)]
        np.multiply(block, -2, out=new)
        new[:, -2], new[:, -1] = 1, block[:, -2]
        self.n_centers += len(block)

    def add(self, row: int, z: np.ndarray) -> np.ndarray:
        """Make a row a center, and return what the others are to be multiplied by."""
        self._picked[self.n_centers - len(self.centers)] = row
        self._append(z[None])
        return self.multiplied[self.n_centers - 1]

    def start(self, row: int) -> None:
        """Make a row the first center."""
        self.add(row, self.read(self.X[row : row + 1])[0])
        self.compare_first()

    def farthest_first(self, k: int) -> float:
        """Pick k rows, or all that differ; return the squared distance of the row that is next."""
        n, d = self.X.shape
        if d <= _FEW_COLUMNS and self.n_centers < _FIRST:
            rest = self._pick_above(np.arange(n), -1, min(k, len(self.picked) + _FIRST))
            if rest is not None and (rest == 0 or len(self.picked) == k):
                return rest
        size = max(_SHORTLIST, _BLOCK // d)
        while True:
            n_before = self.n_centers
            rest = self._pick_above(*self.shortlist(size), k)
            if rest is not None:
                return rest
            if self.n_centers == n_before:
                size *= 2  # more rows than these are equally far, and the first of them counts
            else:
                # Later picks shrink the bounds less: a longer list serves for many of them.
                size = max(size, min(2 * size, 2**14, 2**22 // d, n // 4))

    def _pick_above(self, rows: np.ndarray, tau: float, k: int) -> float | None:
        """Pick among some rows, up to k in all, while one is farther than tau: no other row is.

        Once there are k, or no row is farther than 0, return the squared distance of the next row.
        """
        rows, block = self.refresh(rows, tau)
        bound = self.bound[rows]
        # Positions in `rows` where the squared distance is known, and has left `bound` for good.
        known, squared, limit = np.empty(0, dtype=np.intp), np.empty(0), np.empty(0)
        batch = _BATCH
        rest = None
        while rest is None:
            best, top = float(squared.max(initial=-1)), float(bound.max(initial=-1))
            if max(best, top) <= tau:
                if tau < 0:
                    rest = 0.0  # every row is picked
                break
            if top >= best:
                new = np.flatnonzero(bound >= max(best, _NEAR * top))
                if len(new) > batch:
                    new = new[np.argpartition(bound[new], len(new) - batch)[-batch:]]
                exact = self.exact(rows[new], block[new])
                known, squared, limit = (
                    np.append(known, new),
                    np.append(squared, exact),
                    np.append(limit, self.limit(exact, block[new])),
                )
                bound[new] = -1
                batch *= 2
            elif len(self.picked) == k or not best:
                rest = best
            else:
                ties = np.flatnonzero(squared == best)
                pick = ties[rows[known[ties]].argmin()]
                squared[pick] = limit[pick] = -1
                product = block @ self.add(rows[known[pick]], block[known[pick]])
                np.minimum(bound, product, out=bound)
                near = (product[known] < limit).nonzero()[0]
                if len(near):
                    exact = self.pairs(rows[known[near]], np.array([self.n_centers - 1]))
                    squared[near] = np.minimum(squared[near], exact)
                    limit[near] = self.limit(squared[near], block[known[near]])
                batch = _BATCH
        rounded = squared.astype(bound.dtype)
        up = np.nextafter(rounded, bound.dtype.type(np.inf))
        bound[known] = np.where(rounded < squared, up, rounded)
        self.bound[rows], self.seen[rows] = bound, self.n_centers
        return rest

    def compare_first(self) -> None:
        """Compare every row with the first centers."""
        first = self.multiplied[: min(_FIRST, self.n_centers)]
        block = np.empty((self.n_rows_of_block, first.shape[1]), dtype=first.dtype)
        for part in slices(len(self.X), len(block)):
            Z = self.read(self.X[part], block[: part.stop - part.start])
            self.bound[part] = (first @ Z.T).min(axis=0)
        self.seen[:] = len(first)
        self.bound[self.picked] = -1

    def shortlist(self, size: int) -> tuple[np.ndarray, float]:
        """Return the rows with the largest bounds, and the largest of the others."""
        n = len(self.bound)
        if size >= n:
            return np.arange(n), -1
        order = np.argpartition(self.bound, n - size - 1)
        return order[n - size :], float(self.bound[order[n - size - 1]])

    def refresh(
        self, rows: np.ndarray, tau: float, *, keep: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Compare rows with all centers, but leave a row when its bound is no more than tau.

        Return the rows that stay, in another order, and what :meth:`read` makes of them.
        """
        rows = rows[np.argsort(self.seen[rows], kind="stable")]
        starts = np.flatnonzero(np.diff(self.seen[rows], prepend=-1))
        n_kept = len(rows) if keep else 0
        shape = max(n_kept, self.n_rows_of_block), self.X.shape[1] + 2
        # Short rows are slow to multiply.
        few = self.X.shape[1] <= _FEW_COLUMNS
        block = np.empty(shape, self.bound.dtype, order="F" if few else "C")
        stay, end = [rows[:0]], 0
        for group in np.split(rows, starts[1:]):
            for part in slices(len(group), self.n_rows_of_block):
                some = group[part]
                Z = self.read(self.X[some], block[end : end + len(some)])
                alive = self._catch_up(some, Z, tau)
                stay.append(some[alive])
                if keep:
                    if len(alive) < len(some):
                        Z[: len(alive)] = Z[alive]
                    end += len(alive)
        return np.concatenate(stay), block[:end]

    def _catch_up(self, rows: np.ndarray, Z: np.ndarray, tau: float) -> np.ndarray:
        bound, seen, step = self.bound[rows], int(self.seen[rows[0]]), _FIRST
        alive = np.flatnonzero(bound > tau)
        while seen < self.n_centers and len(alive):
            centers = self.multiplied[seen : min(seen + step, self.n_centers)]
            product = centers @ (Z if len(alive) == len(Z) else Z[alive]).T
            bound[alive] = np.minimum(bound[alive], product.min(axis=0))
            seen, step = seen + len(centers), max(_FIRST, min(2 * step, CELLS // len(Z)))
            self.seen[rows[alive]] = seen
            alive = alive[bound[alive] > tau]
        self.bound[rows] = bound
        return alive

    def exact(self, rows: np.ndarray, block: np.ndarray | None = None) -> np.ndarray:
        """Return the squared distances to the nearest of all centers."""
        squared = np.empty(len(rows))
        centers = self.multiplied[: self.n_centers]
        size = max(1, min(CELLS // len(centers), self.n_rows_of_block))
        for part in slices(len(rows), size):
            some = rows[part]
            Z = self.read(self.X[some]) if block is None else block[part]
            product = Z @ centers.T
            nearest = product.argmin(axis=1)
            found = self.pairs(some, nearest)
            # Rounding hides which center is the nearest where several come close.
            near = product < np.where(found > 0, self.limit(found, Z), 0)[:, None]
            near[np.arange(len(some)), nearest] = False
            i, j = near.nonzero()
            if len(i):
                np.minimum.at(found, i, self.pairs(some[i], j))
            squared[part] = found
        return squared

    def pairs(self, rows: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Return the squared distances of rows to as many centers, or to one."""
        squared = np.empty(len(rows))
        for part in slices(len(rows), max(1, CELLS // self.X.shape[1])):
            difference = self.X[rows[part]].astype(np.float64)
            C = self._center(numbers if len(numbers) == 1 else numbers[part])
            if self.unit != 1:
                difference *= 1 / self.unit
                C *= 1 / self.unit
            difference -= C
            squared[part] = np.square(difference, out=difference).sum(axis=1)
        return squared

    def _center(self, numbers: np.ndarray) -> np.ndarray:
        C = np.empty((len(numbers), self.X.shape[1]))
        old = numbers < len(self.centers)
        C[old] = self.centers[numbers[old]]
        C[~old] = self.X[self._picked[numbers[~old] - len(self.centers)]]
        return C
