"""Proofs that sets do not suffice to cover: linear programs with cuts, and branching."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linprog

from skdal.core_set.cover import Cover

# Where that is not enough, the parts are too many.
_MAX_DEPTH = 8
_N_ROUNDS, _N_CUTS, _USES = 6, 200, 6
_N_FIRST, _N_VIOLATED, _N_PRICED = 400, 150, 100
# Cells of the elements of the linear program times its columns.
_MAX_CELLS = 2**25


class _Node(NamedTuple):
    """A part of the choices: elements to cover, columns allowed, and what the parent learned."""

    elements: sp.csr_matrix
    allowed: np.ndarray
    cuts: sp.csr_matrix
    limits: np.ndarray
    active: np.ndarray
    pool: np.ndarray
    depth: int


class _Relaxed(NamedTuple):
    """A linear relaxation: what it proves, and where."""

    bound: float
    values: np.ndarray
    reduced: np.ndarray
    dual: np.ndarray


def is_refuted(cover: Cover, k: int, seconds: float) -> bool:
    """Try to prove that no ``k`` sets cover all elements but the outliers.

    The linear relaxation of "fewest sets" is narrowed by cuts: of three elements that no single
    set covers, two sets are needed ({0, 1/2}-cuts, [1]_). A column whose reduced cost is too
    large for any choice leaves. What remains is split in two: some chosen set covers both of two
    elements, or none does.

    Parameters
    ----------
    cover : Cover
        What to cover.

    k : int
        How many sets may be chosen.

    seconds : float
        Gives up after them, and earlier where the parts are too many.

    Returns
    -------
    bool
        False if there is no proof.

    References
    ----------
    .. [1] Caprara and Fischetti, "{0, 1/2}-Chvatal-Gomory cuts", Mathematical Programming 74,
       1996.
    """
    deadline = time.perf_counter() + seconds
    root, costs = _root(cover)
    if not len(cover.weights):
        # No set is left either, which is no proof.
        return False
    if root.elements.shape[0] * root.elements.shape[1] > _MAX_CELLS:
        return False
    nodes = [root]
    while nodes:
        node = nodes.pop()
        parts = _split(node, costs, k, deadline)
        if parts is None or (parts and node.depth == _MAX_DEPTH):
            return False
        nodes += parts
    return True


def _root(cover: Cover) -> tuple[_Node, np.ndarray]:
    n_elements, n_sets = cover.matrix.shape
    left_out = np.flatnonzero(cover.weights <= cover.n_outliers)
    outliers = sp.csr_matrix(
        (np.ones(len(left_out)), (left_out, np.arange(len(left_out)))),
        shape=(n_elements, len(left_out)),
    )
    elements = sp.hstack([cover.matrix.astype(float), outliers], format="csr")
    n_columns = elements.shape[1]
    costs = np.zeros(n_columns)
    costs[:n_sets] = 1
    budget = np.zeros((1, n_columns))
    budget[0, n_sets:] = -cover.weights[left_out]
    everything = np.ones(n_columns, dtype=bool)
    first = np.argsort(np.diff(cover.matrix.indptr), kind="stable")[:_N_FIRST]
    cuts, limits = sp.csr_matrix(budget), np.array([-float(cover.n_outliers)])
    return _Node(elements, everything, cuts, limits, np.sort(first), everything, 0), costs


def _split(node: _Node, costs: np.ndarray, k: int, deadline: float) -> list[_Node] | None:
    """Refute a node, with an empty list, or part it; None if time is up or nothing to part."""
    # Deeper down, a part more is cheaper than a round more.
    n_rounds = _N_ROUNDS if node.depth < 3 else 1
    before = -np.inf
    for round_ in range(n_rounds + 1):
        solved = _solve(node, costs, k, deadline)
        if solved is None:
            return None
        node, relaxed = solved
        if relaxed.bound > k + 1e-6:
            return []
        n_active = len(node.active)
        covered = node.elements @ relaxed.values
        used = np.flatnonzero(relaxed.dual[n_active:] > 1e-9)
        # The first of the cuts is the limit on outliers.
        used = np.union1d([0], used)
        weight = np.zeros(len(covered))
        weight[node.active] = relaxed.dual[:n_active]
        node = node._replace(
            allowed=node.allowed & (relaxed.bound + relaxed.reduced <= k + 1e-6),
            pool=relaxed.reduced < 0.1,
            cuts=node.cuts[used],
            limits=node.limits[used],
            active=node.active[covered[node.active] < 1.5],
        )
        tight, held = _tight(node.elements, covered, relaxed.values)
        shared = held * relaxed.values[relaxed.values > 1e-9] @ held.T
        if round_ == n_rounds or relaxed.bound < before + 0.02:
            break
        before = relaxed.bound
        triples = _triples(held, relaxed.values[relaxed.values > 1e-9], shared)
        if not len(triples):
            break
        ones = np.ones(triples.size)
        owner = np.repeat(np.arange(len(triples)), 3)
        chosen = sp.csr_matrix(
            (ones, (owner, tight[triples.ravel()])), shape=(len(triples), len(covered))
        )
        cuts = (chosen @ node.elements).tocsr()
        cuts.data = np.ceil(cuts.data / 2)
        node = node._replace(
            cuts=sp.vstack([node.cuts, cuts], format="csr"),
            limits=np.append(node.limits, np.full(len(triples), 2.0)),
        )
    return _branch(node, tight, shared, weight[tight], costs)


def _solve(
    node: _Node, costs: np.ndarray, k: int, deadline: float
) -> tuple[_Node, _Relaxed] | None:
    """Solve the relaxation, with more rows and columns as long as some matter."""
    active, pool = node.active, node.pool & node.allowed
    while True:
        seconds = deadline - time.perf_counter()
        if seconds <= 0:
            return None
        rows = sp.vstack([node.elements[active], node.cuts], format="csr")
        limits = np.append(np.ones(len(active)), node.limits)
        columns = np.flatnonzero(pool)
        if not node.allowed.any():
            return node, _refuted()
        if not len(columns):
            pool = node.allowed
            continue
        result = linprog(
            costs[columns],
            A_ub=-rows[:, columns],
            b_ub=-limits,
            bounds=(0, 1),
            method="highs-ds",
            options={"time_limit": seconds},
        )
        if result.status == 2:
            if np.array_equal(pool, node.allowed):
                return node, _refuted()
            pool = node.allowed
            continue
        if result.status != 0:
            return None
        # Valid whatever the dual values are.
        dual = np.maximum(-result.ineqlin.marginals, 0)
        reduced = costs - rows.T @ dual
        bound = dual @ limits + np.minimum(reduced[node.allowed], 0).sum()
        values = np.zeros(len(costs))
        values[columns] = result.x
        cheap = np.flatnonzero((reduced < -1e-7) & node.allowed & ~pool)
        violated = np.setdiff1d(np.flatnonzero(node.elements @ values < 1 - 1e-6), active)
        solved = bound > k + 1e-6 or not (len(cheap) or len(violated))
        if solved:
            relaxed = _Relaxed(float(bound), values, reduced, dual)
            return node._replace(active=active, pool=pool), relaxed
        if len(cheap):
            pool = pool.copy()
            pool[cheap[np.argsort(reduced[cheap], kind="stable")[:_N_PRICED]]] = True
        else:
            worst = np.argsort((node.elements @ values)[violated], kind="stable")
            active = np.union1d(active, violated[worst[:_N_VIOLATED]])


def _refuted() -> _Relaxed:
    nothing = np.empty(0)
    return _Relaxed(np.inf, nothing, nothing, nothing)


def _tight(
    elements: sp.csr_matrix, covered: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return elements that are hardly covered, different ones, and by which columns."""
    tight = np.flatnonzero(covered < 1.3)
    tight = tight[np.argsort(covered[tight], kind="stable")]
    held = elements[tight][:, values > 1e-9].toarray()
    _, first = np.unique(held, axis=0, return_index=True)
    return tight[first], held[first]


