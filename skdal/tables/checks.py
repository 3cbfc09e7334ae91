"""What to look at in a pool once it is open, or was read."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

_CHUNK = 2**24  # bytes
_LARGEST = float(np.finfo(np.float32).max)


def check_all_finite(pool: Bunch, skipped: np.ndarray | None = None) -> None:
    """Read a whole pool, a part at a time, and refuse one with numbers no model takes.

    Parameters
    ----------
    pool : Bunch
        Of :func:`~skdal.tables.open_pool`.

    skipped : ndarray of int or None, default=None
        Rows that may hold anything.

    Raises
    ------
    ValueError
        It names the file and the first row with NaN, infinity, or a number that is not finite
        in float32, in which some samplers and models work.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.utils import Bunch
    >>> from skdal.tables.checks import check_all_finite
    >>> check_all_finite(Bunch(X=np.zeros((2, 2)), path="pool.npy"))
    """
    X = pool.X
    if X.dtype.kind != "f":
        return
    too_large = None
    step = max(1, _CHUNK * len(X) // X.nbytes)
    for start in range(0, len(X), step):
        part = np.abs(X[start : start + step]).reshape(-1, math.prod(X.shape[1:]))
        if skipped is not None:
            part[skipped[(skipped >= start) & (skipped < start + step)] - start] = 0
        largest = part.max(axis=1)
        finite = np.isfinite(largest)
        if not finite.all():
            raise ValueError(
                f"Row {start + finite.argmin()} of {pool.path} holds NaN or infinity; impute it, "
                "or leave it out."
            )
        if too_large is None and largest.max() > _LARGEST:
            too_large = start + int(np.argmax(largest > _LARGEST)), largest.max()
    if too_large is not None:
        raise ValueError(
            f"Row {too_large[0]} of {pool.path} holds a number too large for 32 bits, beyond "
            f"{_LARGEST:.3g}; scale the column, or leave the row out."
        )


def stamp_of(path: Path) -> tuple[int, int]:
    """Return what changes with a file: its size, and when it was last written.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    """
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def check_unchanged(pool: Bunch) -> None:
    """Refuse a pool whose file was written while it was open.

    Parameters
    ----------
    pool : Bunch
        Of :func:`~skdal.tables.open_pool`.

    Raises
    ------
    ValueError
        If it was. What was read may be partly of the old file, partly of the new one.
    OSError
        If it is gone.
    """
    if stamp_of(pool.path) != pool.stamp:
        raise ValueError(
            f"{pool.path} was written to while it was read, so that the rows may be of a mix; wait "
            "until it is whole, and query again."
        )
