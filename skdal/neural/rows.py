"""What a network sees of the rows of X: float32, images in [0, 1], standardized if so wished."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

# Pixels in [0, 1] that were resized or sharpened overshoot a little.
_LARGEST = 1.5


@dataclass(frozen=True)
class SeenRows:
    """What ``fit`` saw of the rows, so that later ones are treated alike.

    Parameters
    ----------
    shape : tuple of int
        Shape of one row.

    pixels : {"bytes", "large", "other"}
        Images of uint8; images of other numbers that exceed 1 by far; anything else.

    mean : ndarray of shape ``shape`` or None, default=None
        What is subtracted from the rows; None: they are not standardized.

    scale : ndarray of shape ``shape`` or None, default=None
        What they are divided by then.
    """

    shape: tuple[int, ...]
    pixels: Literal["bytes", "large", "other"]
    mean: np.ndarray | None = None
    scale: np.ndarray | None = None

    @classmethod
    def of(cls, rows: np.ndarray, standardize: bool) -> Self:
        """Look at the rows of the first call of fit.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, ...)
            Numbers.

        standardize : bool
            Whether rows are to be standardized.

        Returns
        -------
        SeenRows
            What there was to see.
        """
        moments = mean_and_scale(_unit_pixels(rows)) if standardize else (None, None)
        return cls(rows.shape[1:], _kind(rows), *moments)

    def prepared(self, rows: np.ndarray) -> np.ndarray:
        """Return rows as the network sees them.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, ...)
            Numbers.

        Returns
        -------
        ndarray of shape (n_rows, ...)
            Float32, C-contiguous.

        Raises
        ------
        ValueError
            If the rows have another shape than those of fit, or other units.
        """
        if rows.shape[1:] != self.shape:
            raise ValueError(
                f"The rows of X have the shape {rows.shape[1:]}, but those seen in fit had "
                f"{self.shape}."
            )
        now = _kind(rows)
        if (self.pixels, now) == ("bytes", "large"):
            raise ValueError(
                f"X holds {rows.dtype} up to {rows.max():g}, but fit saw uint8 images, which are "
                "divided by 255; pass uint8 here too, or divide X by 255."
            )
        if (self.pixels, now) == ("large", "bytes"):
            raise ValueError(
                "X holds uint8 images, which are divided by 255, but fit saw images of other "
                f"numbers, larger than {_LARGEST:g}; pass X.astype('float32') here, or uint8 to "
                "fit too."
            )
        rows = _unit_pixels(rows)
        if self.mean is None or self.scale is None:
            return np.ascontiguousarray(rows, dtype=np.float32)
        result = np.empty(rows.shape, dtype=np.float32)
        # In float64, a buffer at a time.
        np.subtract(rows, self.mean, out=result, casting="same_kind")
        return np.divide(result, self.scale, out=result, casting="same_kind")


def _kind(rows: np.ndarray) -> Literal["bytes", "large", "other"]:
    if _are_bytes(rows):
        return "bytes"
    return "large" if rows.ndim > 2 and rows.max(initial=0) > _LARGEST else "other"


def _are_bytes(rows: np.ndarray) -> bool:
    # Flat rows of uint8 are numbers like any others.
    return rows.ndim > 2 and rows.dtype == np.uint8


def _unit_pixels(rows: np.ndarray) -> np.ndarray:
    return np.divide(rows, 255, dtype=np.float32) if _are_bytes(rows) else rows


def mean_and_scale(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of every feature.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, ...)
        Numbers.

    Returns
    -------
    tuple of ndarray
        Float64; the standard deviation of what is constant is 1.
    """
    mean = rows.mean(axis=0, dtype=np.float64)
    scale = rows.std(axis=0, dtype=np.float64, mean=mean[np.newaxis])
    # What rounding leaves of a constant is no scale.
    scale[scale <= len(rows) * np.finfo(np.float64).eps * np.abs(mean)] = 1
    return mean, scale
