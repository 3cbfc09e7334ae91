"""How samplers rank the same pool after the first round: section 5.5 of the paper."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import _num_samples
from tqdm.auto import tqdm

from skdal._arguments import checked_arguments
from skdal._binding import check_sampler, fit_bound, last
from skdal._fitting import fit_seeded
from skdal._oracle import given_labels
from skdal._pool import take
from skdal._seeding import seeded
from skdal.experiments.seeds import seed_of
from skdal.loop import can_train, initial_rows


@checked_arguments(
    {
        "samplers": [Mapping],
        "estimator": [HasMethods(["fit", "predict"])],
        "n_initial": [Interval(Integral, 1, None, closed="left")],
        "n_rows": [Interval(Integral, 2, None, closed="left"), None],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "random_state": [Interval(Integral, 0, None, closed="left")],
        "verbose": ["verbose"],
    }
)
def rank(
    samplers: Mapping[str, Any],
    estimator: Any,
    X: Any,
    y: ArrayLike,
    *,
    n_initial: int = 20,
    n_rows: int | None = None,
    n_repeats: int = 1,
    random_state: int = 0,
    verbose: int = 0,
) -> list[dict[str, Any]]:
    """Score the pool by several samplers, after the task model is trained for the first time.

    Within a repeat all samplers learn from the same labeled rows, work with the same trained
    model and score the same rows, those to label sooner higher. As in
    :func:`~skdal.experiments.compare`, another sampler or repeat changes none that was there.

    Parameters
    ----------
    samplers : mapping of str to sampler
        The samplers, by the names that the results give them. Each must have
        ``score_samples``: one that chooses at random, or a set, ranks nothing.

    estimator : classifier or regressor
        The task model.

    X : array-like, sparse matrix, DataFrame or list, of n_all_rows rows
        All rows.

    y : array-like of shape (n_all_rows,) or (n_all_rows, n_outputs)
        All their labels. Model and samplers see those of the start.

    n_initial : int, default=20
        Labels at the start, see :func:`~skdal.loop.initial_rows`.

    n_rows : int, default=None
        Rows of the pool to score, drawn at random. None scores them all.

    n_repeats : int, default=1
        How often to do it, each time from another start.

    random_state : int, default=0
        Seeds all there is. Unlike elsewhere it must be an int.

    verbose : int, default=0
        Whether to show a progress bar, which counts samplers.

    Returns
    -------
    list of dict
        One for every sampler and repeat: ``sampler``, its name; ``repeat``, counted from 0;
        ``rows``, ndarray of int of shape (n_rows,), those that were scored; ``scores``,
        ndarray of float of shape (n_rows,). :func:`~skdal.experiments.agreement` compares
        them, and ``pandas.DataFrame(results).explode(["rows", "scores"])`` is a table of all.

    Raises
    ------
    ValueError
        If there is no sampler, one of them has no scores, a parameter is out of range, or the
        data do not suffice.
    TypeError
        If one of the samplers is something else.

    References
    ----------
    Gissin and Shalev-Shwartz, "Discriminative Active Learning", 2019, arXiv:1907.06347,
    section 5.5.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdal import DiscriminativeSampler, UncertaintySampler
    >>> from skdal.datasets import load
    >>> from skdal.experiments import agreement, rank
    >>> digits = load("digits")
    >>> samplers = {
    ...     "entropy": UncertaintySampler(),
    ...     "margin": UncertaintySampler(measure="margin"),
    ...     "discriminative": DiscriminativeSampler(LogisticRegression(), random_state=0),
    ... }
    >>> results = rank(samplers, LogisticRegression(), digits.X, digits.y)
    >>> for line in agreement(results):
    ...     print(line["sampler"], line["other"], line["spearman"] > 0.5)
    entropy margin True
    entropy discriminative False
    margin discriminative False
    """
    check_scores(samplers)
    n_all = _num_samples(X)
    y = given_labels(
        estimator, y, n_all, cure="Leave those rows out: the start is drawn from all rows."
    )
    if n_initial + (n_rows or 2) > n_all:
        raise ValueError(
            f"n_initial={n_initial} and n_rows={n_rows} are more than the {n_all} rows of X; lower "
            "one of them, and leave two rows in the pool at least."
        )
    results = []
    with tqdm(total=len(samplers) * n_repeats, unit="ranking", disable=not verbose) as bar:
        for repeat in range(n_repeats):
            # What all samplers share has a seed without a name.
            seed = seed_of(random_state, repeat)
            shared = np.random.RandomState(seed)
            labeled = initial_rows(
                y, n_initial, stratify=is_classifier(estimator), random_state=shared
            )
            if not can_train(estimator, y[labeled]):
                raise ValueError(
                    f"n_initial={n_initial} rows are of a single class; start with more."
                )
            model = fit_seeded(seeded(estimator, shared), take(X, labeled), y[labeled], shared)
            rows = np.setdiff1d(np.arange(n_all), labeled)
            if n_rows is not None:
                rows = np.sort(shared.permutation(rows)[:n_rows])
            for name, sampler in samplers.items():
                bar.set_description(f"repeat {repeat + 1}/{n_repeats}, {name}")
                scores = score_rows(
                    sampler, model, X, y, labeled, rows, random_state=seed_of(seed, name)
                )
                results.append({"sampler": name, "repeat": repeat, "rows": rows, "scores": scores})
                bar.update()
    return results


def check_scores(samplers: Mapping[str, Any]) -> None:
    """Refuse samplers that do not score rows.

    Parameters
    ----------
    samplers : mapping of str to sampler
        The samplers by their names.

    Raises
    ------
    ValueError
        If there is none, or one has no ``score_samples``.
    TypeError
        If one of them is something else.
    """
    if not samplers:
        raise ValueError(
            "samplers is empty; pass at least one, as in {'uncertainty': UncertaintySampler()}."
        )
    for name, sampler in samplers.items():
        check_sampler(f"samplers[{name!r}]", sampler)
        if not hasattr(last(sampler), "score_samples"):
            raise ValueError(
                f"{name!r} cannot be ranked by: {type(last(sampler)).__name__} chooses rows, but "
                "has no scores; leave it out."
            )


def score_rows(
    sampler: Any,
    model: Any,
    X: Any,
    y: np.ndarray,
    labeled_rows: np.ndarray,
    rows: np.ndarray,
    *,
    random_state: int = 0,
) -> np.ndarray:
    """Return how a sampler scores rows with a trained model.

    Parameters
    ----------
    sampler : sampler or Pipeline
        Not changed.

    model : fitted estimator
        The task model, which takes the place of the sampler's ``estimator=None``.

    X : array-like of n_all_rows rows
        All rows.

    y : ndarray of shape (n_all_rows,) or (n_all_rows, n_outputs)
        Labels. Those of ``labeled_rows`` are used, and no others.

    labeled_rows : ndarray of int of shape (n_labeled,)
        Rows that are labeled.

    rows : ndarray of int of shape (n_rows,)
        Rows to score.

    random_state : int, default=0
        Seeds every ``random_state`` of the sampler that is None.

    Returns
    -------
    ndarray of float of shape (n_rows,)
        The scores.
    """
    rng = np.random.RandomState(random_state)
    fitted = fit_bound(sampler, model, X, y[labeled_rows], labeled_rows, rng)
    return np.asarray(fitted.score_samples(take(X, rows)), dtype=float)
