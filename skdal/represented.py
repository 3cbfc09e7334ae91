"""What works in a representation Psi of the rows: most samplers, and the stopping rule."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.utils import Tags, get_tags
from sklearn.utils._param_validation import HasMethods, StrOptions

from skdal._fitting import fit_seeded
from skdal._pool import take
from skdal._reader import RepresentationReader
from skdal.base import BaseSampler, PoolEstimator
from skdal.representation import check_has_representation, has_representation


class RepresentationEstimator(PoolEstimator):
    """Base class of whatever works in a representation Psi of the rows.

    A subclass has the parameters ``estimator`` and ``layer`` at least, calls
    ``_fit_estimator`` in its ``_fit``, and reads Psi of rows by what ``_reader`` returns.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **PoolEstimator._parameter_constraints,
        "estimator": [HasMethods("fit"), StrOptions({"passthrough"}), None],
        "layer": [str, None],
    }

    estimator: Any
    layer: str | None

    def _check_X(self, X: Any, *, reset: bool) -> Any:
        if self._in_x():
            return super()._check_X(X, reset=reset)
        return self._check_rows(X, reset=reset)

    def _wants(self, model: Any) -> bool:
        # A linear model sees X itself, and so does whatever has no estimator.
        return has_representation(model)

    def _in_x(self) -> bool:
        """Return whether Psi is X itself."""
        return self.estimator is None or isinstance(self.estimator, str)

    def _learns_psi(self) -> bool:
        """Return whether ``fit`` trains a task model, which takes labels."""
        return not self._in_x() and not isinstance(self.estimator, FrozenEstimator)

    def _fit_estimator(self, X: Any, y: np.ndarray | None, random_state: Any) -> None:
        self.estimator_ = None
        if not self._in_x():
            check_has_representation(self.estimator, self.layer)
            labeled = take(X, self.labeled_rows_)
            self.estimator_ = fit_seeded(self.estimator, labeled, y, random_state)

    def _reader(self, X: Any, *, remember: bool = True) -> RepresentationReader:
        return RepresentationReader(self.estimator_, X, layer=self.layer, remember=remember)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        if not self._in_x() and hasattr(self.estimator, "__sklearn_tags__"):
            tags.input_tags.sparse = get_tags(self.estimator).input_tags.sparse
        return tags


class RepresentationSampler(RepresentationEstimator, BaseSampler):
    """Base class of samplers that work in a representation Psi of the rows."""
