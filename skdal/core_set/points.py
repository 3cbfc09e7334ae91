"""Points: what is checked of them, and how they are read a part at a time."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from skdal._parts import slices
from skdal._pool import Rows, check_finite

METRICS = ("euclidean", "cosine")
# Numbers in a temporary array.
CELLS = 2**17


def check_integer(name: str, value: Any, low: int, high: int, most: str) -> int:
    """Return an integer of a range, or raise ValueError."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(value) <= high:
        raise ValueError(f"{name}={value!r} must be an integer from {low} to {high}, {most}.")
    return int(value)


class StoredPoints:
    """Points that are not in memory, and are read a part at a time: rows of a larger array, say.

    Parameters
    ----------
    rows : Rows
        Numbers; what has more than two dimensions is flattened as it is read.

    to_unit : bool, default=False
        Whether to scale what is read to length 1, in float64.
    """

    def __init__(self, rows: Rows, *, to_unit: bool = False) -> None:
        self._rows = rows
        self._to_unit = to_unit
        self.shape = (len(rows), int(np.prod(rows.shape[1:])))
        self.dtype = np.dtype(np.float64) if to_unit else rows.dtype
        self._low, self._high = (-1.0, 1.0) if to_unit else self._check()

    def _check(self) -> tuple[float, float]:
        low, high = np.inf, -np.inf
        for part in slices(len(self), max(1, CELLS // self.shape[1])):
            Z = self._read(part)
            check_finite(Z, self._rows.rows[part])
            low, high = min(low, float(Z.min())), max(high, float(Z.max()))
        return low, high

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> np.ndarray:
        Z = self._read(key)
        if not self._to_unit:
            return Z
        numbers = self._rows.rows[key]
        return _unit_rows("X", np.atleast_2d(Z), numbers).reshape(Z.shape)

    def _read(self, key: Any) -> np.ndarray:
        Z = np.asarray(self._rows[key])
        return Z.reshape(*Z.shape[: np.ndim(Z) - self._rows.ndim + 1], self.shape[1])

    def min(self) -> float:
        """Return the least of all values, as of an array."""
        return self._low

    def max(self) -> float:
        """Return the largest of all values, as of an array."""
        return self._high


def check_points(X: Any, centers: ArrayLike | None, metric: str) -> tuple[Any, np.ndarray]:
    """Return rows and centers as arrays whose Euclidean distances put them in order.

    Parameters
    ----------
    X : array-like or Rows of shape (n_rows, n_features)
        Numbers. Not copied, unless the metric asks for it.

    centers : array-like of shape (n_centers, n_features) or None
        Numbers.

    metric : {"euclidean", "cosine"}
        For "cosine", the rows are scaled to length 1, in float64.

    Returns
    -------
    X, centers : ndarrays
        With no centers, the second has no rows. Of Rows, ``X`` is StoredPoints.
    """
    if metric not in METRICS:
        raise ValueError(f"metric={metric!r} must be one of {', '.join(map(repr, METRICS))}.")
    rows: Any = StoredPoints(X) if isinstance(X, Rows) else _as_rows("X", X)
    if not len(rows):
        raise ValueError("X has no rows; pass at least one.")
    empty = centers is None or (not sp.issparse(centers) and not np.size(centers))
    old = rows[:0] if empty else _as_rows("centers", centers)
    if old.shape[1] != rows.shape[1]:
        raise ValueError(
            f"centers has {old.shape[1]} columns, X {rows.shape[1]}; pass the same features."
        )
    if metric == "cosine":
        is_stored = isinstance(X, Rows)
        unit = StoredPoints(X, to_unit=True) if is_stored else _unit_rows("X", rows)
        return unit, _unit_rows("centers", old)
    return rows, old


def _as_rows(name: str, Z: Any) -> np.ndarray:
    if sp.issparse(Z):
        raise TypeError(
            f"{name} is sparse; reduce it, as with TruncatedSVD, or pass {name}.toarray()."
        )
    if np.ma.isMaskedArray(Z) and np.ma.getmaskarray(Z).any():
        raise ValueError(
            f"{name} is a masked array with masked values; fill them: {name}.filled()."
        )
    Z = np.asarray(Z)
    if Z.ndim != 2 or not Z.shape[1]:
        raise ValueError(
            f"{name} has shape {Z.shape}; it must have rows and columns: "
            f"pass {name}.reshape(len({name}), -1)."
        )
    if Z.dtype.kind not in "biuf":
        raise ValueError(f"{name} has dtype {Z.dtype}; pass real numbers.")
    # NaN passes through both.
    if Z.size and not (np.isfinite(Z.min()) and np.isfinite(Z.max())):
        row = int((~np.isfinite(Z).all(axis=1)).argmax())
        raise ValueError(f"Row {row} of {name} holds NaN or infinity; impute it, or leave it out.")
    return Z.astype(np.float64) if Z.dtype.itemsize > 8 else Z


def _unit_rows(name: str, Z: np.ndarray, numbers: np.ndarray | None = None) -> np.ndarray:
    # Rounded to float32, the angles between almost parallel rows are no more what they were.
    out = np.empty(Z.shape)
    for part in slices(len(Z), max(1, CELLS // Z.shape[1])):
        block = Z[part].astype(np.float64)
        largest = np.abs(block).max(axis=1, keepdims=True)
        if not largest.all():
            row = part.start + int(largest.argmin())
            raise ValueError(
                f"Row {row if numbers is None else numbers[row]} of {name} is zero, which has no "
                "cosine; leave it out, or use metric='euclidean'."
            )
        block /= largest  # so that squares are neither too large nor too small
        out[part] = block / np.sqrt(np.einsum("ij,ij->i", block, block))[:, None]
    return out


def unit_of(X: np.ndarray, centers: np.ndarray) -> float:
    """Return a power of two so that squares of numbers in it are floats."""
    # The squares of very large and very small numbers are no floats.
    ends = [float(end) for Z in (X, centers) if len(Z) for end in (Z.min(), Z.max())]
    exponent = int(np.frexp(max(map(abs, ends)))[1])
    return float(np.ldexp(1.0, min(max(exponent, -1000), 1023))) if abs(exponent) > 30 else 1.0


def as_distance(squared: float, unit: float, metric: str) -> float:
    """Return a squared distance, in a unit of length, as a distance of the metric."""
    distance = unit * float(np.sqrt(squared))
    return distance**2 / 2 if metric == "cosine" else distance