def _triples(held: np.ndarray, values: np.ndarray, shared: np.ndarray) -> np.ndarray:
    """Find threes of elements that the values cover as if less than two sets were needed."""
    covered = np.diag(shared)
    found, slack = [np.empty((0, 3), dtype=np.int64)], [np.empty(0)]
    for one in range(len(held)):
        others = np.flatnonzero(shared[one] > 0.05)
        others = others[others > one]
        by_all = held[others] * (values * held[one]) @ held[others].T
        pairs = covered[others] - shared[one, others]
        left = covered[one] + pairs[:, None] + pairs - shared[np.ix_(others, others)] + 2 * by_all
        i, j = np.nonzero(np.triu(left < 1.95, 1))
        found.append(np.column_stack([np.full(len(i), one), others[i], others[j]]))
        slack.append(left[i, j])
    triples = np.concatenate(found)[np.argsort(np.concatenate(slack), kind="stable")]
    uses = np.zeros(len(held), dtype=np.int64)
    kept: list[np.ndarray] = []
    for triple in triples:
        if uses[triple].max() < _USES and len(kept) < _N_CUTS:
            uses[triple] += 1
            kept.append(triple)
    return np.array(kept, dtype=np.int64).reshape(-1, 3)


def _branch(
    node: _Node, tight: np.ndarray, shared: np.ndarray, weight: np.ndarray, costs: np.ndarray
) -> list[_Node] | None:
    """Part by whether one set covers both of two elements, which the relaxation leaves open."""
    doubt = np.triu(np.minimum(shared, 1 - shared), 1)
    doubt *= 0.05 + np.minimum(weight[:, None], weight)
    if not doubt.size or doubt.max() < 1e-6:
        return None
    i, j = np.unravel_index(doubt.argmax(), doubt.shape)
    both = node.elements[[tight[i]]].multiply(node.elements[[tight[j]]]).tocsr()
    inside = np.zeros(len(costs), dtype=bool)
    inside[both.indices] = True
    n_elements = node.elements.shape[0]
    together = node._replace(
        elements=sp.vstack([node.elements, both], format="csr"),
        active=np.append(node.active, n_elements),
        pool=node.pool | inside,
        depth=node.depth + 1,
    )
    apart = node._replace(allowed=node.allowed & ~inside, depth=node.depth + 1)
    return [together, apart]
