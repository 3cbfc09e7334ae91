"""What kind of array the pool is: how to read rows of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils import _safe_indexing


def take(X: Any, rows: np.ndarray) -> Any:
    """Return some rows of an array, sparse matrix, DataFrame or list, as what it is.

    Parameters
    ----------
    X : indexable
        The pool.

    rows : ndarray of int
        Row numbers.
    """
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
