"""The search for the smallest radius within which few enough rows stay uncovered."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from skdal.core_set.cover import Cover
from skdal.core_set.cover_bound import is_refuted
from skdal.core_set.cover_models import (
    Answer,
    covering_problem,
    fewest_outliers,
    seconds_to_start,
    solve,
)
from skdal.core_set.nearby import Nearby
from skdal.core_set.neighbors import PRECISION, RowDistances
from skdal.core_set.swaps import search_swaps

_MAX_NONZEROS = 250_000
_N_SWAPS = 3000


class RadiusSearch:
    """The bracket of lower bound and radius, and what narrows it.

    Parameters
    ----------
    points : RowDistances
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
        points: RowDistances,
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
        self.tolerance, self.solver = tolerance, solver
        self.rng, self.deadline = random_state, deadline
        # Closer radii are not tried where nothing is decided.
        self.fineness = max(tolerance, 1e-3)
        self.base = points.nearest(points.prepare(centers))
        self.rows = pick(k)
        self.radius = self.evaluate(self.rows)
        # So many points, and one more, are that far apart: two inliers would share a center.
        self.lower_bound = 0.0
        self.raise_to(spread / 2 * (1 - PRECISION))
        self.nearby = Nearby(points, self.base, pick, k, n_outliers, self.radius, deadline)
        # From this radius upward, what an answer takes has no room.
        self.ceiling = np.inf
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

    def run_swaps(self, effort: int, step: float) -> None:
        """Search longer for slightly smaller radii, as long as they are found."""
        while not self.closed() and self.seconds_left() > 0:
            radius = max(self.lower_bound, self.radius * (1 - self.fineness * step))
            if not self.probe(radius, effort=effort):
                break

    def run_proofs(self) -> None:
        """Raise the lower bound without a solver, as long as that is not too hard."""
        undecided = self.radius
        while not self.closed() and self.seconds_left() > 0:
            if undecided - self.lower_bound < self.radius * self.fineness / 4:
                break
            # The larger a radius, the harder to refute; the last of these is proof enough.
            radius = min(
                self.lower_bound + self.radius * self.fineness / 2,
                (self.lower_bound + undecided) / 2,
                self.radius * (1 - 0.99 * self.tolerance),
            )
            if self.probe(radius, prove=self.seconds_left() / 2) is not False:
                undecided = radius

    def run_solver(self) -> str:
        """Narrow the bracket by integer programs."""
        self.run_swaps(effort=10, step=1 / 2)
        self.run_proofs()
        # Smaller steps are found more easily.
        self.run_swaps(effort=60, step=1 / 8)
        undecided, share = list[float](), 2
        while not self.closed():
            if self.seconds_left() <= 0:
                return "time_limit"
            least = self.radius * self.fineness / 8
            if self.solver is None:
                return "solver_failed" if self.failure else "no_solver"
            highest = min(self.radius, self.ceiling)
            if self.nearby.too_large or self.ceiling < min(self.radius, self.lower_bound + least):
                return "too_large"
            undecided = [r for r in undecided if self.lower_bound < r < highest]
            ends = np.array([self.lower_bound, *sorted(undecided), highest])
            widest = int(np.diff(ends).argmax())
            radius = float(ends[widest : widest + 2].mean())
            if not undecided:
                radius = min(radius, self.radius * (1 - 0.99 * self.tolerance))
            elif ends[widest + 1] - ends[widest] < least:
                undecided, share = [], 1
            if self.probe(radius, seconds=self.seconds_left() / share) is None:
                undecided.append(radius)
        return "optimal"

    def closed(self) -> bool:
        """Tell whether the bounds have met."""
        return self.radius - self.lower_bound <= max(self.tolerance, 4 * PRECISION) * self.radius

    def seconds_left(self) -> float:
        """Return the seconds to the deadline."""
        return self.deadline - time.perf_counter()

    def evaluate(self, rows: np.ndarray) -> float:
        """Return the radius that rows really have."""
        return float(np.sqrt(self.kth(self.distances(rows))))

    def distances(self, rows: np.ndarray) -> np.ndarray:
        """Return the squared distance of every row to the nearest of rows and centers."""
        return np.minimum(self.base, self.points.nearest(self.points.read(rows)))

    def kth(self, squared: np.ndarray) -> float:
        """Return the largest but for the outliers."""
        return float(np.partition(squared, -1 - self.n_outliers)[-1 - self.n_outliers])

    def probe(
        self, radius: float, *, seconds: float = 0.0, effort: int = 1, prove: float = 0.0
    ) -> bool | None:
        """Ask whether a radius can be had: yes, no, or not known.

        Parameters
        ----------
        radius : float
            Between the lower bound and the radius so far; one of them moves if there is an
            answer.

        seconds : float
            How long a solver may take.

        effort : int
            How many times as long as at least to search by swaps.

        prove : float
            How long to look for a proof that there is none, and for nothing else.
        """
        for _ in range(10):
            kept = self.nearby.cover(radius)
            if kept is None:
                return None
            cover, complete = kept
            outcome, rows = self.decide(cover, radius, seconds, effort, prove)
            if outcome is False:
                self.raise_to(self.nearby.following(radius) if complete else radius)
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
            if not self.nearby.add_violated(squared, radius):
                self.ceiling = min(self.ceiling, radius)
                return None
        return None

    def decide(
        self, cover: Cover, radius: float, seconds: float, effort: int, prove: float
    ) -> tuple[bool | None, np.ndarray | None]:
        """Answer for some of the rows: whether they can be covered, and the best rows found."""
        best, shares = cover.greedy(self.k), None
        if prove and cover.n_uncovered(best) > self.n_outliers:
            return (False if is_refuted(cover, self.k, prove) else None), None
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
            n_swaps = min(_N_SWAPS, 20 * len(cover.sets)) * effort
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
        """Have the solver decide, or return None where there is none, or no time for it."""
        if self.solver is None or seconds <= seconds_to_start(cover.matrix.nnz, self.solver):
            return None
        if cover.matrix.nnz > _MAX_NONZEROS:
            self.ceiling = 0.0
            return None
        before = time.perf_counter()
        problem, chosen = covering_problem(cover, self.k)
        seconds -= time.perf_counter() - before
        if seconds <= 0:
            return None
        answer = solve(problem, chosen, cover, self.k, self.solver, seconds)
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

    def raise_to(self, bound: float) -> None:
        """Take a lower bound; where it meets the radius, the radius is optimal."""
        self.lower_bound = min(max(self.lower_bound, bound), self.radius)
        if self.lower_bound >= self.radius * (1 - 3 * PRECISION):
            self.lower_bound = self.radius
