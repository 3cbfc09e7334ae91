"""Scaling for features of which nobody has said whether their proportions mean something."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.preprocessing import StandardScaler

# Of how many times the width of the median feature one is at most, and at least a part. More is
# better for pixels and principal components, less for features in units of their own.
_MOST = 3.0


class CommonScaler(StandardScaler):
    """Center the features and divide all by one scale, but for those of quite another scale.

    What :class:`~sklearn.preprocessing.StandardScaler` does to pixels and principal components is
    harmful: those that hardly vary, and say little, count as much as all others. With a scale in
    common the proportions stay, unless a feature is more than three times as wide or narrow as
    the median one, by their standard deviations: it is brought to that.

    Attributes
    ----------
    scale_ : ndarray of shape (n_features,)
        What each feature is divided by. One that is constant is divided by the median.

    mean_, var_, n_samples_seen_, n_features_in_
        As in :class:`~sklearn.preprocessing.StandardScaler`.

    Examples
    --------
    >>> from skdal._scaling import CommonScaler
    >>> CommonScaler().fit([[0, 0, 0], [2, 4, 600]]).scale_
    array([  2.,   2., 100.])
    """

    def __init__(self) -> None:
        super().__init__()

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn the scales from more rows; ``fit`` does so from the first on.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Numbers.

        y : None
            Not used.

        sample_weight : array-like of shape (n_rows,) or None, default=None
            Weights of the rows.

        Returns
        -------
        self
        """
        super().partial_fit(X, y, sample_weight)
        scale: np.ndarray = vars(self)["scale_"]  # changed in place
        widths = np.sqrt(self.var_)
        # The base class puts 1 where a feature is constant.
        varies = scale == widths
        if varies.any():
            median = np.median(widths[varies])
            scale[~varies] = median
            scale[varies] /= np.clip(widths[varies] / median, 1 / _MOST, _MOST)
        return self
