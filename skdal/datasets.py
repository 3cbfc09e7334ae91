"""Data sets to compare samplers on, each with a fixed split."""

from __future__ import annotations

from collections.abc import Callable

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch


def _digits() -> Bunch:
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=1 / 3, stratify=y, random_state=0)
    return Bunch(X=X, y=y, X_test=X_test, y_test=y_test)


_LOADERS: dict[str, Callable[[], Bunch]] = {"digits": _digits}

NAMES = tuple(sorted(_LOADERS))


def load(name: str) -> Bunch:
    """Return a data set, split into rows to learn from and rows to test on.

    Parameters
    ----------
    name : str
        ``"digits"``: scikit-learn's handwritten digits, which need no download. 1,797
        images of 8 by 8 pixels as rows of 64 features in [0, 1], ten classes, a third of
        each for the test.

    Returns
    -------
    Bunch
        ``X``, ndarray of float of shape (n_rows, n_features), and ``y``, ndarray of shape
        (n_rows,); ``X_test`` and ``y_test`` likewise. Every call returns the same.

    Raises
    ------
    ValueError
        If there is no data set of this name. The message lists those there are.

    Examples
    --------
    >>> from skdal.datasets import load
    >>> digits = load("digits")
    >>> digits.X.shape, digits.X_test.shape
    ((1198, 64), (599, 64))
    """
    if name not in _LOADERS:
        raise ValueError(f"name={name!r} is no data set; choose one of {', '.join(NAMES)}.")
    return _LOADERS[name]()
