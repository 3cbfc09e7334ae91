"""How to go through a pool of any size: part by part, and where the parts are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn import get_config

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


def rows_of_a_part(X: Any) -> int:
    """Return how many rows to read at a time, by scikit-learn's ``working_memory``.

    Parameters
    ----------
    X : array, memmap, dask array, Rows, sparse matrix, DataFrame or list
        The pool.

    Returns
    -------
    int
        At least 1.
    """
    n_bytes = get_config()["working_memory"] * 2**20
    return max(1, int(n_bytes / (_TIMES * _row_bytes(X) + _MORE)))


def _row_bytes(X: Any) -> float:
    while isinstance(X, Rows):
        X = X.X
    if sp.issparse(X):
        return (X.data.nbytes + X.indices.nbytes) / max(1, X.shape[0])
    if hasattr(X, "dtype") and X.dtype != object:
        return int(np.prod(X.shape[1:])) * X.dtype.itemsize
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
    >>> list(map_parts(lambda part, rows: part.sum(), np.eye(5), np.arange(4)))
    [4.0]
    """
    while isinstance(X, Rows):
        X, rows = X.X, X.rows[rows]
    if is_dask(X):
        yield from _map_chunks(function, X, rows, at_once)
        return
    for part in slices(len(rows), rows_of_a_part(X)):
        yield function(take(X, rows[part]), rows[part])


def _map_chunks(
    function: Callable[[Any, np.ndarray], Any], X: Any, rows: np.ndarray, at_once: int | None
) -> Iterator[Any]:
    from dask.base import compute
    from dask.delayed import delayed

    # All columns of a row must be in one place.
    X = X.rechunk(dict.fromkeys(range(1, X.ndim), -1))
    ends = np.cumsum(X.chunks[0])
    cuts = np.searchsorted(rows, ends)
    shared = delayed(function, pure=False)
    size = delayed(rows_of_a_part(X))
    tasks = []
    for chunk, first, numbers in zip(
        X.to_delayed().reshape(len(ends), -1)[:, 0],
        ends - X.chunks[0],
        np.split(rows, cuts[:-1]),
        strict=True,
    ):
        if len(numbers):
            tasks.append(delayed(_in_chunk)(shared, chunk, numbers, first, size))
    for some in slices(len(tasks), at_once or max(1, len(tasks))):
        for results in compute(*tasks[some]):
            yield from results


def _in_chunk(
    function: Callable[[Any, np.ndarray], Any],
    chunk: Any,
    rows: np.ndarray,
    first: int,
    size: int,
) -> list[Any]:
    """Call the function with the parts of a chunk; this runs on a worker."""
    parts = [rows[part] for part in slices(len(rows), size)]
    return [function(np.asarray(chunk[part - first]), part) for part in parts]


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
