"""Data sets to compare samplers on, each with a fixed split: by name, or from a file."""

from __future__ import annotations

import math
import os
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_openml, load_digits
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch

_KEYS = ("X", "y", "X_test", "y_test")
# As in the files that Keras hands on.
_OTHER_KEYS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True)
class _Images:
    """Images on openml.org, those of the standard training set first."""

    openml_name: str
    shape: tuple[int, ...]
    n_rows: int
    test_counts: tuple[int, ...]


_IMAGES = {
    # Both have the version 1; the later versions of mnist_784 are not the same rows.
    "mnist": _Images(
        "mnist_784", (28, 28), 60_000, (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
    ),
    "cifar10": _Images("CIFAR_10", (3, 32, 32), 50_000, (1000,) * 10),
}


def _digits() -> Bunch:
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=1 / 3, stratify=y, random_state=0)
    return Bunch(X=X, y=y, X_test=X_test, y_test=y_test)


def _fetched(name: str) -> Bunch:
    images = _IMAGES[name]
    try:
        pixels, classes = fetch_openml(
            images.openml_name,
            version=1,
            return_X_y=True,
            as_frame=False,
            # The other one needs no pandas, but minutes.
            parser="pandas" if find_spec("pandas") else "liac-arff",
            # Float32 is half of the memory. Nothing is a category, for up to scikit-learn 1.9
            # those that are numbers cannot be read with pandas 3.1.
            read_csv_kwargs={"dtype": dict.fromkeys(range(math.prod(images.shape)), np.float32)},
        )
    except (EOFError, HTTPException, OSError) as error:
        raise OSError(
            f"{name!r} could not be downloaded from openml.org: {error}. Check the network and the "
            f"space on the disk, and try again; or pass the path of an .npz file with the arrays "
            f"{', '.join(_KEYS)}."
        ) from error
    except ValueError as error:
        raise ValueError(
            f"What openml.org sent for {name!r} is damaged, or is not what it was: {error}"
        ) from error
    return _as_published(name, pixels, classes)


def _as_published(name: str, pixels: np.ndarray, classes: np.ndarray) -> Bunch:
    """Cut into images and into the standard parts, if that is what it is."""
    images = _IMAGES[name]
    X = np.asarray(pixels).astype(np.uint8)
    # One parser has them as texts, the other as numbers.
    y = np.asarray(classes).astype(float).astype(np.int64)
    n_rows = images.n_rows + sum(images.test_counts)
    counts = np.bincount(y[images.n_rows :], minlength=len(images.test_counts))
    if X.shape != (n_rows, math.prod(images.shape)) or tuple(counts) != images.test_counts:
        raise ValueError(
            f"What openml.org sent for {name!r} has the shape {X.shape} and, from row "
            f"{images.n_rows} on, {counts.tolist()} rows of the classes, so that it is not the "
            f"standard test set; pass the path of an .npz file with the arrays {', '.join(_KEYS)}."
        )
    X = X.reshape(n_rows, *images.shape)
    parts = slice(None, images.n_rows), slice(images.n_rows, None)
    return Bunch(X=X[parts[0]], y=y[parts[0]], X_test=X[parts[1]], y_test=y[parts[1]])


_LOADERS: dict[str, Callable[[], Bunch]] = {
    "digits": _digits,
    **{name: partial(_fetched, name) for name in _IMAGES},
}

NAMES = tuple(sorted(_LOADERS))


def load(name_or_path: str | os.PathLike[str]) -> Bunch:
    """Return a data set, split into rows to learn from and rows to test on.

    Parameters
    ----------
    name_or_path : str or path-like
        * ``"digits"``: scikit-learn's handwritten digits, which need no download. 1,797
          images of 8 by 8 pixels as rows of 64 features in [0, 1], ten classes, a third of
          each for the test.
        * ``"mnist"``: handwritten digits, 60,000 images and 10,000 for the test, of shape
          (28, 28), ten classes.
        * ``"cifar10"``: photographs, 50,000 images and 10,000 for the test, of shape
          (3, 32, 32), ten classes.
        * The path of an ``.npz`` file that holds the arrays ``X``, ``y``, ``X_test`` and
          ``y_test``, or the same as ``x_train``, ``y_train``, ``x_test`` and ``y_test``. Never
          is anything unpickled.

    Returns
    -------
    Bunch
        ``X``, ndarray of shape (n_rows, ...), and ``y``, ndarray of shape (n_rows,) or
        (n_rows, n_outputs); ``X_test`` and ``y_test`` likewise. Every call returns the same.
        The images of MNIST and CIFAR-10 are uint8, which :mod:`skdal.neural` divides by 255.
        Integers in ``y`` are int64.

    Raises
    ------
    ValueError
        If there is no data set of this name, a file does not hold what it must, or a download
        is damaged. The message says what to do.
    TypeError
        If ``name_or_path`` is something else.
    OSError
        If a download fails, or the file cannot be read.

    Notes
    -----
    MNIST and CIFAR-10 come from openml.org through :func:`sklearn.datasets.fetch_openml`, which
    keeps what it has downloaded and compares it with the published checksum; the environment
    variable ``SCIKIT_LEARN_DATA`` says where. With pandas installed they are read faster.

    Examples
    --------
    >>> from skdal.datasets import load
    >>> digits = load("digits")
    >>> digits.X.shape, digits.X_test.shape
    ((1198, 64), (599, 64))
    """
    if not isinstance(name_or_path, str | os.PathLike):
        raise TypeError(
            f"name_or_path={name_or_path!r} must be a str or a path; pass one of "
            f"{', '.join(NAMES)}, or the path of an .npz file."
        )
    name = os.fspath(name_or_path)
    if name in _LOADERS:
        return _LOADERS[name]()
    path = Path(name)
    # Not by path.exists, which raises where a name is too long to be one of a file. An empty name
    # would be that of the folder.
    if path.suffix == ".npz" or (name and os.path.exists(name)):
        return _read(path)
    raise ValueError(
        f"{name!r} is no data set; choose one of {', '.join(NAMES)}, or pass the path "
        "of an .npz file."
    )


def _read(path: Path) -> Bunch:
    if not os.path.exists(path):
        raise FileNotFoundError(f"There is no file {path}.")
    if not path.is_file() or not zipfile.is_zipfile(path):
        raise ValueError(
            f"{path} is no .npz file; write one by np.savez_compressed(path, X=X, y=y, "
            "X_test=X_test, y_test=y_test)."
        )
    with np.load(path, allow_pickle=False) as file:
        keys = next((keys for keys in (_KEYS, _OTHER_KEYS) if set(keys) <= set(file)), None)
        if keys is None:
            raise ValueError(
                f"{path} holds {', '.join(file) or 'nothing'}; it must hold {', '.join(_KEYS)}, or "
                f"{', '.join(_OTHER_KEYS)}."
            )
        X, y, X_test, y_test = (_array(file, path, key) for key in keys)
    for x_key, y_key, rows, labels in [(*keys[:2], X, y), (*keys[2:], X_test, y_test)]:
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


def _array(file: np.lib.npyio.NpzFile, path: Path, key: str) -> np.ndarray:
    try:
        array = file[key]
    except (EOFError, OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
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
