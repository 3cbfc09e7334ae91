"""Discriminative Active Learning, the sampler."""

from __future__ import annotations

from copy import deepcopy
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch, Tags, check_random_state, get_tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _num_samples, check_is_fitted
from tqdm.auto import tqdm

from skdal.discriminators import Discriminator
from skdal.mini_queries import (
    SELECTIONS,
    Selection,
    choose_in_mini_queries,
    draw_subsample,
    mini_query_sizes,
)
from skdal.represented import RepresentationSampler


def _can_score(sampler: DiscriminativeSampler) -> bool:
    if hasattr(sampler, "discriminator_") or not hasattr(sampler, "pool_rows_"):
        return True
    raise AttributeError(
        "score_samples needs a discriminator, and fit trained none because y marks no row as "
        "unlabeled. Call fit with unlabeled rows in X, marked by -1, NaN or None in y."
    )


class DiscriminativeSampler(RepresentationSampler):
    r"""Choose rows that look unlabeled: Discriminative Active Learning (DAL).

    A discriminator learns to tell the labeled rows L from the unlabeled rows U in a
    representation Psi; rows that most surely look unlabeled are what L lacks, so they are
    chosen. A query is split into mini-queries: what one has chosen counts as labeled, though
    its labels are not known yet, when the next trains its discriminator, so that a batch does
    not say the same thing many times (Algorithm 1 of [1]_). No label is read but by the task
    model that learns Psi, so that it serves regression and any other task as well.

    Parameters
    ----------
    discriminator : classifier or None, default=None
        None is :class:`~skdal.MLPDiscriminator`, the paper's multi-layer perceptron. Any
        scikit-learn or skorch classifier, or a Pipeline that ends in one, does as well. Its
        classes are balanced by ``class_weight="balanced"`` where it has this parameter and it
        is None, else by ``sample_weight`` in ``fit``, else by the weight of a skorch net's
        criterion, else not at all. The default standardizes the features; for others use
        ``make_pipeline(StandardScaler(), ...)``. A plain skorch net without callbacks trains
        without its default validation split.

    estimator : estimator, "passthrough" or None, default=None
        The task model whose learned representation is Psi (see
        :func:`~skdal.representation.representation`); it is trained on the labeled rows. One
        that is trained already comes in a :class:`~sklearn.frozen.FrozenEstimator`. None is
        X itself, flattened to two dimensions, and inside a learner the learner's own model,
        if that has a representation. ``"passthrough"`` is X itself in a learner too.

    layer : str or None, default=None
        For a network, the name of the layer whose output is Psi, as in
        ``module.named_modules()``. None is the input of its last linear layer.

    n_mini_queries : int, default=10
        Mini-queries that a query is split into, ``n_instances`` at most (section 4.1).

    pool_ratio : float, default=10
        How many rows of U a mini-query trains on, drawn anew each time: this many times the
        rows of L, or times the rows that it chooses, where these are more (section 4.3). At
        least 2; well above 4, or ``"confident"`` has little to draw from.

    candidates : {"subsample", "pool"}, default="subsample"
        Whether a mini-query chooses among the rows of U that it trained on, or in all of U.
        The first never represents or scores the whole pool, and does not fall for outliers.

    selection : {"confident", "top", "proportional"} or callable, default="confident"
        How a mini-query chooses among the candidates. ``"confident"`` draws uniformly among
        the quarter that look most surely unlabeled; ``"top"`` takes the largest log-odds,
        which is Algorithm 1 to the letter and leans to outliers; ``"proportional"`` draws by
        the softmax of the probability at temperature 0.01. A callable gets the log-odds of
        the candidates, their row numbers, how many to choose and a RandomState, and returns
        that many different positions among the candidates.

    warm_start : bool, default=True
        Whether the discriminator of a mini-query goes on with the weights of the one before;
        the default one shrinks them first, see ``shrink`` in :class:`~skdal.MLPDiscriminator`.
        For others this sets their own ``warm_start``, where they have coefficients to go on
        with; those that would only add trees start from scratch.

    max_candidates : int or None, default=None
        If given, a query looks at a random subset of at most this many rows of the pool.

    random_state : int, RandomState instance or None, default=None
        Fixes what is drawn, and every ``random_state`` of discriminator and estimator that is
        None.

    verbose : int, default=0
        Whether to show a progress bar over the mini-queries.

    Attributes
    ----------
    discriminator_ : classifier
        Trained by ``fit`` on L and a part of U; only if ``y`` left rows unlabeled. Every query
        trains further ones, starting from this, and leaves it as it is.

    h_divergence_ : float
        How well ``discriminator_`` tells its own training rows apart, as the H-divergence of
        section 3.1: from 0 (not at all) to 2 (without a mistake).

    train_accuracy_ : float
        Share of all its training rows that it puts right once it is trained. There are about
        ten times as many unlabeled ones among them.

    n_iter_ : int or None
        Epochs or iterations that it took, where it counts them.

    estimator_ : estimator or None
        The fitted task model.

    labeled_rows_ : ndarray of int
        Rows of fit's X that are labeled.

    pool_rows_ : ndarray of int
        Rows of fit's X that are not.

    n_features_in_ : int
        Second dimension of ``X`` seen in ``fit``.

    feature_names_in_ : ndarray of str
        Column names of ``X`` seen in ``fit``, where it has some.

    See Also
    --------
    MLPDiscriminator : The default discriminator.
    RandomSampler : What it has to beat.

    Notes
    -----
    ``query(..., return_details=True)`` also returns, for every row, ``scores`` (its log-odds
    when it was chosen) and ``mini_query`` (which one chose it), and for every mini-query
    ``n_trained_on``, ``train_accuracy``, ``h_divergence`` and ``n_epochs``.

    References
    ----------
    .. [1] Gissin and Shalev-Shwartz, "Discriminative Active Learning", 2019,
       arXiv:1907.06347.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skdal import DiscriminativeSampler
    >>> X, y = load_digits(return_X_y=True)
    >>> y[100:] = -1  # only the first 100 rows are labeled
    >>> sampler = DiscriminativeSampler(random_state=0).fit(X, y)
    >>> rows = sampler.query(n_instances=20)
    >>> len(rows), bool((y[rows] == -1).all())
    (20, True)
    >>> sampler.score_samples(X[rows]).shape
    (20,)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **RepresentationSampler._parameter_constraints,
        "discriminator": "no_validation",
        "n_mini_queries": [Interval(Integral, 1, None, closed="left")],
        "pool_ratio": [Interval(Real, 2, None, closed="left")],
        "candidates": [StrOptions({"subsample", "pool"})],
        "selection": [StrOptions(set(SELECTIONS)), callable],
        "warm_start": ["boolean"],
        "max_candidates": [Interval(Integral, 1, None, closed="left"), None],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        discriminator: Any = None,
        *,
        estimator: Any = None,
        layer: str | None = None,
        n_mini_queries: int = 10,
        pool_ratio: float = 10,
        candidates: str = "subsample",
        selection: str | Selection = "confident",
        warm_start: bool = True,
        max_candidates: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.discriminator = discriminator
        self.estimator = estimator
        self.layer = layer
        self.n_mini_queries = n_mini_queries
        self.pool_ratio = pool_ratio
        self.candidates = candidates
        self.selection = selection
        self.warm_start = warm_start
        self.max_candidates = max_candidates
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        if self._in_x() and isinstance(self.discriminator, BaseEstimator):
            tags.input_tags.sparse = get_tags(self.discriminator).input_tags.sparse
        return tags

    def _fit(self, X: Any, y: np.ndarray | None) -> None:
        rng = check_random_state(self.random_state)
        discriminator = Discriminator(
            self.discriminator, warm_start=self.warm_start, random_state=rng
        )
        self._fit_estimator(X, y, rng)
        read = self._reader(X)
        self._Z_labeled = read(self.labeled_rows_)
        self._discriminator = discriminator
        if len(self.pool_rows_):
            n_rows = np.ceil(self.pool_ratio * len(self.labeled_rows_))
            n_rows = int(min(len(self.pool_rows_), n_rows))
            discriminator.fit(self._Z_labeled, read(draw_subsample(self.pool_rows_, n_rows, rng)))
            self.discriminator_ = discriminator.model
            self.h_divergence_ = discriminator.h_divergence
            self.train_accuracy_ = discriminator.train_accuracy
            self.n_iter_ = discriminator.n_epochs

    def _select(
        self, X: Any, rows: np.ndarray, n_instances: int, random_state: np.random.RandomState
    ) -> Bunch:
        select = self.selection
        # With warm_start the first mini-query goes on where fit ended.
        discriminator = deepcopy(self._discriminator)
        discriminator.warm_start = self.warm_start
        read = self._reader(X)
        sizes = mini_query_sizes(n_instances, self.n_mini_queries)
        return choose_in_mini_queries(
            discriminator,
            read,
            self._Z_labeled,
            rows,
            tqdm(sizes, desc="mini-queries", disable=not self.verbose),
            pool_ratio=self.pool_ratio,
            candidates=self.candidates,
            select=select if callable(select) else SELECTIONS[select],
            random_state=random_state,
        )

    @available_if(_can_score)
    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """Return the log-odds of being unlabeled, by the discriminator of ``fit``.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_rows, ...)
            Rows like those of ``fit``.

        Returns
        -------
        ndarray of float of shape (n_rows,)
            Higher: label sooner. Log-odds do not saturate, as probabilities would, unless all
            that the discriminator has are probabilities of exactly 0 and 1, as forests and
            neighbors do.

        Raises
        ------
        ValueError
            If ``X`` has no rows, or does not go with the X of ``fit``.
        """
        check_is_fitted(self)
        X = self._check_X(X, reset=False)
        read = self._reader(X, remember=False)
        return read.map(self._discriminator.log_odds, np.arange(_num_samples(X)))
