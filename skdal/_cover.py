"""Sets that cover elements: reductions, greedy choice and search by swaps."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import scipy.sparse as sp

_BLOCK_CELLS = 2**21


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
            new = _take(B, [best])
            new = new[uncovered[new]]
            uncovered[new] = False
            _spread(gain, A, new, -self.weights[new])
        return np.array(chosen, dtype=int)

    def n_uncovered(self, chosen: np.ndarray) -> int:
        """Count the elements, by weight, that no chosen set covers."""
        covered = np.zeros(self.matrix.shape[0], dtype=bool)
        covered[_take(self.by_set, chosen)] = True
        return int(self.weights[~covered].sum())


def search_swaps(
    cover: Cover,
    start: np.ndarray,
    k: int,
    rng: np.random.RandomState,
    n_steps: int,
    deadline: float,
) -> np.ndarray:
    """Swap sets until few enough elements are uncovered, or steps or time are up.

    Every step removes the set that is missed least and adds one that covers some uncovered
    element; elements that stay uncovered weigh more with every step, which drives the search
    out of dead ends (row weighting local search, [1]_).

    Parameters
    ----------
    cover : Cover
        What to cover.

    start : ndarray of int
        Sets to start from, at most ``k``.

    k : int
        How many sets to use.

    rng : RandomState
        Draws which uncovered element is next.

    n_steps : int
        At most so many swaps.

    deadline : float
        Ends when ``time.perf_counter()`` has passed it.

    Returns
    -------
    ndarray of int
        The sets that left the fewest uncovered, by weight.

    References
    ----------
    .. [1] Gao, Weise and Li, "An efficient local search heuristic with row weighting for the
       unicost set covering problem", European Journal of Operational Research 246, 2015.
    """
    n_sets = cover.matrix.shape[1]
    start, k = start[:k], min(k, n_sets)
    rest = np.setdiff1d(np.arange(n_sets), start)
    state = _Swaps(cover)
    for one in (*start, *rest[: k - len(start)]):
        state.add(int(one))
    moved = np.zeros(n_sets, dtype=np.int64)
    best, fewest, newest = state.chosen(), state.n_uncovered(), -1
    for step in range(1, n_steps + 1):
        if fewest <= cover.n_outliers or k == n_sets or time.perf_counter() > deadline:
            break
        # Of equals the one longest in place moves; the one just added stays for now.
        leaving = state.chosen()
        leaving = leaving[(leaving != newest) | (k == 1)]
        out = _oldest(leaving[state.score[leaving] == state.score[leaving].min()], moved)
        state.remove(out)
        uncovered = state.uncovered()
        entering = _take(cover.matrix, [uncovered[rng.randint(len(uncovered))]])
        entering = entering[entering != out]
        if not len(entering):
            entering = np.array([out])
        newest = _oldest(entering[state.score[entering] == state.score[entering].max()], moved)
        state.add(newest)
        moved[[out, newest]] = step
        if state.n_uncovered() < fewest:
            best, fewest = state.chosen(), state.n_uncovered()
        state.penalize()
    return best


class _Swaps:
    """Chosen sets, and of each set what a move of it would change."""

    def __init__(self, cover: Cover) -> None:
        self.cover = cover
        n_elements, n_sets = cover.matrix.shape
        self.penalty = cover.weights.astype(float)
        self.is_chosen = np.zeros(n_sets, dtype=bool)
        self.count = np.zeros(n_elements, dtype=np.int64)
        # Sum of the numbers of the chosen sets that cover an element: the set, where it is one.
        self.owner = np.zeros(n_elements, dtype=np.int64)
        # What a chosen set alone covers; what another would newly cover.
        self.score = cover.by_set.T @ self.penalty

    def chosen(self) -> np.ndarray:
        return np.flatnonzero(self.is_chosen)

    def uncovered(self) -> np.ndarray:
        return np.flatnonzero(self.count == 0)

    def n_uncovered(self) -> int:
        return int(self.cover.weights[self.count == 0].sum())

    def add(self, one: int) -> None:
        elements = _take(self.cover.by_set, [one])
        count, gain = self.count[elements], self.score[one]
        new, shared = elements[count == 0], elements[count == 1]
        np.subtract.at(self.score, self.owner[shared], self.penalty[shared])
        _spread(self.score, self.cover.matrix, new, -self.penalty[new])
        self.score[one] = gain
        self.count[elements] += 1
        self.owner[elements] += one
        self.is_chosen[one] = True

    def remove(self, one: int) -> None:
        elements = _take(self.cover.by_set, [one])
        count, loss = self.count[elements], self.score[one]
        alone, shared = elements[count == 1], elements[count == 2]
        self.count[elements] -= 1
        self.owner[elements] -= one
        np.add.at(self.score, self.owner[shared], self.penalty[shared])
        _spread(self.score, self.cover.matrix, alone, self.penalty[alone])
        self.score[one] = loss
        self.is_chosen[one] = False

    def penalize(self) -> None:
        uncovered = self.uncovered()
        weights = self.cover.weights[uncovered].astype(float)
        self.penalty[uncovered] += weights
        _spread(self.score, self.cover.matrix, uncovered, weights)


def _oldest(sets: np.ndarray, moved: np.ndarray) -> int:
    return int(sets[moved[sets].argmin()])


def _take(matrix: Any, lines: Any) -> np.ndarray:
    """Return the indices of some rows of a CSR or columns of a CSC matrix, one after another."""
    pointers, indices = matrix.indptr, matrix.indices
    parts = [indices[pointers[line] : pointers[line + 1]] for line in lines]
    return np.concatenate(parts) if parts else np.empty(0, dtype=indices.dtype)


def _spread(score: np.ndarray, matrix: Any, lines: np.ndarray, values: np.ndarray) -> None:
    """Add the value of every line to the scores of its indices, in place."""
    if len(lines):
        lengths = np.diff(matrix.indptr)[lines] if len(lines) > 64 else _lengths(matrix, lines)
        score += np.bincount(_take(matrix, lines), np.repeat(values, lengths), len(score))


def _lengths(matrix: Any, lines: np.ndarray) -> np.ndarray:
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

    No two rows must be equal, and none empty.
    """
    n_sets, n_elements = matrix.shape
    inside, around = np.zeros(n_sets, dtype=bool), np.zeros(n_sets, dtype=bool)
    if not matrix.nnz:
        return inside, around
    bits = _packed(matrix)
    size = np.diff(matrix.indptr)
    by_element = matrix.tocsc()
    # Whoever contains a row contains its rarest element: few rows to compare with.
    order = np.argsort(np.diff(by_element.indptr), kind="stable")
    rank = np.empty(n_elements, dtype=np.int64)
    rank[order] = np.arange(n_elements)
    rarest = order[np.minimum.reduceat(rank[matrix.indices], matrix.indptr[:-1])]
    lengths = _lengths(by_element, rarest)
    step = max(1, _BLOCK_CELLS // max(1, int(lengths.max())))
    for start in range(0, n_sets, step):
        small = np.arange(start, min(start + step, n_sets))
        large = _take(by_element, rarest[small])
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
