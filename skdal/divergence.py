"""Can labeled rows still be told from unlabeled ones? H-divergence on rows held out, tested."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from scipy.stats import norm
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.parallel import Parallel, delayed

from skdal._arguments import checked_arguments
from skdal._fitting import fit_seeded
from skdal._seeding import MAX_SEED, seeded
from skdal._torch import skorch_nets, torch_random_state_kept

__all__ = ["HDivergenceTest", "h_divergence_test"]


class HDivergenceTest(NamedTuple):
    """What :func:`h_divergence_test` found.

    Parameters
    ----------
    divergence : float
        From -2 to 2, 0 on average where labeled rows are random ones.

    limit : float
        Upper confidence limit of the divergence.

    p_value : float
        Share of the permutations that reach the divergence; at least
        ``1 / (n_permutations + 1)``. Small: the sets can be told apart.

    null : ndarray of float of shape (n_permutations,)
        The divergences of the permutations.

    Examples
    --------
    >>> import numpy as np
    >>> from skdal.divergence import HDivergenceTest
    >>> HDivergenceTest(0.5, 0.7, 0.01, np.zeros(99)).limit
    0.7
    """

    divergence: float
    limit: float
    p_value: float
    null: np.ndarray


@checked_arguments(
    {
        "discriminator": [HasMethods(["fit", "predict"]), None],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "n_permutations": [Interval(Integral, 1, None, closed="left")],
        "confidence": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }
)
def h_divergence_test(
    Z: Any,
    is_unlabeled: ArrayLike,
    discriminator: Any = None,
    *,
    cv: int = 5,
    n_permutations: int = 100,
    confidence: float = 0.95,
    random_state: Any = None,
    n_jobs: int | None = None,
) -> HDivergenceTest:
    r"""Test if a discriminator tells labeled from unlabeled rows that it has not seen.

    .. math::
        d = \frac{1}{K} \sum_{k=1}^{K} 2 \left( \frac{1}{|U_k|} \sum_{x \in U_k} h_k(x)
            - \frac{1}{|L_k|} \sum_{x \in L_k} h_k(x) \right)

    where :math:`h_k` is 1 where the discriminator says "unlabeled", trained on all folds but
    the k-th. Unlike :func:`~skdal.metrics.h_divergence` of the rows that it was trained on, this
    does not grow with what it learns by heart; and unlike the definition in section 3.1 of [1]_
    it has no absolute value, which would turn chance into divergence, the more the fewer rows
    there are. Random labeled rows have a mean of about 0. Where ``Z`` is X itself, below 0 are
    labeled rows that keep their distance from each other, as those that DAL chooses do: near to
    one held out there are fewer labeled rows than chance would put there. That is no way of being
    told apart, so the test has one side.

    The hypothesis is that the rows of ``Z`` may change sides. Random labeled rows of X may; what
    a model predicts for the rows that it was trained on, and for others, may not.

    The labels are permuted within the folds, and the discriminator is trained anew on each
    permutation. (To permute the labels under predictions made once is quicker, but wrong: the
    folds train on one another.)

    Parameters
    ----------
    Z : array-like or sparse matrix of shape (n_rows, n_features)
        Representation of labeled and unlabeled rows.

    is_unlabeled : array-like of bool of shape (n_rows,)
        Which rows are unlabeled. The two sets count the same whatever their sizes, but most
        discriminators lean to the larger, so leave out rows of that one.

    discriminator : classifier or None, default=None
        Cloned. None is least squares on 100 Gaussian kernels (Nystroem) of the standardized
        features. It finds about what a support vector machine finds, and one training serves
        all permutations; any other classifier is trained ``cv * (n_permutations + 1)`` times.

    cv : int, default=5
        Folds.

    n_permutations : int, default=100
        At least ``1 / (1 - confidence) - 1``. With no more than that the limit leans on the one
        most extreme.

    confidence : float, default=0.95
        Of the upper limit, one-sided.

    random_state : int, RandomState instance or None, default=None
        Draws folds and permutations, and seeds every ``random_state`` of the discriminator
        that is None, and skorch nets. All trainings have the same seeds.

    n_jobs : int or None, default=None
        Processes for the permutations of a discriminator that is not the default. The result
        does not depend on it.

    Returns
    -------
    HDivergenceTest
        A named tuple of ``divergence``, ``limit``, ``p_value`` and ``null``. The limit is the
        divergence, 0 if it is below, less the lower quantile of the permutations: it takes
        their spread, that of random labels, for the spread of the divergence. It is no narrower
        than with answers by the toss of a coin, whose spread is ``sqrt(1/n_L + 1/n_U)``: a
        discriminator that answers the same for all rows has no spread, and found out no more.

    Raises
    ------
    ValueError
        If a parameter is out of range, ``n_permutations`` are too few for ``confidence``,
        ``is_unlabeled`` has another length than ``Z``, or there are fewer labeled or unlabeled
        rows than folds.

    See Also
    --------
    skdal.DivergenceStop : The stopping rule made of it.

    Notes
    -----
    Divergence and limit are of what this discriminator finds on average, trained on so many rows,
    not of the H-divergence, which is the most that any could find: a limit near 0 rules out no
    difference that this discriminator is blind to. A large p-value says nothing where rows are
    few. The limit does: it is wide then. Without divergence it is at about 3.6 / sqrt(n) with
    n rows on each side.

    References
    ----------
    .. [1] Gissin and Shalev-Shwartz, "Discriminative Active Learning", 2019,
       arXiv:1907.06347.

    .. [2] Ojala and Garriga, "Permutation Tests for Studying Classifier Performance", JMLR 11,
       2010.

    Examples
    --------
    >>> import numpy as np
    >>> from skdal.divergence import h_divergence_test
    >>> rng = np.random.RandomState(0)
    >>> Z, is_unlabeled = rng.normal(size=(400, 2)), np.arange(400) >= 200
    >>> test = h_divergence_test(Z, is_unlabeled, random_state=0)
    >>> test.p_value > 0.05  # random rows are labeled
    True
    >>> Z[is_unlabeled] += 1  # labels are missing on one side
    >>> test = h_divergence_test(Z, is_unlabeled, random_state=0)
    >>> test.divergence > 0.5, test.p_value < 0.01
    (True, True)
    """
    check_n_permutations(n_permutations, confidence)
    # Networks take single precision alone.
    is_net = discriminator is not None and skorch_nets(discriminator)
    dtype = np.float32 if is_net else [np.float64, np.float32]
    Z = check_array(Z, accept_sparse="csr", dtype=dtype)
    y = np.asarray(is_unlabeled, dtype=bool).astype(np.int64)
    if y.shape != (Z.shape[0],):
        raise ValueError(
            f"is_unlabeled has shape {y.shape}, but Z has {Z.shape[0]} rows; they must be as many."
        )
    if min(y.sum(), (1 - y).sum()) < cv:
        raise ValueError(
            f"cv={cv} folds need as many labeled and unlabeled rows at least, but there are "
            f"{(1 - y).sum()} and {y.sum()}; lower cv, or wait for more labels."
        )
    rng = check_random_state(random_state)
    folds = StratifiedKFold(cv, shuffle=True, random_state=rng.randint(MAX_SEED))
    fold = np.empty(len(y), dtype=int)
    for number, (_, test) in enumerate(folds.split(y, y)):
        fold[test] = number
    if discriminator is None:
        n_train = len(y) - np.bincount(fold).max()
        model = seeded(default_discriminator(n_train, sparse=sp.issparse(Z)), rng)
    else:
        model = seeded(discriminator, rng)
    Y = np.column_stack([y, _permuted(y, fold, n_permutations, rng)])
    seed = rng.randint(MAX_SEED)
    if discriminator is None:
        # Least squares treats each output as if it were the only one, and inverts one matrix
        # for all.
        divergences = _divergence(model, Z, Y, fold, seed)
    else:
        tasks = (delayed(_divergence)(model, Z, column, fold, seed) for column in Y.T)
        divergences = np.array(Parallel(n_jobs=n_jobs)(tasks))
    divergence, null = divergences[0], divergences[1:]
    lower = np.quantile(null, 1 - confidence, method="lower")
    # Equal counts may differ by rounding.
    n_reached = np.sum(null >= divergence - 1e-9)
    width = max(-lower, least_width(confidence, len(y) - y.sum(), y.sum()))
    return HDivergenceTest(
        float(divergence),
        float(min(max(divergence, 0) + width, 2)),
        float((n_reached + 1) / (n_permutations + 1)),
        null,
    )


def least_width(confidence: float, n_labeled: int, n_unlabeled: int) -> float:
    """Return how far above the divergence its upper limit is at least.

    Parameters
    ----------
    confidence : float
        Of the limit.

    n_labeled, n_unlabeled : int
        How many rows are compared.

    Returns
    -------
    float
        The quantile of the divergence of answers by the toss of a coin.

    Examples
    --------
    >>> from skdal.divergence import least_width
    >>> round(least_width(0.95, 100, 100), 3)
    0.233
    """
    return float(norm.ppf(confidence) * np.sqrt(1 / n_labeled + 1 / n_unlabeled))


def check_n_permutations(n_permutations: int, confidence: float) -> None:
    """Check that so many permutations have a quantile for the confidence.

    Parameters
    ----------
    n_permutations : int
        How many.

    confidence : float
        Of the limit.

    Raises
    ------
    ValueError
        If they are too few.

    Examples
    --------
    >>> from skdal.divergence import check_n_permutations
    >>> check_n_permutations(19, 0.95)
    """
    # The rounding of 1 - confidence must not ask for one more.
    needed = int(np.ceil(1 / (1 - confidence) - 1 - 1e-6))
    if n_permutations < needed:
        raise ValueError(
            f"n_permutations={n_permutations} cannot hold confidence={confidence}, which takes "
            f"{needed} at least; raise the one, or lower the other."
        )


def default_discriminator(n_rows: int, *, sparse: bool = False) -> Pipeline:
    """Return the discriminator that :func:`h_divergence_test` has for None.

    Parameters
    ----------
    n_rows : int
        How many rows it is to be trained on; it has no more kernels than that, and 100 at most.

    sparse : bool, default=False
        Whether they are sparse, and so cannot be centered.

    Returns
    -------
    Pipeline
        Not fitted.

    Examples
    --------
    >>> from skdal.divergence import default_discriminator
    >>> default_discriminator(40).named_steps["nystroem"].n_components
    40
    """
    scaler = StandardScaler(with_mean=not sparse)
    return make_pipeline(scaler, Nystroem(n_components=min(100, n_rows)), RidgeClassifier())


def _permuted(
    y: np.ndarray, fold: np.ndarray, n_permutations: int, rng: np.random.RandomState
) -> np.ndarray:
    """Return permutations of the labels within each fold, one a column."""
    permuted = np.empty((len(y), n_permutations), dtype=y.dtype)
    for number in np.unique(fold):
        rows = np.flatnonzero(fold == number)
        for column in range(n_permutations):
            permuted[rows, column] = y[rng.permutation(rows)]
    return permuted


def _divergence(model: Any, Z: Any, y: np.ndarray, fold: np.ndarray, seed: int) -> Any:
    """Return the mean over the folds, for each column of y if it has some."""
    divergences = []
    for number in np.unique(fold):
        test = fold == number
        with torch_random_state_kept():
            predicted = fit_seeded(model, Z[~test], y[~test], seed).predict(Z[test])
        truth = y[test]
        unlabeled = (predicted * truth).sum(axis=0) / truth.sum(axis=0)
        labeled = (predicted * (1 - truth)).sum(axis=0) / (1 - truth).sum(axis=0)
        divergences.append(2 * (unlabeled - labeled))
    return np.mean(divergences, axis=0)
