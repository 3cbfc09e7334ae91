"""How the representation of rows is read: by their numbers, a part at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn import get_config
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import _num_samples

from skdal._parts import map_parts, rows_of_a_part, slices
from skdal._pool import Rows, as_matrix, check_finite, is_dask, reads_on_demand, stack, take
from skdal.representation import representation

# MiB for the rows whose representation is computed at a time, with what is made of them.
_WORKING_MEMORY = 256


class RepresentationReader:
    """Read the representation of rows by their numbers.

    What is asked for decides what is computed: a query that looks at a tenth of the pool
    computes a tenth of its representation. A pool that is not in memory is read part by part,
    and what is made of it is kept only as far as scikit-learn's ``working_memory`` goes.

    Parameters
    ----------
    estimator : fitted estimator or None
        None reads the rows of ``X`` as they are.

    X : array-like of shape (n_rows, ...)
        What the estimator takes.

    layer : str or None, default=None
        See :func:`~skdal.representation.representation`.

    remember : bool, default=True
        Whether to keep what an estimator has computed, so that no row is computed twice.
    """

    def __init__(
        self, estimator: Any, X: Any, *, layer: str | None = None, remember: bool = True
    ) -> None:
        self.estimator = estimator
        self.X = X
        self.layer = layer
        self.remember = remember
        if estimator is not None and remember:
            self._place = np.full(_num_samples(X), -1)
            self._known: Any = None

    def __call__(self, rows: np.ndarray) -> Any:
        """Return the representation of some rows.

        Parameters
        ----------
        rows : ndarray of int
            Row numbers of ``X``.

        Returns
        -------
        ndarray or CSR matrix of shape (n_rows, n_components)
            Floats.
        """
        if self.estimator is None or not self.remember:
            return self._compute(rows)
        new = rows[self._place[rows] < 0]
        if len(new):
            Z = self._compute(new)
            n_known = 0 if self._known is None else self._known.shape[0]
            if not _has_room(n_known + len(new), Z):
                return Z if len(new) == len(rows) else self._compute(rows)
            self._place[new] = n_known + np.arange(len(new))
            self._known = Z if self._known is None else stack(self._known, Z)
        return self._known[self._place[rows]]

    def map(self, function: Callable[[Any], np.ndarray], rows: np.ndarray) -> np.ndarray:
        """Return a number for every row, by a function of its representation.

        Parameters
        ----------
        function : callable
            Gets the representation of a part of the rows, and returns an ndarray as long. Of a
            dask array it is called where the chunks are.

        rows : ndarray of int
            Row numbers of ``X``; rising, if that is a dask array.

        Returns
        -------
        ndarray of shape (n_rows,)
            In the order of the rows.
        """
        if self._keeps_all(rows):
            Z = self(rows)
            size = rows_of_a_part(Z)
            return np.concatenate([function(Z[part]) for part in slices(len(rows), size)])
        return np.concatenate(list(self.map_parts(partial(_without_numbers, function), rows)))

    def map_parts(
        self,
        function: Callable[[Any, np.ndarray], Any],
        rows: np.ndarray,
        *,
        at_once: int | None = None,
    ) -> Iterator[Any]:
        """Call a function with the representation of part after part, as it is computed.

        Parameters
        ----------
        function : callable
            Gets the representation of the rows of a part, and their numbers.

        rows : ndarray of int
            Row numbers of ``X``; rising, if that is a dask array.

        at_once : int or None, default=None
            See :func:`~skdal._parts.map_parts`.

        Yields
        ------
        object
            What the function returned.
        """
        step = partial(
            _of_represented,
            function,
            estimator=self.estimator,
            layer=self.layer,
            is_checked=not reads_on_demand(self.X),
        )
        return map_parts(step, self.X, rows, at_once=at_once)

    def _keeps_all(self, rows: np.ndarray) -> bool:
        """Return whether the representation of the rows is worth keeping, and not too large."""
        if self.estimator is None or not self.remember or is_dask(self.X) or not len(rows):
            return False
        return _has_room(len(rows), self(rows[:1]))

    def points(self, rows: np.ndarray) -> Any:
        """Return the representation of rows as something to read many times, part by part.

        Parameters
        ----------
        rows : ndarray of int
            Row numbers of ``X``; rising, if that is a dask array.

        Returns
        -------
        array, CSR matrix or Rows of n_rows rows
            In memory where ``X`` is. The rows of a memmap where they are. Else, since it would
            have to be computed or sent each time, in a temporary file that is gone with it.
        """
        if not reads_on_demand(self.X):
            return self(rows)
        if self.estimator is None and not is_dask(self.X):
            return Rows(self.X, rows)
        first = self(rows[:1])
        with tempfile.TemporaryFile() as file:
            # Not written through a memmap, which ends the process where the disk is full.
            for part in self.map_parts(partial(_as_bytes, first.dtype), rows, at_once=8):
                file.write(part)
            file.flush()
            shape = len(rows), first.shape[1]
            stored = np.memmap(file, dtype=first.dtype, mode="r", shape=shape)
        return Rows(stored, np.arange(len(rows)))

    def _compute(self, rows: np.ndarray) -> Any:
        is_checked = not reads_on_demand(self.X)

        def represented(some: np.ndarray) -> Any:
            part = take(self.X, some)
            return _represented(part, some, self.estimator, self.layer, is_checked)

        # Not by a setting: what a model is trained on would be rounded by it.
        size = rows_of_a_part(self.X, working_memory=_WORKING_MEMORY)
        if self.estimator is None or len(rows) <= size:
            return represented(rows)
        parts = (represented(rows[part]) for part in slices(len(rows), size))
        first = next(parts)
        if sp.issparse(first):
            return stack(first, *parts)
        Z, end = np.empty((len(rows), first.shape[1]), first.dtype), 0
        for part in chain([first], parts):
            Z[end : end + len(part)] = part
            end += len(part)
        return Z


def _has_room(n_rows: int, Z: Any) -> bool:
    """Return whether so many rows like these may be kept."""
    # Twice, for one more copy while it grows.
    n_bytes = 2 * n_rows * Z.shape[1] * Z.dtype.itemsize
    return bool(n_bytes <= get_config()["working_memory"] * 2**20)


def _represented(
    part: Any, rows: np.ndarray, estimator: Any, layer: str | None, is_checked: bool
) -> Any:
    if estimator is None:
        Z = as_matrix(part)
        if not is_checked:
            check_finite(Z, rows)
        return Z
    Z = as_matrix(representation(estimator, part, layer=layer))
    assert_all_finite(Z, input_name="the representation of X")
    return Z


def _of_represented(
    function: Callable[[Any, np.ndarray], Any], part: Any, rows: np.ndarray, **how: Any
) -> Any:
    return function(_represented(part, rows, **how), rows)


# Not closures, which only some schedulers can send to another process.
def _without_numbers(function: Callable[[Any], np.ndarray], Z: Any, rows: np.ndarray) -> Any:
    return function(Z)


def _as_bytes(dtype: Any, Z: Any, rows: np.ndarray) -> bytes:
    return np.ascontiguousarray(Z.toarray() if sp.issparse(Z) else Z, dtype=dtype).tobytes()
