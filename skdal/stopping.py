"""When to stop labeling: once labeled rows can no longer be told from unlabeled ones."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from skdal._fitting import fit_seeded
from skdal._pool import stack, take
from skdal._seeding import MAX_SEED
from skdal._torch import modes_kept, torch_random_state_kept, unfrozen
from skdal.divergence import check_n_permutations, h_divergence_test, least_width
from skdal.mini_queries import draw_subsample
from skdal.represented import RepresentationEstimator

__all__ = ["DivergenceStop"]


class DivergenceStop(RepresentationEstimator):
    """Stop labeling once labeled rows can no longer be told from unlabeled ones.

    A discriminator, the idea of DAL, is trained to tell labeled rows L from unlabeled rows U, and
    tried on rows held out (:func:`~skdal.divergence.h_divergence_test`). To find nothing is no
    proof that there is nothing, least of all with few labels; so the rule stops only where the
    upper confidence limit of the divergence is below ``tolerance``. Even with no divergence at
    all that takes some ``(3.6 / tolerance) ** 2`` labels, and as many rows without one.

    It sees one of two things. In the *predictions* of the task model it sees how differently the
    model treats the rows that it was trained on, the mark of a model that has learned them by
    heart: it falls as the model generalizes. In a *representation* that no label has shaped it
    sees whether the labeled rows lie where the pool lies, which tells nothing of the
    accuracy, and which random rows do from the first.

    The predictions are for models that are surer of the rows that they know, and less so the more
    rows they know, as networks and logistic regression are. A forest is always much surer of
    them, and is not stopped. Naive Bayes, boosted stumps or pruned trees are about as sure of
    all rows, and are stopped at the number of labels above, whatever their accuracy.

    Parameters
    ----------
    estimator : estimator, "passthrough" or None, default=None
        The task model, trained on the labeled rows. One that is trained already, on these rows,
        comes in a :class:`~sklearn.frozen.FrozenEstimator`. None is X itself, flattened to two
        dimensions, and inside a learner the learner's own model, but X itself where ``space`` is
        "representation" and that model has none. ``"passthrough"`` is X itself in a learner too.

    space : {"prediction", "representation"}, default="prediction"
        What of the task model is compared: the logarithms of its class probabilities, the
        ten largest in falling order, which takes a model with ``predict_proba``; or its learned
        representation (see :func:`~skdal.representation.representation`). X itself is X itself
        in both.

    tolerance : float, default=0.2
        The divergence that is as good as none, above 0 and up to 2: a discriminator with a
        divergence d is right in ``1/2 + d/4`` of the rows, if L and U are as large.

    layer : str or None, default=None
        For the representation of a network, the name of its layer, as in
        ``module.named_modules()``. None is the input of its last linear layer.

    discriminator : classifier or None, default=None
        See :func:`~skdal.divergence.h_divergence_test`: the default is quick, any other is
        trained ``cv * (n_permutations + 1)`` times.

    cv : int, default=5
        Folds. With fewer labeled or unlabeled rows it does not test, and does not stop.

    n_permutations : int, default=100
        What the confidence limit is made of; at least ``1 / (1 - confidence) - 1``.

    confidence : float, default=0.95
        Of the limit.

    max_rows : int, default=1000
        How many labeled and how many unlabeled rows are compared. As many are drawn at random
        from each side: this many, or all of the smaller side if that is less. A low
        ``tolerance`` takes more: with 1,000 the limit reaches 0.11 where nothing is found.

    random_state : int, RandomState instance or None, default=None
        Draws rows, folds and permutations, and seeds every ``random_state`` of estimator and
        discriminator that is None.

    n_jobs : int or None, default=None
        Processes for a discriminator that is not the default.

    Attributes
    ----------
    stop_ : bool
        Whether to stop: ``limit_ < tolerance``, or no row is left to label.

    divergence_ : float
        From -2 to 2. Below 0 in X itself: labeled rows keep apart from each other more than
        random ones. NaN if it was not tested.

    limit_ : float
        Upper confidence limit of the divergence that this discriminator finds on average, not
        of what any could find. NaN if it was not tested: one side has fewer rows than folds, or
        all rows compared are the same, as the probabilities of a tree grown to its end are.

    p_value_ : float
        In X itself, of the hypothesis that the labeled rows are random ones. Elsewhere, of the
        hypothesis that the model treats them as if it had not been trained on them, which is
        known to be false; there ``limit_`` is what counts. NaN if it was not tested.

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
    skdal.divergence.h_divergence_test : The test on arrays.
    DiscriminativeSampler : The sampler with the same idea.

    Notes
    -----
    Asked after every query, the rule has as many chances to stop early by luck; a higher
    ``confidence`` makes up for it. A sampler that seeks outliers, such as greedy core-set, labels
    rows that differ from the pool for good, and may never be stopped. Nor is a loop with a small
    pool, where too few unlabeled rows are left to compare by the time there are labels enough.

    References
    ----------
    .. [1] Gissin and Shalev-Shwartz, "Discriminative Active Learning", 2019, arXiv:1907.06347;
       section 3.1.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdal import DivergenceStop
    >>> X, y = load_digits(return_X_y=True)
    >>> unsorted = y.copy()
    >>> unsorted[500:] = -1  # the first 500 rows are labeled
    >>> rule = DivergenceStop(random_state=0).fit(X, unsorted)
    >>> rule.divergence_ < rule.limit_
    True
    >>> low = y.copy()
    >>> low[y > 4] = -1  # labels for the digits from 0 to 4 alone
    >>> rule = DivergenceStop(random_state=0).fit(X, low)
    >>> rule.divergence_ > 1, rule.stop_
    (True, False)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **RepresentationEstimator._parameter_constraints,
        "space": [StrOptions({"prediction", "representation"})],
        "tolerance": [Interval(Real, 0, 2, closed="right")],
        "discriminator": [HasMethods(["fit", "predict"]), None],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "n_permutations": [Interval(Integral, 1, None, closed="left")],
        "confidence": [Interval(Real, 0, 1, closed="neither")],
        "max_rows": [Interval(Integral, 2, None, closed="left")],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        space: str = "prediction",
        tolerance: float = 0.2,
        layer: str | None = None,
        discriminator: Any = None,
        cv: int = 5,
        n_permutations: int = 100,
        confidence: float = 0.95,
        max_rows: int = 1000,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.space = space
        self.tolerance = tolerance
        self.layer = layer
        self.discriminator = discriminator
        self.cv = cv
        self.n_permutations = n_permutations
        self.confidence = confidence
        self.max_rows = max_rows
        self.random_state = random_state
        self.n_jobs = n_jobs

    @property
    def _needs_labels(self) -> bool:
        return self._learns_psi()

    def _wants(self, model: Any) -> bool:
        # A model without probabilities is refused in fit: X itself would be another rule.
        return self.space == "prediction" or super()._wants(model)

    def _fit_estimator(self, X: Any, y: np.ndarray | None, random_state: Any) -> None:
        if self.space == "representation" or self._in_x():
            super()._fit_estimator(X, y, random_state)
            return
        if not hasattr(self.estimator, "predict_proba"):
            raise ValueError(
                f"estimator={unfrozen(self.estimator)!r} has no predict_proba, and "
                "space='prediction' compares class probabilities; set space='representation', "
                "or estimator='passthrough' to compare the rows of X."
            )
        self.estimator_ = fit_seeded(self.estimator, take(X, self.labeled_rows_), y, random_state)

    def _fit(self, X: Any, y: np.ndarray | None) -> None:
        self._check_attainable()
        rng = check_random_state(self.random_state)
        self._fit_estimator(X, y, rng)
        n_rows = min(len(self.labeled_rows_), len(self.pool_rows_), self.max_rows)
        self.divergence_ = self.limit_ = self.p_value_ = np.nan
        if n_rows >= self.cv:
            sides = [draw_subsample(r, n_rows, rng) for r in (self.labeled_rows_, self.pool_rows_)]
            Z = stack(*[self._read(X, rows) for rows in sides])
            # Where all rows are the same there is nothing to find, with however many labels.
            if sp.issparse(Z) or (Z[0] != Z).any():
                self.divergence_, self.limit_, self.p_value_, _ = h_divergence_test(
                    Z,
                    np.repeat([False, True], n_rows),
                    self.discriminator,
                    cv=self.cv,
                    n_permutations=self.n_permutations,
                    confidence=self.confidence,
                    random_state=rng.randint(MAX_SEED),
                    n_jobs=self.n_jobs,
                )
        # Without a test the limit is NaN, which is below nothing.
        self.stop_ = bool(self.limit_ < self.tolerance) or not len(self.pool_rows_)
        # A rule answers once, and a learner keeps it.
        del self._X

    def _check_attainable(self) -> None:
        check_n_permutations(self.n_permutations, self.confidence)
        width = least_width(self.confidence, self.max_rows, self.max_rows)
        if self.max_rows < self.cv or width >= self.tolerance:
            raise ValueError(
                f"max_rows={self.max_rows} is too low to ever stop: cv={self.cv} folds take as "
                f"many rows, and the limit stays above {width:.2g}, where tolerance="
                f"{self.tolerance} is to be passed; raise max_rows or tolerance."
            )

    def _read(self, X: Any, rows: np.ndarray) -> Any:
        if self.space == "representation" or self.estimator_ is None:
            return self._reader(X, remember=False)(rows)
        with torch_random_state_kept(), modes_kept(self.estimator_):
            return _sorted_log_proba(self.estimator_.predict_proba(take(X, rows)))


def _sorted_log_proba(proba: Any) -> np.ndarray:
    """Return how sure a model is, whatever it is sure of: labels of all classes alike."""
    # A list has the probabilities of several outputs.
    parts = proba if isinstance(proba, list) else [proba]
    largest = [-np.sort(-np.asarray(part, dtype=float), axis=1)[:, :10] for part in parts]
    # Networks reach exactly 0, at which the logarithm has no end.
    return np.log(np.hstack(largest).clip(min=1e-13))
