"""Search by swaps for sets that leave few elements uncovered."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from skdal.core_set.cover import Cover, spread


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
    chosen = np.flatnonzero(state.is_chosen)
    moved = np.zeros(n_sets, dtype=np.int64)
    best, fewest, newest = chosen.copy(), state.n_uncovered(), -1
    for step in range(1, n_steps + 1):
        if fewest <= cover.n_outliers or k == n_sets or time.perf_counter() > deadline:
            break
        # Of equals the one longest in place moves; the one just added stays for now.
        losses = state.score[chosen]
        if k > 1:
            losses[chosen == newest] = np.inf
        places = np.flatnonzero(losses == losses.min())
        place = places[moved[chosen[places]].argmin()]
        out = int(chosen[place])
        state.remove(out)
        uncovered = state.uncovered()
        entering = state.sets[uncovered[rng.randint(len(uncovered))]]
        gains = state.score[entering]
        if len(entering) > 1:
            gains[entering == out] = -np.inf
        entering = entering[gains == gains.max()]
        newest = int(entering[moved[entering].argmin()])
        chosen[place] = newest
        state.add(newest)
        moved[[out, newest]] = step
        uncovered = state.uncovered()
        n_uncovered = int(cover.weights[uncovered].sum())
        if n_uncovered < fewest:
            best, fewest = chosen.copy(), n_uncovered
        state.penalize(uncovered)
    return best


class _Swaps:
    """Chosen sets, and of each set what a move of it would change."""

    def __init__(self, cover: Cover) -> None:
        self.cover = cover
        n_elements, n_sets = cover.matrix.shape
        # Slicing the matrices anew in every step would take as long as the rest of it.
        self.sets = _lines(cover.matrix)
        self.elements = _lines(cover.by_set)
        self.penalty = cover.weights.astype(float)
        self.is_chosen = np.zeros(n_sets, dtype=bool)
        self.count = np.zeros(n_elements, dtype=np.int64)
        # Sum of the numbers of the chosen sets that cover an element: the set, where it is one.
        self.owner = np.zeros(n_elements, dtype=np.int64)
        # What a chosen set alone covers; what another would newly cover.
        self.score = cover.by_set.T @ self.penalty

    def uncovered(self) -> np.ndarray:
        return np.flatnonzero(self.count == 0)

    def n_uncovered(self) -> int:
        return int(self.cover.weights[self.count == 0].sum())

    def add(self, one: int) -> None:
        elements = self.elements[one]
        count, gain = self.count[elements], self.score[one]
        new, shared = elements[count == 0], elements[count == 1]
        np.subtract.at(self.score, self.owner[shared], self.penalty[shared])
        self._spread(new, -self.penalty[new])
        self.score[one] = gain
        self.count[elements] = count + 1
        self.owner[elements] += one
        self.is_chosen[one] = True

    def remove(self, one: int) -> None:
        elements = self.elements[one]
        count, loss = self.count[elements], self.score[one]
        alone, shared = elements[count == 1], elements[count == 2]
        self.count[elements] = count - 1
        self.owner[elements] -= one
        np.add.at(self.score, self.owner[shared], self.penalty[shared])
        self._spread(alone, self.penalty[alone])
        self.score[one] = loss
        self.is_chosen[one] = False

    def penalize(self, uncovered: np.ndarray) -> None:
        weights = self.cover.weights[uncovered].astype(float)
        self.penalty[uncovered] += weights
        self._spread(uncovered, weights)

    def _spread(self, elements: np.ndarray, values: np.ndarray) -> None:
        if len(elements) > 16:
            spread(self.score, self.cover.matrix, elements, values)
            return
        for element, value in zip(elements.tolist(), values.tolist(), strict=True):
            self.score[self.sets[element]] += value


def _lines(matrix: Any) -> list[np.ndarray]:
    return np.split(matrix.indices.astype(np.int64), matrix.indptr[1:-1])
