"""What counts as unlabeled. One rule, used everywhere.

========================  =====================================================
dtype of ``y``            a row is unlabeled where ``y`` is
========================  =====================================================
integer                   -1
bool                      never
float                     NaN
object                    the integer -1, None, NaN or pandas.NA
pandas                    NA; and -1 in nullable integers
fixed-width string        refused: it cannot hold a marker
========================  =====================================================
"""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import column_or_1d


def labeled_mask(y: ArrayLike | None, n_rows: int) -> np.ndarray:
    """Return which rows are labeled.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_outputs), or None
        Labels, with a marker where a row has none; None labels every row.

    n_rows : int
        Rows of X.

    Returns
    -------
    ndarray of bool of shape (n_rows,)
        True where the label is known.

    Raises
    ------
    ValueError
        If ``y`` has another length or dimension, a dtype that cannot hold a marker, or whole
        numbers as floats with -1 among them, which may be a marker or a value; or if a row of
        several outputs is labeled in part.

    Examples
    --------
    >>> from skdal._labels import labeled_mask
    >>> labeled_mask([0, -1, 1], 3)
    array([ True, False,  True])
    """
    if y is None:
        return np.ones(n_rows, dtype=bool)
    values = _to_numpy(y)
    if len(values) != n_rows:
        raise ValueError(f"y has {len(values)} rows, but X has {n_rows}; they must be as many.")
    hidden = _hidden(values)
    if hidden.ndim == 1:
        return ~hidden
    in_part = np.flatnonzero(hidden.any(axis=1) & ~hidden.all(axis=1))
    if len(in_part):
        raise ValueError(
            f"y is known in part in row {in_part[0]} and {len(in_part) - 1} others; give all "
            "outputs of a row, or mark all of them as unknown."
        )
    return np.asarray(~hidden.any(axis=1))


def labeled_values(y: ArrayLike, mask: np.ndarray) -> np.ndarray:
    """Return the labels of the labeled rows in the dtype that they have without markers.

    Parameters
    ----------
    y : array-like
        As for :func:`labeled_mask`.

    mask : ndarray of bool
        What :func:`labeled_mask` said.

    Returns
    -------
    ndarray
        Strings or numbers where ``y`` was an object array only to hold its markers.
    """
    known = _to_numpy(y)[mask]
    if known.dtype != object or not len(known):
        return known
    # tolist() and back lets numpy choose the dtype anew; it would make strings of numbers, too.
    values = np.asarray(known.tolist())
    mixed = values.dtype.kind == "U" and not all(isinstance(label, str) for label in known.flat)
    return known if mixed else values


def hide(labels: np.ndarray, rows: np.ndarray, n_rows: int) -> np.ndarray:
    """Return labels of some rows as those of all, with a marker in every other row.

    Parameters
    ----------
    labels : ndarray of shape (len(rows),) or (len(rows), n_outputs)
        Labels that are known, none of them a marker.

    rows : ndarray of int
        The rows that have them.

    n_rows : int
        How many rows there are.

    Returns
    -------
    ndarray
        NaN is the marker where labels are floats, else None, in an array of objects: it cannot
        be mistaken for a label.
    """
    # Without a NaN among them, whole numbers with a -1 would be ambiguous.
    is_float = labels.dtype.kind == "f" and len(rows) < n_rows
    shape = (n_rows, *labels.shape[1:])
    hidden = np.full(
        shape, np.nan if is_float else None, dtype=labels.dtype if is_float else object
    )
    hidden[rows] = labels
    return hidden


def _to_numpy(y: Any) -> np.ndarray:
    if np.ma.isMaskedArray(y):
        mask = np.ma.getmaskarray(y)
        y = np.array(np.ma.getdata(y), dtype=object)
        y[mask] = None
    if hasattr(y, "to_numpy"):
        # pandas; its nullable, string and categorical dtypes have no equal in numpy.
        dtypes = np.atleast_1d(np.asarray(getattr(y, "dtypes", None), dtype=object))
        plain = all(isinstance(dtype, np.dtype) for dtype in dtypes)
        if plain or not hasattr(y, "astype"):
            y = y.to_numpy()
        elif getattr(getattr(y, "dtype", None), "kind", None) == "f":
            y = y.to_numpy(dtype=float, na_value=np.nan)
        else:
            y = np.asarray(y.astype(object))
    values = np.asarray(y)
    if values.dtype.kind == "T":
        values = values.astype(object)
    if values.ndim == 2 and values.shape[1] == 1:
        values = column_or_1d(values, warn=True)
    if values.ndim not in (1, 2):
        raise ValueError(f"y must have one or two dimensions, but its shape is {values.shape}.")
    return values


def _hidden(values: np.ndarray) -> np.ndarray:
    kind = values.dtype.kind
    if kind in "US":
        raise ValueError(
            f"y has the fixed-width string dtype {values.dtype}, which cannot hold a marker for "
            "unlabeled rows; pass y.astype(object), with None where the label is unknown."
        )
    if kind == "c":
        raise ValueError(f"Complex data not supported: y has dtype {values.dtype}.")
    if kind in "iu":
        return values == -1
    if kind == "b":
        return np.zeros(values.shape, dtype=bool)
    if kind == "f":
        if (values == -1).any() and (values == np.floor(values)).all():
            raise ValueError(
                f"y is of dtype {values.dtype} and holds -1 and only whole numbers, so -1 may be "
                "a marker or a value. If it marks unlabeled rows, pass y.astype(int); if it is a "
                "value, mark unlabeled rows by NaN, or pass y.astype(object) if there are none."
            )
        return np.isnan(values)
    if kind == "O":
        hidden = [_is_marker(value) for value in values.ravel()]
        return np.array(hidden, dtype=bool).reshape(values.shape)
    raise ValueError(
        f"y has dtype {values.dtype}; labels must be integers, floats, bools or objects."
    )


def _is_marker(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, Integral):
        return value == -1
    try:
        return bool(value != value)  # NaN, NaT
    except TypeError:
        return True  # pandas.NA: neither true nor false
