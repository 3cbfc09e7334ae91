"""DFAL: rows that a small perturbation makes another class of."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from skdal.acquisition import NetworkSampler

if TYPE_CHECKING:
    from torch import nn

# Infinitely far, in a number that is finite.
_NEVER = -np.finfo(np.float64).max


class DeepFoolSampler(NetworkSampler):
    """Choose the rows nearest to a decision boundary, as DeepFool measures it (DFAL).

    The distance of a row is the L2 norm of the perturbation by which DeepFool [1]_, step by
    step toward the nearest boundary of the linearized network, changes its predicted class
    [2]_. Scores are the distances with a minus sign. Rows that it cannot change come last, with
    the least score that a float can be, and a warning counts them.

    Parameters
    ----------
    estimator : classifier or None, default=None
        The task model, differentiable: a skorch classifier or one of :mod:`skdal.neural`, a
        ``LogisticRegression``, an ``MLPClassifier``, or a Pipeline that ends in one, in which
        distances are those of what its last step gets. It is trained on the labeled rows.
        One that is trained already comes in a :class:`~sklearn.frozen.FrozenEstimator`. None
        is, inside a learner, the learner's own model.

    n_classes : int or None, default=None
        How many classes are tried, the most probable ones of a row, its own included. None is
        all of them.

    max_iter : int, default=10
        Steps at most.

    overshoot : float, default=0.02
        Share of the perturbation that is added to step over the boundary, not onto it.

    clip : pair of float or None, default=None
        Least and largest value that an input of the network may take, ``(0, 1)`` for images.

    max_candidates : int or None, default=None
        If given, a query looks at a random subset of at most this many rows of the pool.

    random_state : int, RandomState instance or None, default=None
        Seeds every ``random_state`` of the estimator that is None, and draws among rows of equal
        value where not all can be taken.

    Attributes
    ----------
    estimator_ : estimator
        The fitted task model.

    labeled_rows_ : ndarray of int
        Rows of fit's X that are labeled.

    pool_rows_ : ndarray of int
        Rows of fit's X that are not.

    n_features_in_ : int
        Second dimension of ``X`` seen in ``fit``, where it has one.

    feature_names_in_ : ndarray of str
        Column names of ``X`` seen in ``fit``, where it has some.

    Warns
    -----
    UserWarning
        In ``query``, if some rows kept their class for ``max_iter`` steps.

    References
    ----------
    .. [1] Moosavi-Dezfooli, Fawzi and Frossard, "DeepFool", CVPR 2016, arXiv:1511.04599,
       algorithm 2.
    .. [2] Ducoffe and Precioso, "Adversarial Active Learning for Deep Networks: a Margin Based
       Approach", 2018, arXiv:1802.09841.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skdal import DeepFoolSampler
    >>> X, y = load_iris(return_X_y=True)
    >>> y[5:50] = y[55:100] = y[105:] = -1  # five labels a class
    >>> model = MLPClassifier((20,), solver="lbfgs", alpha=0.1, max_iter=500, random_state=0)
    >>> sampler = DeepFoolSampler(model).fit(X, y)
    >>> sampler.query(n_instances=5).shape
    (5,)
    """

    _cuts_batches = True

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **NetworkSampler._parameter_constraints,
        "n_classes": [Interval(Integral, 2, None, closed="left"), None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "overshoot": [Interval(Real, 0, None, closed="left")],
        "clip": [tuple, list, None],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        n_classes: int | None = None,
        max_iter: int = 10,
        overshoot: float = 0.02,
        clip: Sequence[float] | None = None,
        max_candidates: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.n_classes = n_classes
        self.max_iter = max_iter
        self.overshoot = overshoot
        self.clip = clip
        self.max_candidates = max_candidates
        self.random_state = random_state

    def _validate_params(self) -> None:
        super()._validate_params()
        clip = self.clip
        if clip is not None and not (
            len(clip) == 2 and all(isinstance(c, Real) for c in clip) and clip[0] < clip[1]
        ):
            raise ValueError(f"clip={clip!r} must be a pair (low, high) with low < high, or None.")

    def _values(self, module: nn.Module, x: Any) -> np.ndarray:
        from skdal.neural.deepfool import deepfool

        distances, flipped = deepfool(
            module,
            x,
            n_classes=self.n_classes,
            max_iter=self.max_iter,
            overshoot=self.overshoot,
            clip=self.clip,
        )
        norms = distances.cpu().numpy().astype(np.float64)
        return np.where(flipped.cpu().numpy(), -norms, _NEVER)

    def _warn(self, scores: np.ndarray) -> None:
        n_never = int((scores == _NEVER).sum())
        if n_never:
            warnings.warn(
                f"DeepFool changed the class of {len(scores) - n_never} of {len(scores)} rows in "
                f"max_iter={self.max_iter} steps; the other {n_never} come last. Raise max_iter, "
                "or see whether clip leaves room.",
                stacklevel=5,
            )
