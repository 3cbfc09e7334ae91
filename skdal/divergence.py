"""Can labeled rows still be told from unlabeled ones? H-divergence on rows held out, tested."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import StratifiedKFold, permutation_test_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, validate_params

from skdal._seeding import MAX_SEED, seeded


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


@validate_params(
    {
        "discriminator": [HasMethods(["fit", "predict"]), None],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "n_permutations": [Interval(Integral, 1, None, closed="left")],
        "confidence": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    },
    prefer_skip_nested_validation=True,
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
    there are. Random labeled rows have a mean of about 0. Below 0 are labeled rows that
    keep their distance from each other, as those that DAL chooses do: near to one held out there
    are fewer labeled rows than chance would put there. That is no way of being told apart, so
    the test has one side.

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
        At least ``1 / (1 - confidence)``, or the limit leans on the one most extreme.

    confidence : float, default=0.95
        Of the upper limit, one-sided.

    random_state : int, RandomState instance or None, default=None
        Draws folds and permutations, and seeds every ``random_state`` of the discriminator
        that is None.

    n_jobs : int or None, default=None
        Processes for the permutations of a discriminator that is not the default. The result
        does not depend on it.

    Returns
    -------
    HDivergenceTest
        A named tuple of ``divergence``, ``limit``, ``p_value`` and ``null``. The limit is the
        divergence, 0 if it is below, less the lower quantile of the permutations: it takes
        their spread, that of random labels, for the spread of the divergence.

    Raises
    ------
    ValueError
        If a parameter is out of range, ``is_unlabeled`` has another length than ``Z``, or
        there are fewer labeled or unlabeled rows than folds.

    See Also
    --------
    skdal.DivergenceStop : The stopping rule made of it.

    Notes
    -----
    A divergence is a lower bound: what this discriminator finds, trained on so many rows. A
    large p-value says nothing where they are few. The limit does: it is wide then. Without
    divergence it is at about 3 / sqrt(n) with n rows on each side.

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
    Z = check_array(Z, accept_sparse="csr", dtype=[np.float64, np.float32])
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
    splits = list(folds.split(y, y))
    for number, (_, test) in enumerate(splits):
        fold[test] = number
    if discriminator is None:
        n_train = len(y) - np.bincount(fold).max()
        model = seeded(default_discriminator(n_train, sparse=sp.issparse(Z)), rng)
        divergence, null = _all_at_once(model, Z, y, fold, n_permutations, rng)
    else:
        accuracy, accuracies, _ = permutation_test_score(
            seeded(discriminator, rng),
            Z,
            y,
            groups=fold,
            cv=splits,
            n_permutations=n_permutations,
            scoring="balanced_accuracy",
            random_state=rng.randint(MAX_SEED),
            n_jobs=n_jobs,
        )
        divergence, null = 4 * accuracy - 2, 4 * accuracies - 2
    lower = np.quantile(null, 1 - confidence, method="lower")
    # Equal counts may differ by rounding.
    n_reached = np.sum(null >= divergence - 1e-9)
    return HDivergenceTest(
        float(divergence),
        float(min(max(divergence, 0) - lower, 2)),
        float((n_reached + 1) / (n_permutations + 1)),
        null,
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


def _all_at_once(
    model: Pipeline,
    Z: Any,
    y: np.ndarray,
    fold: np.ndarray,
    n_permutations: int,
    rng: np.random.RandomState,
) -> tuple[float, np.ndarray]:
    """Train on the labels and all their permutations as on so many outputs.

    Least squares treats each output as if it were the only one, and inverts one matrix for all.
    """
    Y = np.tile(y[:, None], n_permutations + 1)
    for number in np.unique(fold):
        rows = np.flatnonzero(fold == number)
        for output in range(1, n_permutations + 1):
            Y[rows, output] = y[rng.permutation(rows)]
    divergences = []
    for number in np.unique(fold):
        test = fold == number
        predicted = model.fit(Z[~test], Y[~test]).predict(Z[test])
        truth = Y[test]
        unlabeled = (predicted * truth).sum(axis=0) / truth.sum(axis=0)
        labeled = (predicted * (1 - truth)).sum(axis=0) / (1 - truth).sum(axis=0)
        divergences.append(2 * (unlabeled - labeled))
    divergence = np.mean(divergences, axis=0)
    return divergence[0], divergence[1:]
