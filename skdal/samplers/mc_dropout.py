"""DBAL: uncertainty under Monte-Carlo dropout."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skdal._torch import last_step, unfrozen
from skdal.acquisition import NetworkSampler
from skdal.samplers.uncertainty import MEASURES, entropy

if TYPE_CHECKING:
    from torch import nn


class MCDropoutSampler(NetworkSampler):
    """Choose the rows that a network with dropout is least sure of (DBAL).

    The network answers ``n_passes`` times, each time with other units dropped, and the
    acquisition function is taken of the mean of its probabilities [1]_. A pass drops the same
    units for all rows: it is one draw of the network's weights, so that values do not hang on
    how rows are batched, and rows differ by what they are, not by what was drawn for them
    [2]_. Only dropout layers sample; batch normalization and all else stays as in prediction.
    What comes before the first of them is computed once a row.

    Parameters
    ----------
    estimator : classifier or None, default=None
        The task model: a skorch classifier or one of :mod:`skdal.neural`, or a Pipeline that
        ends in one, with a dropout layer (``torch.nn.Dropout`` and its kin with ``p > 0``).
        It is trained on the labeled rows. One that is trained already comes in a
        :class:`~sklearn.frozen.FrozenEstimator`. None is, inside a learner, the learner's own
        model.

    measure : {"entropy", "variation_ratio", "bald"}, default="entropy"
        The acquisition function: entropy of the mean of the passes; one minus its largest
        probability; or the entropy of the mean less the mean entropy of the passes, which is
        the information that the label would give on the weights [3]_.

    n_passes : int, default=100
        How often the network answers. For the variation ratio 20 are often enough.

    max_candidates : int or None, default=None
        If given, a query looks at a random subset of at most this many rows of the pool.

    random_state : int, RandomState instance or None, default=None
        Seeds every ``random_state`` of the estimator that is None, draws what is left out, and
        rows of equal value where not all can be taken.

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

    See Also
    --------
    UncertaintySampler : The same without dropout, for any classifier.

    References
    ----------
    .. [1] Gal, Islam and Ghahramani, "Deep Bayesian Active Learning with Image Data", ICML
       2017, arXiv:1703.02910.
    .. [2] Kirsch, van Amersfoort and Gal, "BatchBALD", NeurIPS 2019, arXiv:1906.08158.
    .. [3] Houlsby et al., "Bayesian Active Learning for Classification and Preference
       Learning", 2011, arXiv:1112.5745.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from torch import nn
    >>> from skdal import MCDropoutSampler
    >>> from skdal.neural import NeuralClassifier
    >>> def network(input_shape, n_classes):
    ...     return nn.Sequential(
    ...         nn.Linear(*input_shape, 32), nn.ReLU(), nn.Dropout(), nn.Linear(32, n_classes)
    ...     )
    >>> X, y = load_iris(return_X_y=True)
    >>> y[5:50] = y[55:100] = y[105:] = -1  # five labels a class
    >>> model = NeuralClassifier(network, standardize=True)
    >>> sampler = MCDropoutSampler(model, random_state=0).fit(X, y)
    >>> sampler.query(n_instances=5).shape
    (5,)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **NetworkSampler._parameter_constraints,
        "measure": [StrOptions({"entropy", "variation_ratio", "bald"})],
        "n_passes": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        measure: str = "entropy",
        n_passes: int = 100,
        max_candidates: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.measure = measure
        self.n_passes = n_passes
        self.max_candidates = max_candidates
        self.random_state = random_state

    def _check_estimator(self, estimator: Any) -> None:
        from skdal.neural.convert import can_convert

        super()._check_estimator(estimator)
        if can_convert(last_step(estimator)):
            raise ValueError(
                f"estimator={unfrozen(estimator)!r} has no active dropout layer, and can have "
                "none; use a network of torch with nn.Dropout(p), or UncertaintySampler."
            )

    def _check_fitted(self) -> None:
        from skdal.neural.dropout import dropout_layers
        from skdal.neural.network import Network

        module = Network(self.estimator_).module
        if not dropout_layers(module):
            raise ValueError(
                f"estimator={unfrozen(self.estimator)!r} has no active dropout layer in its module "
                f"{type(module).__name__}; add nn.Dropout(p) with p > 0, or use "
                "UncertaintySampler. F.dropout within forward cannot be seen."
            )

    def _values(self, module: nn.Module, x: Any) -> np.ndarray:
        from skdal.neural.dropout import mean_predictions

        is_bald = self.measure == "bald"
        mean, mean_entropy = mean_predictions(module, x, self.n_passes, self._seed, entropy=is_bald)
        proba = mean.cpu().numpy()
        if is_bald:
            return entropy(proba) - mean_entropy.cpu().numpy()
        return MEASURES[self.measure](proba)
