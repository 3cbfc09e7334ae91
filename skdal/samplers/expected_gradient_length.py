"""EGL: rows whose label, whichever it is, would change the task model most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import StrOptions

from skdal.acquisition import NetworkSampler

if TYPE_CHECKING:
    from torch import nn


class ExpectedGradientLengthSampler(NetworkSampler):
    """Choose the rows of the largest expected gradient length (EGL).

    The gradient of the loss of a row with respect to the parameters of the task model hangs on
    its label. Its length is averaged over the labels, with the model's own probabilities [1]_
    [2]_. The norms are exact, one gradient for every row and class; for most layers they
    follow from inputs and output gradients without making the gradient itself.

    Parameters
    ----------
    estimator : classifier or None, default=None
        The task model, differentiable: a skorch classifier or one of :mod:`skdal.neural`, a
        ``LogisticRegression``, an ``MLPClassifier``, or a Pipeline that ends in one. It is
        trained on the labeled rows. One that is trained already comes in a
        :class:`~sklearn.frozen.FrozenEstimator`. None is, inside a learner, the learner's own
        model.

    parameters : {"all", "last"}, default="all"
        Those that the gradient is taken of: all that are trained, or those of the last linear
        layer, which is faster.

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

    Notes
    -----
    The loss is the cross-entropy, without weights of classes and penalties.

    References
    ----------
    .. [1] Settles, Craven and Ray, "Multiple-Instance Active Learning", NeurIPS 2007.
    .. [2] Huang, Child, Rao, Liu, Satheesh and Coates, "Active Learning for Speech Recognition:
       the Power of Gradients", 2016, arXiv:1612.03226.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdal import ExpectedGradientLengthSampler
    >>> X, y = load_iris(return_X_y=True)
    >>> y[5:50] = y[55:100] = y[105:] = -1  # five labels a class
    >>> model = LogisticRegression(max_iter=1000)
    >>> sampler = ExpectedGradientLengthSampler(model).fit(X, y)
    >>> sampler.query(n_instances=5).shape
    (5,)
    """

    _cuts_batches = True

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **NetworkSampler._parameter_constraints,
        "parameters": [StrOptions({"all", "last"})],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        parameters: str = "all",
        max_candidates: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.parameters = parameters
        self.max_candidates = max_candidates
        self.random_state = random_state

    def _values(self, module: nn.Module, x: Any) -> np.ndarray:
        from skdal.neural.gradients import expected_gradient_length

        return expected_gradient_length(module, x, self.parameters).cpu().numpy()
