"""How to go through a pool of any size: part by part, and where the parts are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn import config_context, get_config

from skdal._pool import Rows, is_dask, take

# Of rows whose size cannot be told, as in a DataFrame or a list.
_UNKNOWN_BYTES = 8192
# What is made of the rows of a part is larger than they are: so many times, and, in the layers of a
# network of the default width, by so many bytes a row.
_TIMES, _MORE = 32, 4096


def slices(n: int, size: int) -> Iterator[slice]:
    """Cut so many rows into parts of one size, the last of which may be smaller.

    Parameters
    ----------
    n : int
        How many rows.

    size : int
        Rows of a part.
    """
    # scikit-learn's gen_batches checks its parameters, which takes longer than a small product.
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def rows_of_a_part(X: Any, *, working_memory: float | None = None) -> int:
    """Return how many rows to read at a time.

    Parameters
    ----------
    X : array, memmap, dask array, Rows, sparse matrix, DataFrame or list
        The pool.

    working_memory : float or None, default=None
        MiB that they may take, with what is made of them. None is scikit-learn's setting.

    Returns
    -------
    int
        At least 1.
    """
    if working_memory is None:
        working_memory = get_config()["working_memory"]
    return max(1, int(working_memory * 2**20 / (_TIMES * _row_bytes(X) + _MORE)))


def _row_bytes(X: Any) -> float:
    while isinstance(X, Rows):
        X = X.X
    if sp.issparse(X):
        return (X.data.nbytes + X.indices.nbytes) / max(1, X.shape[0])
    dtype = getattr(X, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind != "O":
        return int(np.prod(X.shape[1:])) * dtype.itemsize
    return _UNKNOWN_BYTES


def map_parts(
    function: Callable[[Any, np.ndarray], Any],
    X: Any,
    rows: np.ndarray,
    *,
    at_once: int | None = None,
) -> Iterator[Any]:
    """Call a function with part after part of a pool.

    Of a dask array, the parts are read and the function is called where the chunks are: on the
    workers, if there is a cluster. Only what it returns comes here.

    Parameters
    ----------
    function : callable
        Gets the rows of a part, in memory, and their numbers. For a dask array it must be one
        that can be sent to another process, and should not hold the pool itself.

    X : array, memmap, dask array, Rows, sparse matrix, DataFrame or list
        The pool.

    rows : ndarray of int
        Row numbers of ``X``; rising, if that is a dask array.

    at_once : int or None, default=None
        Chunks of a dask array whose results come here at the same time. None is all of them.

    Yields
    ------
    object
        What the function returned, part by part, in the order of the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skdal._parts import map_parts
    >>> list(map_parts(lambda part, rows: part.shape, np.eye(5), np.arange(4)))
    [(4, 5)]
    """
    inner = rows
    while isinstance(X, Rows):
        X, inner = X.X, X.rows[inner]
    if is_dask(X):
        yield from _map_chunks(function, X, inner, rows, at_once)
        return
    for part in slices(len(rows), rows_of_a_part(X)):
        yield function(take(X, inner[part]), rows[part])


def _map_chunks(
    function: Callable[[Any, np.ndarray], Any],
    X: Any,
    inner: np.ndarray,
    rows: np.ndarray,
    at_once: int | None,
) -> Iterator[Any]:
    from dask.base import compute
    from dask.delayed import delayed

    # All columns of a row must be in one place.
    X = X.rechunk(dict.fromkeys(range(1, X.ndim), -1))
    ends = np.cumsum(X.chunks[0])
    cuts = np.searchsorted(inner, ends)[:-1]
    task = _ChunkTask(function, X.dtype, rows_of_a_part(X), get_config())
    shared = delayed(task, pure=False)
    tasks = []
    for chunk, first, places, numbers in zip(
        X.to_delayed().reshape(len(ends), -1)[:, 0],
        ends - X.chunks[0],
        np.split(inner, cuts),
        np.split(rows, cuts),
        strict=True,
    ):
        if len(numbers):
            tasks.append(shared(chunk, _Packed(places - first), _Packed(numbers)))
    for some in slices(len(tasks), at_once or max(1, len(tasks))):
        for results in compute(*tasks[some]):
            yield from results


@dataclass(frozen=True)
class _ChunkTask:
    """Call a function with the parts of a chunk, on the worker that has it."""

    function: Callable[[Any, np.ndarray], Any]
    dtype: Any
    size: int
    # scikit-learn's, which is one of the thread that asked.
    config: dict[str, Any]

    def __call__(self, chunk: Any, places: _Packed, numbers: _Packed) -> list[Any]:
        rows, outer = places.unpacked(), numbers.unpacked()
        # Chunks may be of another dtype than the array says.
        chunk = np.asarray(chunk, dtype=self.dtype)
        with config_context(**self.config):
            return [
                self.function(chunk[rows[part]], outer[part])
                for part in slices(len(rows), self.size)
            ]


class _Packed:
    """Rising row numbers, small on their way to a worker: mostly all of a range but a few."""

    def __init__(self, rows: np.ndarray) -> None:
        self.first, span = int(rows[0]), int(rows[-1] - rows[0]) + 1
        self.span = span
        offsets = rows - self.first
        self.is_rest = span < 2 * len(rows)
        if self.is_rest:
            is_missing = np.ones(span, dtype=bool)
            is_missing[offsets] = False
            offsets = np.flatnonzero(is_missing)
        self.offsets = offsets.astype(np.min_scalar_type(span))

    def unpacked(self) -> np.ndarray:
        """Return the row numbers."""
        if self.is_rest:
            return self.first + np.delete(np.arange(self.span), self.offsets)
        return self.first + self.offsets.astype(np.intp)


def map_rows(function: Callable[[Any], np.ndarray], X: Any, rows: np.ndarray) -> np.ndarray:
    """Return a number for every row, as a function gives them for the rows of a part.

    Parameters
    ----------
    function : callable
        Gets rows in memory, and returns an ndarray as long; see :func:`map_parts`.

    X : array, memmap, dask array, Rows, sparse matrix, DataFrame or list
        The pool.

    rows : ndarray of int
        Row numbers of ``X``; rising, if that is a dask array.

    Returns
    -------
    ndarray of shape (n_rows,)
        In the order of the rows. Without rows, floats.

    Examples
    --------
    >>> import numpy as np
    >>> from skdal._parts import map_rows
    >>> map_rows(lambda part: part.sum(axis=1), np.eye(5), np.array([3, 1]))
    array([1., 1.])
    """
    parts = list(map_parts(_WithoutNumbers(function), X, rows))
    return np.concatenate(parts) if parts else np.empty(0)


class _WithoutNumbers:
    # Not a closure, which only some schedulers can send to another process.
    def __init__(self, function: Callable[[Any], np.ndarray]) -> None:
        self.function = function

    def __call__(self, part: Any, rows: np.ndarray) -> np.ndarray:
        return self.function(part)
