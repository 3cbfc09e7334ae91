"""Data sets to compare samplers on, each with a fixed split: by name, or from a file."""

from __future__ import annotations

import math
import os
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

from skdal._data_file import KEYS, check_test_size, read_file

__all__ = ["load"]


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
            f"{', '.join(KEYS)}."
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
            f"standard test set; pass the path of an .npz file with the arrays {', '.join(KEYS)}."
        )
    X = X.reshape(n_rows, *images.shape)
    parts = slice(None, images.n_rows), slice(images.n_rows, None)
    return Bunch(X=X[parts[0]], y=y[parts[0]], X_test=X[parts[1]], y_test=y[parts[1]])


_LOADERS: dict[str, Callable[[], Bunch]] = {
    "digits": _digits,
    **{name: partial(_fetched, name) for name in _IMAGES},
}

NAMES = tuple(sorted(_LOADERS))


def load(
    name_or_path: str | os.PathLike[str],
    *,
    test_size: float | None = None,
    needs_test: bool = True,
) -> Bunch:
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
          is anything unpickled. The last two may be missing if ``test_size`` is given, or
          ``needs_test`` is False.

    test_size : float, int or None, default=None
        For a file of ``X`` and ``y`` alone: how much of it to hold out for the test, a fraction
        between 0 and 1, or so many rows. They are drawn by a seed of their own, always the
        same: of every class in proportion to its size, but never its last row. What has a test
        part already is refused.

    needs_test : bool, default=True
        Whether there must be a test part. If False, a file of ``X`` and ``y`` alone is returned
        as just these.

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
        If there is no data set of this name, a file does not hold what it must, a download is
        damaged, or ``test_size`` does not go with the data. The message says what to do.
    TypeError
        If ``name_or_path`` or ``test_size`` is something else.
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
    if test_size is not None:
        check_test_size(test_size)
    name = os.fspath(name_or_path)
    if name in _LOADERS:
        if test_size is not None:
            raise ValueError(
                f"test_size={test_size!r}: {name!r} has its own test part; leave test_size out."
            )
        return _LOADERS[name]()
    path = Path(name)
    # Not by path.exists, which raises where a name is too long to be one of a file. An empty name
    # would be that of the folder.
    if path.suffix == ".npz" or (name and os.path.exists(name)):
        return read_file(path, test_size, needs_test)
    raise ValueError(
        f"{name!r} is no data set; choose one of {', '.join(NAMES)}, or pass the path "
        "of an .npz file."
    )
