"""Sets that cover elements: reductions and greedy choice."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

_BLOCK_CELLS = 2**21
# Bits in which inclusions are looked for.
_MAX_BITS = 2**30


class Cover:
    """Sets that cover elements, with duplicates and whatever is dominated left out.

    Parameters
    ----------
    matrix : CSR matrix of shape (n_elements, n_sets)
        Which sets cover which element.

    n_outliers : int
        How many elements may stay uncovered.

    reduce : bool, default=True
        Whether to leave anything out.

    Attributes
    ----------
    matrix : CSR matrix of bool of shape (n_left, n_sets_left)
        What is left.

    sets : ndarray of int of shape (n_sets_left,)
        Which sets are left.

    weights : ndarray of int of shape (n_left,)
        How many equal elements each one stands for.
    """

    def __init__(self, matrix: sp.csr_matrix, n_outliers: int, reduce: bool = True) -> None:
        self.n_outliers = n_outliers
        self.matrix = matrix
        self.sets = np.arange(matrix.shape[1])
        self.weights = np.ones(matrix.shape[0], dtype=np.int64)
        if reduce:
            size = np.inf
            # The first rounds do nearly all of it.
            while self.matrix.nnz < 0.95 * size:
                size = self.matrix.nnz
                self._reduce_sets()
                self._reduce_elements()
        self.by_set = self.matrix.tocsc()

    def _keep_sets(self, keep: np.ndarray) -> None:
        self.matrix, self.sets = self.matrix[:, keep], self.sets[keep]

    def _reduce_sets(self) -> None:
        self._keep_sets(np.diff(self.matrix.tocsc().indptr) > 0)
        by_set = self.matrix.T.tocsr()
        first, _ = _distinct(by_set)
        self._keep_sets(first)
        inside, _ = _inclusions(by_set[first])
        self._keep_sets(~inside)

    def _reduce_elements(self) -> None:
        first, group = _distinct(self.matrix)
        self.weights = np.bincount(group, self.weights, minlength=len(first)).astype(np.int64)
        self.matrix = self.matrix[first]
        if self.n_outliers == 0:
            # Whoever covers the smaller choice covers this one too. As an outlier it would not.
            _, around = _inclusions(self.matrix)
            self.matrix, self.weights = self.matrix[~around], self.weights[~around]

    def greedy(self, k: int) -> np.ndarray:
        """Choose sets one by one, each the one that covers most of what is uncovered."""
        A, B = self.matrix, self.by_set
        uncovered = np.ones(A.shape[0], dtype=bool)
        gain = (B.T @ self.weights).astype(float)
        chosen: list[int] = []
        for _ in range(min(k, A.shape[1])):
            best = int(gain.argmax())
            if gain[best] <= 0:
                break
            chosen.append(best)
            new = take(B, [best])
            new = new[uncovered[new]]
            uncovered[new] = False
            spread(gain, A, new, -self.weights[new])
        return np.array(chosen, dtype=int)

    def n_uncovered(self, chosen: np.ndarray) -> int:
        """Count the elements, by weight, that no chosen set covers."""
        covered = np.zeros(self.matrix.shape[0], dtype=bool)
        covered[take(self.by_set, chosen)] = True
        return int(self.weights[~covered].sum())


def take(matrix: Any, lines: Any) -> np.ndarray:
    """Return the indices of some rows of a CSR or columns of a CSC matrix, one after another."""
    pointers, indices = matrix.indptr, matrix.indices
    parts = [indices[pointers[line] : pointers[line + 1]] for line in lines]
    return np.concatenate(parts) if parts else np.empty(0, dtype=indices.dtype)


def spread(score: np.ndarray, matrix: Any, lines: np.ndarray, values: np.ndarray) -> None:
    """Add the value of every line to the scores of its indices, in place."""
    if len(lines):
        lengths = np.diff(matrix.indptr)[lines] if len(lines) > 64 else _counts(matrix, lines)
        score += np.bincount(take(matrix, lines), np.repeat(values, lengths), len(score))


def _counts(matrix: Any, lines: np.ndarray) -> np.ndarray:
    return matrix.indptr[lines + 1] - matrix.indptr[lines]


def _distinct(matrix: sp.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """Return the first of every group of equal rows, and the group of every row."""
    matrix.sort_indices()
    pointers, indices = matrix.indptr, matrix.indices
    groups: dict[bytes, int] = {}
    first: list[int] = []
    group = np.empty(matrix.shape[0], dtype=np.int64)
    for row in range(matrix.shape[0]):
        key = indices[pointers[row] : pointers[row + 1]].tobytes()
        group[row] = groups.setdefault(key, len(groups))
        if len(groups) > len(first):
            first.append(row)
    return np.array(first, dtype=np.int64), group


def _inclusions(matrix: sp.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows lie in another row, and which have another row in them.

    No two rows must be equal, and none empty. Of a matrix that is too large, return none.
    """
    n_sets, n_elements = matrix.shape
    inside, around = np.zeros(n_sets, dtype=bool), np.zeros(n_sets, dtype=bool)
    if not matrix.nnz or n_sets * n_elements > _MAX_BITS:
        return inside, around
    bits = _packed(matrix)
    size = np.diff(matrix.indptr)
    by_element = matrix.tocsc()
    # Whoever contains a row contains its rarest element: few rows to compare with.
    order = np.argsort(np.diff(by_element.indptr), kind="stable")
    rank = np.empty(n_elements, dtype=np.int64)
    rank[order] = np.arange(n_elements)
    rarest = order[np.minimum.reduceat(rank[matrix.indices], matrix.indptr[:-1])]
    lengths = _counts(by_element, rarest)
    step = max(1, _BLOCK_CELLS // max(1, int(lengths.max())))
    for start in range(0, n_sets, step):
        small = np.arange(start, min(start + step, n_sets))
        large = take(by_element, rarest[small])
        small = np.repeat(small, lengths[small])
        larger = size[large] > size[small]
        small, large = small[larger], large[larger]
        for word in range(bits.shape[1]):
            # Most pairs part at the first words.
            still = (bits[small, word] & ~bits[large, word]) == 0
            small, large = small[still], large[still]
        inside[small], around[large] = True, True
    return inside, around


def _packed(matrix: sp.csr_matrix) -> np.ndarray:
    """Return the rows as bits in words of 64."""
    n_rows, n_columns = matrix.shape
    bits = np.zeros((n_rows, -(-n_columns // 64) * 8), dtype=np.uint8)
    step = max(1, _BLOCK_CELLS // n_columns)
    for start in range(0, n_rows, step):
        part = np.packbits(matrix[start : start + step].toarray() != 0, axis=1)
        bits[start : start + step, : part.shape[1]] = part
    return bits.view(np.uint64)
