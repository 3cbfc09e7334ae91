"""What kind of array the pool is: how to read rows of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils import _safe_indexing


class Rows:
    """Some rows of a pool as a pool of their own, read only when they are asked for.

    Parameters
    ----------
    X : array, memmap, dask array, sparse matrix, DataFrame or list
        The pool.

    rows : ndarray of int
        Row numbers of ``X``, rising.

    Attributes
    ----------
    shape : tuple of int
        As that of the rows would be; without a shape of ``X``, that of a list.

    dtype : dtype
        That of ``X``; only where that has one.

    Examples
    --------
    >>> import numpy as np
    >>> from skdal._pool import Rows, take
    >>> some = Rows(np.arange(10).reshape(5, 2), np.array([1, 4]))
    >>> some.shape
    (2, 2)
    >>> take(some, np.array([1]))
    array([[8, 9]])
    """

    def __init__(self, X: Any, rows: np.ndarray) -> None:
        self.X, self.rows = X, rows
        self.shape = (len(rows), *getattr(X, "shape", ())[1:])
        self.ndim = len(self.shape)
        if hasattr(X, "dtype"):
            self.dtype = X.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return take(self.X, self.rows[key])
        rows = self.rows[np.atleast_1d(key)]
        return take(self.X, rows) if np.ndim(key) else take(self.X, rows)[0]


def is_dask(X: Any) -> bool:
    """Return whether a pool is a dask array.

    Parameters
    ----------
    X : object
        Anything.
    """
    while isinstance(X, Rows):
        X = X.X
    # Not by the class, which takes an import of dask.
    return type(X).__module__.startswith("dask.array") and hasattr(X, "dask")


def reads_on_demand(X: Any) -> bool:
    """Return whether a pool is not in memory, so that nothing may read all of it at once.

    Parameters
    ----------
    X : array, memmap, dask array, Rows, sparse matrix, DataFrame or list
        The pool.
    """
    return isinstance(X, np.memmap | Rows) or is_dask(X)


def check_kind(X: Any) -> None:
    """Refuse what dask has and skdal cannot read.

    Parameters
    ----------
    X : object
        The pool. What is not of dask passes.

    Raises
    ------
    ValueError
        If it is no array, does not know how many rows it has, or its chunks are no arrays of
        numpy, or masked ones. The message says what to do.
    """
    if type(X).__module__.startswith(("dask.dataframe", "dask_expr", "dask.bag")):
        raise ValueError(
            f"X is a {type(X).__name__} of dask; pass an array, as X.to_dask_array(lengths=True) "
            "makes of a DataFrame."
        )
    if not is_dask(X):
        return
    if any(np.isnan(size) for size in X.shape):
        raise ValueError(
            f"X is a dask array of shape {X.shape}: it does not know how many rows it has. Call "
            "X.compute_chunk_sizes() first; of a dask DataFrame take to_dask_array(lengths=True)."
        )
    while isinstance(X, Rows):
        X = X.X
    kind = type(X._meta)
    if kind is not np.ndarray:
        raise ValueError(
            f"X is a dask array whose chunks are {kind.__module__}.{kind.__name__}; make arrays of "
            "numpy of them, as in X.map_blocks(lambda chunk: chunk.toarray()) for sparse matrices, "
            "or .filled(0) for masked ones."
        )


def check_finite(Z: np.ndarray, rows: np.ndarray) -> None:
    """Refuse rows that hold NaN or infinity, once they are read.

    Parameters
    ----------
    Z : ndarray of floats of shape (n_rows, n_features)
        The rows.

    rows : ndarray of int of shape (n_rows,)
        Their numbers in X, for the message.

    Raises
    ------
    ValueError
        It names the first.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        # One pass without a temporary array; a sum of finite numbers may overflow, though.
        is_suspect = not np.isfinite(Z.sum())
    if is_suspect and not (finite := np.isfinite(Z).all(axis=1)).all():
        raise ValueError(
            f"Row {rows[finite.argmin()]} of X holds NaN or infinity; impute it, or leave it out."
        )


