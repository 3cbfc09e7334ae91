"""Labels that somebody gave: every one must be known."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets

from skdal._labels import labeled_mask, labeled_values


def given_labels(estimator: Any, y: Any, n_rows: int, *, cure: str) -> np.ndarray:
    """Check that every label is known, and return them in the dtype that a model expects.

    Parameters
    ----------
    estimator : classifier or regressor
        The task model.

    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        Labels.

    n_rows : int
        How many there must be.

    cure : str
        What to do about rows without a label.

    Returns
    -------
    ndarray of shape (n_rows,) or (n_rows, n_outputs)
        The labels.

    Raises
    ------
    ValueError
        If there are more or fewer, or one of them marks a row as unlabeled, is infinite or
        complex.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdal._oracle import given_labels
    >>> given_labels(LogisticRegression(), ["a", "b"], 2, cure="Leave them out.")
    array(['a', 'b'], dtype='<U1')
    """
    if y is None:
        raise ValueError("y=None: every label must be known; pass y.")
    y, kind = plain_labels(y)
    if len(y) != n_rows:
        raise ValueError(f"y has {len(y)} rows, but X has {n_rows}; they must be as many.")
    if kind == "c":
        raise ValueError(f"Complex data not supported: y has dtype {y.dtype}; pass real numbers.")
    if kind in "US":
        known = np.ones(n_rows, dtype=bool)
    elif kind == "f" and is_regressor(estimator):
        # Whole numbers with -1 among them are ambiguous elsewhere, but here nothing may be
        # unlabeled, and -1.0 is as good a value as any.
        nan = np.isnan(np.asarray(y))
        known = ~nan if nan.ndim == 1 else ~nan.any(axis=1)
    else:
        known = labeled_mask(y, n_rows)
    if not known.all():
        if kind != "f":
            cure += (
                " If -1 is a value, pass y.astype(float)."
                if is_regressor(estimator)
                else " If -1 is a class, give it another name, as in np.where(y == -1, 0, y)."
            )
        raise ValueError(
            f"y marks {np.sum(~known)} rows as unlabeled (-1, NaN or None), the first of them "
            f"row {np.argmin(known)}, but every label must be known. {cure}"
        )
    values = labeled_values(y, known)
    if values.dtype.kind == "f":
        assert_all_finite(values, input_name="y")
    if values.dtype == object and is_text(values):
        raise ValueError("y holds strings and other labels; give strings or numbers, not both.")
    if is_regressor(estimator) and is_text(values):
        raise ValueError(
            f"y holds {values.ravel()[0].item()!r}, but {type(estimator).__name__} is a regressor; "
            "pass numbers, or use a classifier."
        )
    if is_classifier(estimator):
        check_classification_targets(values)
    return values


def plain_labels(y: Any) -> tuple[Any, str]:
    """Return labels as an array or pandas object whose dtype says what they are.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        Labels, or markers among them.

    Returns
    -------
    y : ndarray or pandas object
        Nullable floats and frames of floats are numpy's.

    kind : str
        As in ``numpy.dtype.kind``; "O" for what is not numpy's.

    Raises
    ------
    ValueError
        If it is a single label, rows differ in length, or strings of fixed width look like markers.
    """
    if hasattr(y, "to_numpy"):
        dtypes = np.atleast_1d(np.asarray(getattr(y, "dtypes", None), dtype=object))
        if all(getattr(dtype, "kind", "O") == "f" for dtype in dtypes):
            y = y.to_numpy(dtype=float, na_value=np.nan)
    elif not isinstance(getattr(y, "dtype", None), np.dtype):
        try:
            values = np.asarray(y)
        except ValueError as error:
            raise ValueError(
                f"y has rows of different lengths; give every row as many outputs: {error}"
            ) from error
        # numpy would turn the NaN of a list of strings into "nan".
        y = np.asarray(y, dtype=object) if values.dtype.kind in "US" else values
    if np.ndim(y) == 0:
        raise ValueError(
            f"y={y!r} is no array of labels; pass one a row, for a single row a list of one."
        )
    dtype = getattr(y, "dtype", None)
    kind = dtype.kind if isinstance(dtype, np.dtype) else "O"
    if kind in "US":
        # numpy turns the markers of a list with strings into strings.
        swallowed = np.isin(y, np.array(["nan", "None", "<NA>", "-1", ""], dtype=kind))
        if swallowed.any():
            raise ValueError(
                f"y holds {y[swallowed][0].item()!r} as a string of fixed width ({dtype}), which "
                "may be a marker that numpy turned into a string, or a class. Make y with "
                "dtype=object, as in np.array([...], dtype=object): there such a string is a class."
            )
    return y, kind


def is_text(labels: np.ndarray) -> bool:
    """Return whether there are strings among labels.

    Parameters
    ----------
    labels : ndarray
        Of any dtype.
    """
    if labels.dtype != object:
        return labels.dtype.kind in "US"
    return any(isinstance(label, str) for label in labels.ravel())
