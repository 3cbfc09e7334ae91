"""The search for the smallest radius within which few enough rows stay uncovered."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from skdal._cover import Cover, search_swaps
from skdal._cover_models import Answer, covering_problem, fewest_outliers, solve
from skdal._neighbors import PRECISION, Points

# PuLP takes some 6 microseconds a nonzero to build a model and to hand it over.
_MAX_NONZEROS = 250_000
_SECONDS_PER_NONZERO = 1e-5
# Distances kept, of 12 bytes each.
_MAX_NEIGHBORS = 8_000_000
_N_SAMPLED, _N_VIOLATED = 500, 50
_N_SWAPS = 3000


class RadiusSearch:
    """The bracket of lower bound and radius, and what narrows it.

    Parameters
    ----------
    points : Points
        Rows to cover, and to choose from.

    centers : ndarray of shape (n_centers, n_features)
        Points that are centers already.

    pick : callable
        Returns so many rows in greedy's order.

    k : int
        How many rows to choose.

    n_outliers : int
        How many rows may stay uncovered. Together with ``k``, less than there are rows.

    spread : float
        Radius of the first ``k + n_outliers`` rows of greedy.

    tolerance : float
        Relative gap that is good enough.

    solver : PuLP solver or None
        Not changed.

    random_state : RandomState
        Drives the swaps.

    deadline : float
        When ``time.perf_counter()`` has passed it, the search ends.

    Attributes
    ----------
    rows : ndarray of int of shape (k,)
        The best rows so far.

    radius, lower_bound : float
        Their radius, and what no ``k`` rows can go below.

    failure : str or None
        What went wrong with the solver.
    """

    def __init__(
        self,
        points: Points,
        centers: np.ndarray,
        pick: Callable[[int], np.ndarray],
        k: int,
        n_outliers: int,
        *,
        spread: float,
        tolerance: float,
        solver: Any,
        random_state: np.random.RandomState,
        deadline: float,
    ) -> None:
        self.points, self.k, self.n_outliers = points, k, n_outliers
        self.tolerance, self.solver, self.rng = tolerance, solver, random_state
        self.deadline = deadline
        # Closer radii are not tried where nothing is decided.
        self.fineness = max(tolerance, 1e-3)
        self.pick = pick
        self.base = points.nearest(points.prepare(centers))
        self.rows = pick(k)
        self.radius = self.evaluate(self.rows)
        # So many points, and one more, are that far apart: two inliers would share a center.
        self.lower_bound = 0.0
        self.raise_to(spread / 2 * (1 - PRECISION))
        self.stored = np.empty(0, dtype=np.int64)
        self.squared = sp.csr_matrix((0, points.n_rows))
        self.horizon = self.radius
        self.sampled = self.too_large = False
        # The relaxation proves nothing from this radius upward.
        self.relaxed = np.inf
        self.failure: str | None = None

    def run(self) -> str:
        """Narrow the bracket as long as it is easy, then as far as it goes; return the status."""
        step, proved = 0.02, False
        undecided: list[float] = []
        while not self.closed():
            if self.seconds_left() <= 0:
                return "time_limit"
            undecided = [r for r in undecided if self.lower_bound < r < self.radius]
            lowest = min(undecided, default=self.radius)
            highest = max(undecided, default=self.lower_bound)
            room_below, room_above = lowest - self.lower_bound, self.radius - highest
            if not proved and self.radius * (1 - step) > self.lower_bound:
                # Smaller radii let ever more rows matter: go down with care.
                radius = self.radius * (1 - step)
                step *= 2
            elif max(room_below, room_above) > self.radius * self.fineness / 4:
                proved = True
                if room_below > room_above:
                    radius = (self.lower_bound + lowest) / 2
                else:
                    radius = (highest + self.radius) / 2
            else:
                break
            outcome = self.probe(radius)
            proved = proved or outcome is False
            if outcome is None:
                undecided.append(radius)
        return self.run_solver()

    def run_swaps(self) -> None:
        """Search longer for slightly smaller radii, as long as they are found."""
        while not self.closed() and self.seconds_left() > 0:
            radius = max(self.lower_bound, self.radius * (1 - self.fineness / 2))
            if not self.probe(radius, patient=True):
                break

    def run_solver(self) -> str:
        """Narrow the bracket by integer programs."""
        self.run_swaps()
        undecided: list[float] = []
        share = 2
        while not self.closed():
            if self.seconds_left() <= 0:
                return "time_limit"
            if self.solver is None:
                return "solver_failed" if self.failure else "no_solver"
            if self.too_large:
                return "too_large"
            undecided = [r for r in undecided if self.lower_bound < r < self.radius]
            ends = np.array([self.lower_bound, *sorted(undecided), self.radius])
            widest = int(np.diff(ends).argmax())
            radius = float(ends[widest : widest + 2].mean())
            if not undecided:
                # The smallest radius whose failure would be proof enough is the easiest to refute.
                radius = min(radius, self.radius * (1 - 0.99 * self.tolerance))
            elif ends[widest + 1] - ends[widest] < self.radius * self.fineness / 8:
                undecided, share = [], 1
            if self.probe(radius, seconds=self.seconds_left() / share) is None:
                undecided.append(radius)
        return "optimal"

    def closed(self) -> bool:
        return self.radius - self.lower_bound <= max(self.tolerance, 4 * PRECISION) * self.radius

    def seconds_left(self) -> float:
        return self.deadline - time.perf_counter()

    def evaluate(self, rows: np.ndarray) -> float:
        """Return the radius that rows really have."""
        return float(np.sqrt(self.kth(self.distances(rows))))

    def distances(self, rows: np.ndarray) -> np.ndarray:
        return np.minimum(self.base, self.points.nearest(self.points.read(rows)))

    def kth(self, squared: np.ndarray) -> float:
        last = len(squared) - 1 - self.n_outliers
        return float(np.partition(squared, last)[last])

    def probe(self, radius: float, *, seconds: float = 0.0, patient: bool = False) -> bool | None:
        """Ask whether a radius can be had: yes, no, or not known.

        Parameters
        ----------
        radius : float
            Between the lower bound and the radius so far; one of them moves if there is an
            answer.

        seconds : float
            How long a solver may take.

        patient : bool
            Whether to search long.
        """
        for _ in range(10):
            kept = self.stored_cover(radius)
            if kept is None:
                return None
            cover, complete = kept
            outcome, rows = self.decide(cover, radius, seconds, patient)
            if outcome is False:
                self.raise_bound(radius, complete)
                return False
            if rows is None:
                return None
            squared = self.distances(rows)
            self.accept(rows, squared)
            if self.radius <= radius * (1 + PRECISION):
                return True
            if complete or outcome is None:
                return None
            # Rows left out of the sample turned out to matter.
            outside = np.argsort(-squared)[: self.n_outliers + _N_VIOLATED]
            outside = outside[squared[outside] > radius**2]
            if not self.store(np.setdiff1d(outside, self.stored)):
                self.too_large = True
                return None
        return None

    def decide(
        self, cover: Cover, radius: float, seconds: float, patient: bool
    ) -> tuple[bool | None, np.ndarray | None]:
        """Answer for some of the rows: whether they can be covered, and the best rows found."""
        best = cover.greedy(self.k)
        shares = None
        if cover.n_uncovered(best) > self.n_outliers:
            if radius < self.relaxed:
                bound, shares = fewest_outliers(cover, self.k, self.seconds_left())
                # Whole numbers: far more than rounding can be.
                if bound > self.n_outliers + 1e-6:
                    return False, None
                if shares is not None:
                    self.relaxed = radius
                    largest = np.argsort(-shares, kind="stable")[: self.k]
                    best = min(best, largest, key=cover.n_uncovered)
            n_swaps = min(_N_SWAPS * (10 if patient else 1), 20 * len(cover.sets))
            best = search_swaps(cover, best, self.k, self.rng, n_swaps, self.deadline)
        if cover.n_uncovered(best) <= self.n_outliers:
            return True, cover.sets[best]
        answer = self.ask_solver(cover, seconds)
        if answer is not None and answer.infeasible:
            return False, None
        if answer is not None and answer.sets is not None:
            best = min(best, answer.sets, key=cover.n_uncovered)
        return cover.n_uncovered(best) <= self.n_outliers or None, cover.sets[best]

    def ask_solver(self, cover: Cover, seconds: float) -> Answer | None:
        if seconds <= 0 or self.solver is None:
            return None
        if cover.matrix.nnz > _MAX_NONZEROS:
            self.too_large = True
            return None
        if cover.matrix.nnz * _SECONDS_PER_NONZERO > self.seconds_left():
            return None
        before = time.perf_counter()
        problem, chosen = covering_problem(cover, self.k)
        seconds -= time.perf_counter() - before
        answer = solve(problem, chosen, cover, self.k, self.solver, max(seconds, 0.1))
        if answer.failure is not None:
            self.failure, self.solver = answer.failure, None
        return answer

    def accept(self, rows: np.ndarray, squared: np.ndarray) -> None:
        """Keep rows, filled up to ``k``, if they are the best so far; spoils the distances."""
        radius = np.sqrt(self.kth(squared))
        if radius >= self.radius:
            return
        while len(rows) < self.k:
            # Of a chosen row the distance is 0, and so it may be of its duplicates.
            squared[rows] = -1
            rows = np.append(rows, squared.argmax())
            squared = np.minimum(squared, self.points.nearest(self.points.read(rows[-1:])))
        self.rows = rows
        self.radius = min(float(radius), self.evaluate(self.rows))
        self.raise_to(self.lower_bound)

    def raise_bound(self, radius: float, complete: bool) -> None:
        """Take note that a radius cannot be had."""
        bound = radius
        if complete:
            # The smallest radius is a distance, of a row that is not covered here.
            needed = self.base > radius**2 * (1 + PRECISION)
            larger = self.squared.data[self.squared.data > radius**2 * (1 + PRECISION)]
            following = min(
                larger.min(initial=self.horizon**2), self.base[needed].min(initial=np.inf)
            )
            bound = max(radius, float(np.sqrt(following)) * (1 - PRECISION))
        self.raise_to(bound)

    def raise_to(self, bound: float) -> None:
        self.lower_bound = min(max(self.lower_bound, bound), self.radius)
        if self.lower_bound >= self.radius * (1 - 3 * PRECISION):
            self.lower_bound = self.radius

    def stored_cover(self, radius: float) -> tuple[Cover, bool] | None:
        """Return which rows cover which, and whether all rows that matter are among them."""
        needed = self.base > radius**2 * (1 + PRECISION)
        if not self.sampled:
            missing = needed.copy()
            missing[self.stored] = False
            if not self.store(np.flatnonzero(missing)):
                if self.seconds_left() <= 0:
                    return None
                self.sample()
        if self.sampled and not len(self.stored):
            self.too_large = True
            return None
        used = np.flatnonzero(needed[self.stored])
        matrix = self.squared[used]
        near = matrix.data <= radius**2 * (1 + PRECISION)
        ends = np.concatenate([[0], np.cumsum(near)])[matrix.indptr]
        near_matrix = sp.csr_matrix(
            (np.ones(ends[-1], dtype=np.int8), matrix.indices[near], ends), shape=matrix.shape
        )
        return Cover(near_matrix, self.n_outliers), len(used) == np.count_nonzero(needed)

    def store(self, rows: np.ndarray) -> bool:
        """Find the neighbors of rows, out to the first radius; False if they are too many."""
        if len(rows):
            room = _MAX_NEIGHBORS - self.squared.nnz
            found = self.points.neighbors(rows, self.horizon**2, room, self.deadline)
            if found is None:
                return False
            self.squared = sp.vstack([self.squared, found], format="csr")
            self.stored = np.concatenate([self.stored, rows])
        return True

    def sample(self) -> None:
        """Make do with the rows that are hardest to cover, those that greedy would choose."""
        self.sampled = True
        self.stored, self.squared = self.stored[:0], self.squared[:0]
        self.horizon = self.radius
        rows = self.pick(min(self.k + self.n_outliers + _N_SAMPLED, self.points.n_rows))
        while len(rows) and not self.store(rows):
            rows = rows[: len(rows) // 2]