def take(X: Any, rows: np.ndarray) -> Any:
    """Return some rows of a pool, in memory.

    Parameters
    ----------
    X : array, memmap, dask array, Rows, sparse matrix, DataFrame or list
        The pool.

    rows : ndarray of int
        Row numbers.

    Returns
    -------
    array, sparse matrix, DataFrame or list
        As what ``X`` is, in memory; an array if it is a memmap or a dask array.
    """
    if isinstance(X, Rows):
        return take(X.X, X.rows[rows])
    if is_dask(X):
        # Rising, they are one part of every chunk.
        order = np.argsort(rows, kind="stable")
        # Chunks may be of another dtype than the array says.
        part = np.asarray(X[rows[order]].compute(), dtype=X.dtype)
        taken = np.empty_like(part)
        taken[order] = part
        return taken
    if isinstance(X, np.memmap):
        return np.asarray(X[rows])
    return _safe_indexing(X, rows)


def as_matrix(Z: Any) -> Any:
    """Return rows as vectors of floats: flattened to two dimensions, sparse as CSR.

    Parameters
    ----------
    Z : array or sparse matrix of shape (n_rows, ...)
        Numbers. Small integers, as in images, become float32, all others float64.

    Returns
    -------
    ndarray or CSR matrix of shape (n_rows, n_features)
        Float32 or float64.
    """
    if sp.issparse(Z):
        Z = Z.tocsr()
    else:
        Z = np.asarray(Z)
        # Not -1: it cannot be told for no rows at all.
        Z = Z.reshape(len(Z), int(np.prod(Z.shape[1:])))
    return Z.astype(np.promote_types(Z.dtype, np.float32), copy=False)


def stack(*parts: Any) -> Any:
    """Stack matrices from :func:`as_matrix` below one another.

    Parameters
    ----------
    *parts : ndarrays or CSR matrices
        Of the same kind and number of columns.
    """
    return sp.vstack(parts, format="csr") if sp.issparse(parts[0]) else np.concatenate(parts)


def append(X: Any, more: Any) -> Any:
    """Put rows below the rows of a pool of the same kind.

    Parameters
    ----------
    X : array, sparse matrix, DataFrame or list
        The pool. It is not changed.

    more : array, sparse matrix, DataFrame or list
        Rows like those of the pool.

    Returns
    -------
    array, CSR matrix, DataFrame or list
        All of them; of a DataFrame the index is numbered anew.

    Raises
    ------
    ValueError
        If the rows have another shape, or are texts where those of the pool are numbers.
    """
    if sp.issparse(X):
        return sp.vstack([X, more], format="csr")
    if sp.issparse(more):
        more = more.toarray()
    if hasattr(X, "iloc"):
        import pandas as pd

        if not hasattr(more, "iloc"):
            more = pd.Series(more) if X.ndim == 1 else pd.DataFrame(more, columns=X.columns)
        return pd.concat([X, more], ignore_index=True)
    if hasattr(more, "iloc"):
        more = more.to_numpy()
    if isinstance(X, list):
        return [*X, *more]
    X, more = np.asarray(X), np.asarray(more)
    if X.dtype.kind in "biufc" and more.dtype.kind not in "biufc":
        # numpy would turn the whole pool into strings.
        raise ValueError(
            f"The new rows have the dtype {more.dtype}, those of X {X.dtype}; pass numbers."
        )
    if X.dtype.kind == more.dtype.kind == "f":
        # A network that works in float32 takes nothing else.
        more = more.astype(X.dtype, copy=False)
    if X.shape[1:] != more.shape[1:]:
        raise ValueError(
            f"The new rows have the shape {more.shape[1:]}, those of X {X.shape[1:]}; give one "
            "row of X a line, as in X_new.reshape(1, -1) for a single one."
        )
    return np.concatenate([X, more])
