"""The file of a data set: what it must hold, and the test part that is held out of it."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from numbers import Integral, Real
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile
from sklearn.utils import Bunch

from skdal._start import initial_rows

KEYS = ("X", "y", "X_test", "y_test")
# As in the files that Keras hands on.
OTHER_KEYS = ("x_train", "y_train", "x_test", "y_test")

# What numpy may make of a header that is damaged.
NO_HEADER = (IndexError, RecursionError, SyntaxError, TokenError, TypeError, ValueError)
# What may come of an archive that is damaged; NotImplementedError is zipfile's, of a member that is
# compressed in a way it does not know.
BROKEN: tuple[type[Exception], ...] = (
    *(EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error),
)
with suppress(ImportError):  # a part of Python that may be left out
    from lzma import LZMAError

    BROKEN = (*BROKEN, LZMAError)
_UNREADABLE: tuple[type[Exception], ...] = (MemoryError, OSError, *NO_HEADER, *BROKEN)


def check_test_size(test_size: Any) -> None:
    """Refuse what is neither a fraction nor a number of rows.

    Parameters
    ----------
    test_size : object
        Any.

    Raises
    ------
    TypeError
        If it is no number.
    ValueError
        If it is a number out of range.
    """
    if isinstance(test_size, bool) or not isinstance(test_size, Real):
        raise TypeError(
            f"test_size={test_size!r} must be a fraction such as 0.2, or an int, a number of rows."
        )
    size = float(test_size)
    if not (size >= 1 if isinstance(test_size, Integral) else 0 < size < 1):
        raise ValueError(
            f"test_size={test_size!r} must be a fraction between 0 and 1, or an int, a number of "
            "rows from 1 on."
        )


def read_file(path: Path, test_size: float | None, needs_test: bool) -> Bunch:
    """Read a data set, and split it where it is to be split.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    test_size : float, int or None
        How much of a file without a test part to hold out.

    needs_test : bool
        Whether there must be a test part.

    Returns
    -------
    Bunch
        ``X``, ``y``, and where there is a test part ``X_test`` and ``y_test``.

    Raises
    ------
    ValueError
        If the file does not hold what it must.
    OSError
        If it cannot be read.
    """
    if not os.path.exists(path):
        raise FileNotFoundError(f"There is no file {path}.")
    if not path.is_file() or not zipfile.is_zipfile(path):
        raise ValueError(
            f"{path} is no .npz file; write one by np.savez_compressed(path, X=X, y=y, "
            "X_test=X_test, y_test=y_test)."
        )
    with _archive(path) as file:
        keys = _keys(file, path, test_size, needs_test)
        arrays = [_array(file, path, key) for key in keys]
    for (x_key, rows), (y_key, labels) in zip(
        *(list(zip(keys, arrays, strict=True))[part::2] for part in (0, 1)), strict=True
    ):
        _check_part(x_key, rows, y_key, labels, path)
    if len(arrays) == 2:
        X, y = arrays
        y = _labels(y)
        return Bunch(X=X, y=y) if test_size is None else _held_out(X, y, test_size, path)
    X, y, X_test, y_test = arrays
    if X.shape[1:] != X_test.shape[1:]:
        raise ValueError(
            f"The rows of {keys[0]} in {path} have the shape {X.shape[1:]}, but those of {keys[2]} "
            f"{X_test.shape[1:]}; they must be the same."
        )
    if "U" in (kinds := [y.dtype.kind, y_test.dtype.kind]) and kinds != ["U", "U"]:
        raise ValueError(
            f"{keys[1]} of {path} has the dtype {y.dtype}, but {keys[3]} {y_test.dtype}; save both "
            "as texts or both as numbers."
        )
    return Bunch(X=X, y=_labels(y), X_test=X_test, y_test=_labels(y_test))


@contextmanager
def _archive(path: Path) -> Iterator[NpzFile]:
    # np.load goes by the first bytes of a file, and leaves it open where it is damaged.
    with path.open("rb") as file:
        try:
            archive = NpzFile(file, allow_pickle=False)
        except _UNREADABLE as error:
            raise ValueError(f"{path} is damaged: {error}. Copy it again.") from error
        with archive:
            yield archive


def _keys(file: NpzFile, path: Path, test_size: float | None, needs_test: bool) -> tuple[str, ...]:
    """Return the names of the arrays to read: those of X and y, and of the test part if any."""
    for keys in (KEYS, OTHER_KEYS):
        found = [key for key in keys if key in file]
        if found == list(keys):
            if test_size is not None:
                raise ValueError(
                    f"test_size={test_size!r}: {path} has its own test part, {keys[2]} and "
                    f"{keys[3]}; leave test_size out, or take them out of the file."
                )
            return keys
        if found == list(keys[:2]):
            if test_size is None and needs_test:
                raise ValueError(
                    f"{path} holds {', '.join(found)}, but no {keys[2]} and {keys[3]} to test on; "
                    "add them, or hold a part of the rows out: --test-size 0.2 of the command "
                    "line, or test_size=0.2."
                )
            return keys[:2]
    raise ValueError(
        f"{path} holds {', '.join(file) or 'nothing'}; it must hold {', '.join(KEYS)}, or "
        f"{', '.join(OTHER_KEYS)}."
    )


def _check_part(x_key: str, rows: np.ndarray, y_key: str, labels: np.ndarray, path: Path) -> None:
    if rows.ndim < 2 or rows.dtype.kind not in "biuf" or not rows.size:
        raise ValueError(
            f"{x_key} of {path} has the shape {rows.shape} and dtype {rows.dtype}; it must be "
            "numbers, one row or image for each label, as in X.reshape(len(y), -1)."
        )
    if labels.ndim not in (1, 2) or len(labels) != len(rows):
        raise ValueError(
            f"{y_key} of {path} has the shape {labels.shape}, but {x_key} has {len(rows)} "
            "rows; there must be one label for each."
        )
    _check_labels(y_key, labels, path)


def _held_out(X: np.ndarray, y: np.ndarray, test_size: float, path: Path) -> Bunch:
    n_rows = len(X)
    is_count = isinstance(test_size, Integral)
    n_test = int(test_size) if is_count else max(1, round(test_size * n_rows))
    if n_test >= n_rows:
        raise ValueError(
            f"test_size={test_size!r} leaves nothing to learn from of the {n_rows} rows of {path}; "
            f"lower it{f', to {n_rows - 1} at most' if is_count else ''}."
        )
    # Values of a regression have no classes.
    are_classes = y.ndim == 1 and (y.dtype.kind != "f" or bool((y == np.floor(y)).all()))
    # Always the same seed, so that results of other seeds can be compared. What stays is drawn, for
    # this takes a row of every class.
    stays = initial_rows(y, n_rows - n_test, stratify=are_classes, random_state=0)
    test = np.ones(n_rows, dtype=bool)
    test[stays] = False
    learn, held_out = np.flatnonzero(~test), np.flatnonzero(test)
    return Bunch(X=X[learn], y=y[learn], X_test=X[held_out], y_test=y[held_out])


def _array(file: NpzFile, path: Path, key: str) -> np.ndarray:
    try:
        array = file[key]
    except _UNREADABLE as error:
        raise ValueError(
            f"{key} of {path} cannot be read: {error} If it has the dtype object, save it as "
            f"numbers or fixed-width texts, as in {key}.astype(int) or {key}.astype(str); else "
            "the file is damaged, so copy it again."
        ) from error
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{key} of {path} is no array; write the file by np.savez_compressed.")
    return array


def _check_labels(key: str, y: np.ndarray, path: Path) -> None:
    if y.dtype.kind not in "biufU":
        raise ValueError(
            f"{key} of {path} has the dtype {y.dtype}; save it as numbers or texts, as in "
            f"{key}.astype(int) or {key}.astype(str)."
        )
    if y.dtype.kind == "u" and (too_large := y > np.iinfo(np.int64).max).any():
        raise ValueError(
            f"{key} of {path} holds {y[too_large][0]}, which is no int64; number the classes from "
            f"0, as in np.unique({key}, return_inverse=True)[1]."
        )


def _labels(y: np.ndarray) -> np.ndarray:
    if y.ndim == 2 and y.shape[1] == 1:
        y = y.ravel()
    # Unsigned integers cannot hold -1, which marks a row as unlabeled.
    return y.astype(np.int64) if y.dtype.kind in "iu" else y
