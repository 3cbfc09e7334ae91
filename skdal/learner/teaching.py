"""What a learner accepts as rows and as labels."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from numbers import Integral, Number
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import _num_samples

from skdal._labels import labeled_mask
from skdal._oracle import is_text, plain_labels


def known_rows(estimator: Any, y: Any, n_rows: int) -> np.ndarray:
    """Return which rows are labeled, as far as the kind of task tells.

    Parameters
    ----------
    estimator : classifier or regressor
        The task model.

    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        Labels and markers.

    n_rows : int
        Rows of X.

    Returns
    -------
    ndarray of bool of shape (n_rows,)
        True where the label is known: for a regressor, -1.0 is a value like any other; strings of
        fixed width, which can hold no marker, are all labels.
    """
    values, kind = plain_labels(y)
    if kind == "f":
        assert_all_finite(values, allow_nan=True, input_name="y")
        if is_regressor(estimator):
            values = np.where(np.isnan(values), np.nan, 0.5)
    elif kind in "US":
        values = np.zeros(values.shape, dtype=int)
    return labeled_mask(values, n_rows)


def as_rows(X: Any) -> np.ndarray | None:
    """Return row numbers, or None if what was passed is rows.

    Parameters
    ----------
    X : array-like
        First argument of ``teach``.

    Returns
    -------
    ndarray of int of shape (n_new,) or None
        If it is one-dimensional and of integers.

    Raises
    ------
    ValueError
        If it is one-dimensional and neither row numbers nor texts.
    """
    if _is_array(X) and not _num_samples(X):
        raise ValueError("teach got no rows; pass row numbers, or rows of X, and their labels.")
    if getattr(X, "ndim", 1) > 1:
        return None
    if isinstance(X, list) and any(_is_array(row) for row in X):
        return None
    rows = np.asarray(X)
    if rows.ndim == 1 and (
        rows.dtype.kind in "iu"
        or all(isinstance(row, Integral) and not isinstance(row, bool) for row in rows)
    ):
        return rows
    if rows.dtype.kind == "b":
        raise ValueError("teach got a mask; turn it into row numbers by np.flatnonzero(mask).")
    if rows.ndim == 0 or rows.dtype.kind in "fc":
        raise ValueError(
            f"teach got an array of shape {rows.shape} and dtype {rows.dtype}. Row numbers are a "
            "one-dimensional array of integers, such as [7]; a single new row is "
            "X_new.reshape(1, -1)."
        )
    return None


def check_pool(X_pool: Any) -> None:
    """Refuse what cannot be a pool.

    Parameters
    ----------
    X_pool : array-like
        First argument of ``query``.

    Raises
    ------
    TypeError
        If it is a number.
    ValueError
        If it holds no rows, or is a single one.
    """
    if isinstance(X_pool, Number):
        raise TypeError(
            f"query({X_pool!r}): the first argument is a pool. To choose {X_pool!r} rows of "
            f"fit's X, call query(n_instances={X_pool!r})."
        )
    single = getattr(X_pool, "ndim", 1) == 0 or isinstance(X_pool, str | bytes | Mapping)
    if single or not hasattr(X_pool, "__len__"):
        raise ValueError(f"X_pool={X_pool!r} holds no rows; pass rows like those of fit's X.")
    if not _num_samples(X_pool):
        raise ValueError("X_pool has no rows; pass rows like those of fit's X.")
    if getattr(X_pool, "ndim", 1) == 1 and isinstance(next(iter(X_pool)), Number):
        raise ValueError(
            "X_pool is a single row; pass X_pool.reshape(1, -1), or rows like those of fit's X."
        )


def check_rows(rows: np.ndarray, n_rows: int, labeled: np.ndarray, file: Any = None) -> None:
    """Refuse row numbers that cannot be labeled.

    Parameters
    ----------
    rows : ndarray of int
        From :func:`as_rows`.

    n_rows : int
        Rows of X.

    labeled : ndarray of int
        Rows that are labeled.

    file : LabelsFile or None, default=None
        What keeps labels.

    Raises
    ------
    ValueError
        If a row is out of range, named twice, or labeled.
    """
    unknown = rows[(rows < 0) | (rows >= n_rows)]
    if len(unknown):
        raise ValueError(
            f"teach got row {unknown[0]}, but X has the rows 0 to {n_rows - 1}. New rows are "
            "passed as rows, in two dimensions."
        )
    if len(np.unique(rows)) < len(rows):
        values, counts = np.unique(rows, return_counts=True)
        raise ValueError(f"teach got row {values[counts > 1][0]} twice; name every row once.")
    again = rows[np.isin(rows, labeled)]
    if len(again):
        place = _place(file if file is not None and again[0] in file.labeled else None)
        raise ValueError(
            f"teach got row {again[0]}, which is labeled already. To correct a label, change it in "
            f"{place}, and call fit again."
        )


def joined(estimator: Any, old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Return labels with others after them, in one dtype.

    Parameters
    ----------
    estimator : classifier or regressor
        The task model.

    old, new : ndarray of shape (n,) or (n, n_outputs)
        Labels.

    Raises
    ------
    ValueError
        If some are numbers and others strings, or they differ in their outputs.
    """
    if not len(old):
        return new
    if old.shape[1:] != new.shape[1:]:
        raise ValueError(
            f"y has the shape {new.shape}, but the labels so far {old.shape}; give every row as "
            "many outputs."
        )
    if is_text(old) != is_text(new):
        raise ValueError(
            f"The labels so far are like {_listed(old.ravel()[:1])}, those in y like "
            f"{_listed(new.ravel()[:1])}; "
            "give strings or numbers, not both."
        )
    if is_classifier(estimator) and not is_text(old) and old.dtype != new.dtype:
        # 1.0 is the class 1.
        cast = new.astype(old.dtype)
        new = cast if (cast == new).all() else new
    return np.concatenate([old, new])


def warn_of_new_classes(old: np.ndarray, new: np.ndarray, file: Any = None) -> None:
    """Say if there is a class that was unknown so far.

    Parameters
    ----------
    old, new : ndarray of shape (n,) or (n, n_outputs)
        Labels.

    file : LabelsFile or None, default=None
        What keeps the new ones.
    """
    unseen = np.setdiff1d(new, old)
    if len(unseen):
        known = np.unique(old)
        warnings.warn(
            f"teach got {_listed(unseen)}, unknown so far; known are {_listed(known)}. From now on "
            f"it is a class; if it is a slip, correct it in {_place(file)}, and call fit again.",
            UserWarning,
            stacklevel=3,
        )


def _place(file: Any) -> str:
    return "y" if file is None else f"labels_path={str(file.path)!r}"


def _listed(labels: np.ndarray) -> str:
    shown = [repr(label) for label in labels.tolist()[:10]]
    return ", ".join([*shown, "..."] if len(labels) > 10 else shown)


def _is_array(row: Any) -> bool:
    # Numbers of numpy and torch are arrays of no dimension.
    return hasattr(row, "__len__") and getattr(row, "ndim", 1) > 0
