"""Random: the baseline that every sampler has to beat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils import Bunch, Tags
from sklearn.utils.validation import _num_samples, validate_data

from skdal._pool import check_kind
from skdal.base import BaseSampler


class RandomSampler(BaseSampler):
    """Choose rows uniformly at random, without replacement.

    It needs no labeled row, so that it serves for the first batch too. Having no score, it
    has no ``score_samples``.

    Parameters
    ----------
    random_state : int, RandomState instance or None, default=None
        With an int, asking twice gives the same rows.

    Attributes
    ----------
    labeled_rows_ : ndarray of int
        Rows of fit's X that are labeled.

    pool_rows_ : ndarray of int
        Rows of fit's X that are not.

    n_features_in_ : int
        Second dimension of ``X`` seen in ``fit``.

    feature_names_in_ : ndarray of str
        Column names of ``X`` seen in ``fit``, where it has some.

    Examples
    --------
    >>> import numpy as np
    >>> from skdal import RandomSampler
    >>> X, y = np.arange(10).reshape(5, 2), np.array([0, -1, -1, 1, -1])
    >>> rows = RandomSampler(random_state=0).fit(X, y).query(n_instances=3)
    >>> sorted(rows.tolist())
    [1, 2, 4]
    """

    def __init__(self, *, random_state: Any = None) -> None:
        self.random_state = random_state

    @property
    def _needs_labels(self) -> bool:
        return False

    def _check_X(self, X: Any, *, reset: bool) -> Any:
        # Nothing looks at the values, so that texts, frames and missing values will do too.
        if sp.issparse(X) or (isinstance(X, np.ndarray) and X.dtype.kind in "biufc"):
            return super()._check_X(X, reset=reset)
        check_kind(X)
        if isinstance(X, str | bytes | Mapping) or not _num_samples(X):
            raise ValueError(
                f"X={X!r} holds no rows; pass an array, a DataFrame or a list of rows."
            )
        return validate_data(self, X, skip_check_array=True, reset=reset)

    def _fit(self, X: Any, y: np.ndarray | None) -> None:
        pass

    def _select(
        self, X: Any, rows: np.ndarray, n_instances: int, random_state: np.random.RandomState
    ) -> Bunch:
        chosen = random_state.choice(rows, n_instances, replace=False)
        return Bunch(rows=chosen, scores=np.full(n_instances, np.nan))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        return tags
