"""Algorithm 1 of the paper on arrays: mini-queries, and which rows each of them takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.utils import Bunch
from sklearn.utils.random import sample_without_replacement

from skdal._pool import stack
from skdal._ranking import top
from skdal._reader import RepresentationReader
from skdal.discriminators import Discriminator

# Gets the log-odds of the candidate rows, their row numbers, how many to take and a random
# state, and returns positions among the candidates in the order of choice.
Selection = Callable[[np.ndarray, np.ndarray, int, np.random.RandomState], np.ndarray]


def select_top(
    log_odds: np.ndarray, rows: np.ndarray, n_instances: int, random_state: np.random.RandomState
) -> np.ndarray:
    """Take the largest log-odds: Algorithm 1 to the letter."""
    return _shuffled_top(log_odds, n_instances, random_state)


def select_proportional(
    log_odds: np.ndarray, rows: np.ndarray, n_instances: int, random_state: np.random.RandomState
) -> np.ndarray:
    """Draw by the softmax of P(unlabeled) at temperature 0.01, as the authors' code can."""
    # Gumbel noise on log-weights turns the largest into a draw without replacement.
    noise = random_state.gumbel(size=len(log_odds))
    return top(expit(log_odds) / 0.01 + noise, n_instances)


def select_confident(
    log_odds: np.ndarray, rows: np.ndarray, n_instances: int, random_state: np.random.RandomState
) -> np.ndarray:
    """Draw uniformly among the quarter of the candidates that look most surely unlabeled."""
    n_sure = max(n_instances, -(-len(log_odds) // 4))
    sure = _shuffled_top(log_odds, n_sure, random_state)
    return random_state.choice(sure, n_instances, replace=False)


def _shuffled_top(
    log_odds: np.ndarray, n_instances: int, random_state: np.random.RandomState
) -> np.ndarray:
    # Trees and neighbors tie by the hundred, and the order of the rows may mean something.
    order = random_state.permutation(len(log_odds))
    return order[top(log_odds[order], n_instances)]


SELECTIONS: dict[str, Selection] = {
    "confident": select_confident,
    "proportional": select_proportional,
    "top": select_top,
}


def mini_query_sizes(n_instances: int, n_mini_queries: int) -> list[int]:
    """Share a query out among mini-queries: as even as can be, none empty.

    Parameters
    ----------
    n_instances : int
        Size of the query.

    n_mini_queries : int
        Where it is more than ``n_instances``, ``n_instances`` are made.
    """
    n_mini_queries = min(n_mini_queries, n_instances)
    size, rest = divmod(n_instances, n_mini_queries)
    return [size + 1] * rest + [size] * (n_mini_queries - rest)


def draw_subsample(
    rows: np.ndarray, n_rows: int, random_state: np.random.RandomState
) -> np.ndarray:
    """Draw rows without replacement, all if there are fewer; in rising order.

    Parameters
    ----------
    rows : ndarray of int
        Row numbers to draw from, rising.

    n_rows : int
        How many.

    random_state : RandomState
        Draws them.
    """
    if n_rows >= len(rows):
        return rows
    drawn = sample_without_replacement(len(rows), n_rows, random_state=random_state)
    return rows[np.sort(drawn)]


def choose_in_mini_queries(
    discriminator: Discriminator,
    read: RepresentationReader,
    Z_labeled: Any,
    rows: np.ndarray,
    sizes: Iterable[int],
    *,
    pool_ratio: float,
    candidates: str,
    select: Selection,
    random_state: np.random.RandomState,
) -> Bunch:
    r"""Choose rows by Discriminative Active Learning (Algorithm 1 of the paper).

    Every mini-query trains the discriminator on all of L and a fresh random part of U, takes
    rows that look unlabeled, and moves them from U to L.

    Parameters
    ----------
    discriminator : Discriminator
        Trained further, in place.

    read : RepresentationReader
        Reads the representation of rows of the pool.

    Z_labeled : array or CSR matrix of shape (n_labeled, n_features)
        Representation of L.

    rows : ndarray of int
        U: numbers of the rows to choose from, rising.

    sizes : iterable of int
        How many rows each mini-query takes.

    pool_ratio : float
        Rows of U that a mini-query trains on, in multiples of \|L\|, or of the rows that it
        takes where these are more.

    candidates : {"subsample", "pool"}
        Whether it takes rows from those it trained on, or from all of U.

    select : callable
        The rule, see ``Selection`` at the head of this module.

    random_state : RandomState
        Draws the subsamples, and whatever the rule draws.

    Returns
    -------
    Bunch
        ``rows`` and ``scores`` (log-odds when taken), ndarrays of shape (sum(sizes),);
        ``mini_query``, which one took the row, counted from 0; and for every mini-query, as
        ndarrays, ``n_trained_on``, ``train_accuracy``, ``h_divergence`` and ``n_epochs``.
    """
    available = rows
    taken, scores, trace = [], [], []
    for number, size in enumerate(sizes):
        n_labeled = Z_labeled.shape[0]
        n_rows = int(min(len(available), np.ceil(pool_ratio * max(n_labeled, size))))
        subsample = draw_subsample(available, n_rows, random_state)
        Z_subsample = read(subsample)
        with _Note(f"The discriminator failed in mini-query {number + 1}."):
            discriminator.fit(Z_labeled, Z_subsample)
            if candidates == "subsample":
                pool, log_odds = subsample, discriminator.unlabeled_log_odds
            else:
                pool, log_odds = available, read.map(discriminator.log_odds, available)
        # Copies: a user's rule may sort what it gets.
        position = np.asarray(select(log_odds.copy(), pool.copy(), size, random_state))
        _check_positions(position, size, len(pool))
        chosen = pool[position]
        taken.append(chosen)
        scores.append(log_odds[position])
        trace.append(
            (
                n_labeled + len(subsample),
                discriminator.train_accuracy,
                discriminator.h_divergence,
                discriminator.n_epochs,
            )
        )
        available = np.delete(available, np.searchsorted(available, chosen))
        is_read = candidates == "subsample"
        Z_labeled = stack(Z_labeled, Z_subsample[position] if is_read else read(chosen))
    n_trained_on, train_accuracy, divergence, n_epochs = map(np.array, zip(*trace, strict=True))
    return Bunch(
        rows=np.concatenate(taken),
        scores=np.concatenate(scores),
        mini_query=np.repeat(np.arange(len(taken)), [len(part) for part in taken]),
        n_trained_on=n_trained_on,
        train_accuracy=train_accuracy,
        h_divergence=divergence,
        n_epochs=n_epochs,
    )


def _check_positions(position: np.ndarray, size: int, n_candidates: int) -> None:
    """Catch a user's own rule that returns anything else than it should."""
    if (
        position.dtype.kind not in "iu"
        or position.shape != (size,)
        or len(np.unique(position)) < size
        or not ((position >= 0) & (position < n_candidates)).all()
    ):
        raise ValueError(
            f"selection returned {position!r}; a rule must return {size} different integers from "
            f"0 to {n_candidates - 1}: positions among the candidates, not row numbers."
        )


class _Note:
    """Add to an error that passes through where it happened."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            error.add_note(self.text)
