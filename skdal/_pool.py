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
