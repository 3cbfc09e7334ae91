"""Distances between rows, in blocks, and which rows lie within a radius of which."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import scipy.sparse as sp

from skdal._parts import slices

# Squared distances are exact to this, relatively; what lies closer counts as equal.
PRECISION = 1e-9
_BLOCK_CELLS = 2**21


class RowDistances:
    """Squared Euclidean distances between rows, in float64, a block at a time.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Rows, of any float dtype. Not copied.
    """

    def __init__(self, X: np.ndarray) -> None:
        self.X = X
        # Distances lose digits far away from the origin.
        self.origin = X.mean(axis=0, dtype=np.float64)
        self.n_rows = len(X)

    def read(self, part: Any) -> np.ndarray:
        """Return rows as float64, given their numbers or a slice."""
        return self.prepare(self.X[part])

    def prepare(self, A: np.ndarray) -> np.ndarray:
        """Move other vectors, of the same features, into the space of the rows."""
        return A.astype(np.float64) - self.origin

    def blocks(self, n_columns: int, n_rows: int) -> list[slice]:
        """Cut rows into blocks so that a product with so many columns stays small."""
        return list(slices(n_rows, max(1, _BLOCK_CELLS // max(n_columns, self.X.shape[1]))))

    def nearest(self, centers: np.ndarray) -> np.ndarray:
        """Return the squared distance of every row to the nearest of some vectors.

        Parameters
        ----------
        centers : ndarray of shape (n_centers, n_features)
            From :meth:`read` or :meth:`prepare`.
        """
        squared = np.full(self.n_rows, np.inf)
        # Blocks of both, for there may be as many centers as rows.
        for group in self.blocks(2048, len(centers)):
            C = centers[group]
            for part in self.blocks(len(C), self.n_rows):
                A = self.read(part)
                product = _squared(A, C)
                # Of several nearest by the product, the difference tells which it is.
                margin = 1e-12 * (_lengths(A)[:, None] + _lengths(C))
                i, j = np.nonzero(product <= product.min(axis=1, keepdims=True) + margin)
                exact = np.full(len(A), np.inf)
                np.minimum.at(exact, i, _exact(A, C, i, j))
                squared[part] = np.minimum(squared[part], exact)
        return squared

    def neighbors(
        self, rows: np.ndarray, squared_radius: float, max_entries: int, deadline: float
    ) -> sp.csr_matrix | None:
        """Find the rows of the pool that lie within a radius of some of them.

        Parameters
        ----------
        rows : ndarray of int
            Row numbers.

        squared_radius : float
            How far to look.

        max_entries : int
            Gives up beyond so many neighbors.

        deadline : float
            Gives up when ``time.perf_counter()`` has passed it.

        Returns
        -------
        CSR matrix of shape (len(rows), n_rows) or None
            Squared distances, zeros among them; None where it gave up.
        """
        data, indices, counts, n_entries = [], [], [np.zeros(1, np.int64)], 0
        for part in self.blocks(self.n_rows, len(rows)):
            if time.perf_counter() > deadline:
                return None
            A = self.read(rows[part])
            found: list[list[np.ndarray]] = []
            for other in self.blocks(len(A), self.n_rows):
                B = self.read(other)
                squared = _squared(A, B)
                scale = _lengths(A)[:, None] + _lengths(B)
                i, j = np.nonzero(squared <= squared_radius * (1 + PRECISION) + 1e-12 * scale)
                kept = squared[i, j]
                # Of a small distance little is left in the product.
                small = np.flatnonzero(kept < 1e-5 * scale[i, j])
                kept[small] = _exact(A, B, i[small], j[small])
                near = kept <= squared_radius * (1 + PRECISION)
                found.append([i[near], j[near] + other.start, kept[near]])
            i, j, kept = (np.concatenate(some) for some in zip(*found, strict=True))
            order = np.argsort(i, kind="stable")
            data.append(kept[order])
            indices.append(j[order].astype(np.int32))
            counts.append(np.bincount(i, minlength=len(A)))
            n_entries += len(j)
            if n_entries > max_entries:
                return None
        pointers = np.cumsum(np.concatenate(counts))
        matrix = (_joined(data, float), _joined(indices, np.int32), pointers)
        return sp.csr_matrix(matrix, shape=(len(rows), self.n_rows))


def _joined(blocks: list[np.ndarray], dtype: Any) -> np.ndarray:
    return np.concatenate(blocks) if blocks else np.empty(0, dtype)


def _lengths(A: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", A, A)


def _squared(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return squared distances, with the rounding error of squared lengths."""
    squared = A @ B.T
    squared *= -2
    squared += _lengths(A)[:, None]
    squared += _lengths(B)
    return squared


def _exact(A: np.ndarray, B: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Return squared distances of some pairs, as sums of squared differences."""
    squared = np.empty(len(i))
    for part in slices(len(i), max(1, _BLOCK_CELLS // A.shape[1])):
        squared[part] = _lengths(A[i[part]] - B[j[part]])
    return squared
