"""Which rows lie near to which, kept for those that matter: what a cover is made from."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from skdal.core_set.cover import Cover
from skdal.core_set.neighbors import PRECISION, RowDistances

# Distances kept, of 12 bytes each.
_MAX_NEIGHBORS = 8_000_000
_N_SAMPLED, _N_VIOLATED = 500, 50
# If so many rows have no room, a search that will likely end the same way is not worth its time.
_FEWER = 0.9


class Nearby:
    """Distances of the rows that a radius leaves to be covered, as far as there is room.

    Parameters
    ----------
    points : RowDistances
        All rows.

    base : ndarray of shape (n_rows,)
        Squared distance of every row to the nearest center that is one already.

    pick : callable
        Returns so many rows in greedy's order: those hardest to cover come first.

    k : int
        How many rows may be chosen. With the outliers, so many make a sample, at least.

    n_outliers : int
        How many rows may stay uncovered.

    horizon : float
        Largest radius that will be asked for.

    deadline : float
        When ``time.perf_counter()`` has passed it, nothing more is found.
    """

    def __init__(
        self,
        points: RowDistances,
        base: np.ndarray,
        pick: Callable[[int], np.ndarray],
        k: int,
        n_outliers: int,
        horizon: float,
        deadline: float,
    ) -> None:
        self.points, self.base, self.pick = points, base, pick
        self.k, self.n_outliers, self.deadline = k, n_outliers, deadline
        self.horizon = horizon
        self.rows = np.empty(0, dtype=np.int64)
        self.squared = sp.csr_matrix((0, points.n_rows))
        # For more rows there is hardly room.
        self.most = np.inf

    @property
    def too_large(self) -> bool:
        """Whether not even a sample of the rows has room."""
        return self.most < np.inf and not len(self.rows)

    def cover(self, radius: float) -> tuple[Cover, bool] | None:
        """Return which rows cover which, and whether all rows that matter are among them.

        Parameters
        ----------
        radius : float
            Within which a row covers another.

        Returns
        -------
        tuple of Cover and bool, or None
            None if there was no time or no room.
        """
        needed = self._needed(radius)
        n_needed = np.count_nonzero(needed)
        if n_needed <= self.most:
            missing = needed.copy()
            missing[self.rows] = False
            if not self.add(np.flatnonzero(missing)):
                if time.perf_counter() > self.deadline:
                    return None
                self.most = _FEWER * n_needed
                self._add_sample()
        if self.too_large:
            return None
        used = np.flatnonzero(needed[self.rows])
        matrix = self.squared[used]
        near = matrix.data <= radius**2 * (1 + PRECISION)
        ends = np.concatenate([[0], np.cumsum(near)])[matrix.indptr]
        near_matrix = sp.csr_matrix(
            (np.ones(ends[-1], dtype=np.int8), matrix.indices[near], ends), shape=matrix.shape
        )
        return Cover(near_matrix, self.n_outliers), len(used) == n_needed

    def add(self, rows: np.ndarray) -> bool:
        """Find the neighbors of rows, out to the horizon; False if they are too many."""
        if len(rows):
            room = _MAX_NEIGHBORS - self.squared.nnz
            found = self.points.neighbors(rows, self.horizon**2, room, self.deadline)
            if found is None:
                return False
            self.squared = sp.vstack([self.squared, found], format="csr")
            self.rows = np.concatenate([self.rows, rows])
        return True

    def add_violated(self, squared: np.ndarray, radius: float) -> bool:
        """Add rows that were left out of a sample and lie outside; False if they are too many.

        Parameters
        ----------
        squared : ndarray of shape (n_rows,)
            Squared distance of every row to the nearest center.

        radius : float
            What they should be within.
        """
        outside = np.argsort(-squared)[: self.n_outliers + _N_VIOLATED]
        outside = outside[squared[outside] > radius**2]
        return self.add(np.setdiff1d(outside, self.rows))

    def following(self, radius: float) -> float:
        """Return the smallest distance beyond a radius: no radius between can make a difference."""
        larger = self.squared.data[self.squared.data > radius**2 * (1 + PRECISION)]
        squared = min(
            larger.min(initial=self.horizon**2), self.base[self._needed(radius)].min(initial=np.inf)
        )
        return max(radius, float(np.sqrt(squared)) * (1 - PRECISION))

    def _needed(self, radius: float) -> np.ndarray:
        needed: np.ndarray = self.base > radius**2 * (1 + PRECISION)
        return needed

    def _add_sample(self) -> None:
        """Make do with the rows that are hardest to cover."""
        # What is there stays: it is all that matters to larger radii.
        n_picks = self.k + self.n_outliers + _N_SAMPLED
        picks = self.pick(min(n_picks, self.points.n_rows))
        rows = picks[~np.isin(picks, self.rows)]
        while len(rows) and not self.add(rows):
            rows = rows[: len(rows) // 2]
