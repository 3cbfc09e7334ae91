"""Whether the rows of today are those that labels were once given to."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import _num_samples

from skdal._pool import take


def sample(X: Any) -> list[list[Any]]:
    """Return what tells one X from another: a few of its values.

    Parameters
    ----------
    X : array-like of n_rows rows
        All rows.

    Returns
    -------
    list of list
        For each of up to 20 evenly spaced rows up to 20 evenly spaced values, as JSON knows them,
        and the mean of all its numbers.
    """
    rows = take(X, _spaced(_num_samples(X)))
    if sp.issparse(rows):
        rows = sp.csr_array(rows)
        return [_line(rows[[i]].toarray()) for i in range(rows.shape[0])]
    return [_line(row) for row in (rows.to_numpy() if hasattr(rows, "to_numpy") else rows)]


def alike(old: list[list[Any]], new: list[list[Any]]) -> bool:
    """Return whether two samples are of the same rows.

    Parameters
    ----------
    old, new : list of list
        From :func:`sample`.

    Returns
    -------
    bool
        True if they are equal, but for the last digits of numbers: embeddings that are computed
        anew differ in them.
    """
    if list(map(len, old)) != list(map(len, new)):
        return False
    pairs = list(zip(chain(*old), chain(*new), strict=True))
    numbers = [pair for pair in pairs if _is_number(pair[0]) and _is_number(pair[1])]
    if any(a != b for a, b in pairs if not (_is_number(a) and _is_number(b))):
        return False
    before, now = np.array(numbers, dtype=float).reshape(-1, 2).T
    return np.allclose(now, before, rtol=1e-3, atol=1e-6 * np.abs(before).max(initial=0))


def _spaced(n: int) -> np.ndarray:
    return np.linspace(0, n - 1, min(n, 20)).astype(int)


def _line(row: Any) -> list[Any]:
    values = row.ravel() if isinstance(row, np.ndarray) else np.empty(0, dtype=object)
    if values.dtype == object:
        flat = _flat(row)
        values = np.empty(len(flat), dtype=object)
        values[:] = flat
        numbers: Any = [value for value in map(_plain, flat) if _is_number(value)]
    else:
        numbers = values if values.dtype.kind in "biuf" else []
    line = [_plain(value) for value in values[_spaced(len(values))]]
    # Most columns of texts and of categories are zero, in one row as in another.
    return [*line, _plain(np.mean(numbers, dtype=float))] if len(numbers) else line


def _flat(value: Any) -> list[Any]:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        value = list(value.items())
    return [part for item in value for part in _flat(item)] if is_list(value) else [value]


def is_list(value: Any) -> bool:
    """Return whether a value is what JSON makes of a list, or a tuple."""
    return isinstance(value, list | tuple)


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or _is_number(value):
        return value
    # What else there is may show where it lies in memory. A text may be a book.
    known = isinstance(value, str | bytes | int | float | complex)
    return str(value)[:100] if known else type(value).__name__


def _is_number(value: Any) -> bool:
    # Neither NaN, nor an integer that is no float.
    return isinstance(value, int | float) and abs(value) < 1e300
