"""Classes by the texts that stand for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from unicodedata import normalize

import numpy as np

# Not what float() takes beside it, such as 1_000 or digits of other scripts.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)

# Such as 007, which is the name of something rather than a number.
_CODE = re.compile(r"[+-]?0\d")


def is_number(text: str) -> bool:
    """Return whether a text is a finite number as programs write it.

    Parameters
    ----------
    text : str
        Without blanks around it.

    Examples
    --------
    >>> from skdal.tables.classes import is_number
    >>> [is_number(text) for text in ("1.0", "-2e3", "1_000", "nan")]
    [True, True, False, False]
    """
    return _NUMBER.fullmatch(text) is not None


def class_of(text: str) -> Decimal | str:
    """Return what is the same for all texts that stand for the same class.

    Parameters
    ----------
    text : str
        A label.

    Returns
    -------
    Decimal or str
        Its value, if it is a number, which may be written as 1 and 1.0; otherwise, and where it
        begins with zeros as 007 does, the text with accents composed (NFC).

    Examples
    --------
    >>> from skdal.tables.classes import class_of
    >>> class_of("7") == class_of("7.0"), class_of("7") == class_of("007")
    (True, False)
    """
    # Not float(), to which long numbers that differ may be the same.
    is_code = _CODE.match(text) is not None
    return Decimal(text) if is_number(text) and not is_code else normalize("NFC", text)


def coded(texts: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Return the classes of texts, numbered.

    Parameters
    ----------
    texts : sequence of str
        Labels.

    Returns
    -------
    codes : ndarray of int
        The number of the class of each.

    names : list of str
        The names of the classes, in their order: that of numbers if all of them are. A class
        with several has the shortest.

    Examples
    --------
    >>> from skdal.tables.classes import coded
    >>> codes, names = coded(["10", "9.0", "9"])
    >>> codes.tolist(), names
    ([1, 0, 0], ['9', '10'])
    """
    classes = [class_of(text) for text in texts]
    names: dict[Decimal | str, str] = {}
    for text, value in zip(texts, classes, strict=True):
        name = text if isinstance(value, Decimal) else value
        names[value] = min(names.get(value, name), name, key=lambda name: (len(name), name))
    if all(isinstance(value, Decimal) for value in names):
        order = sorted(names, key=Decimal)
    else:
        order = sorted(names, key=names.__getitem__)
    numbers = {value: number for number, value in enumerate(order)}
    codes = np.array([numbers[value] for value in classes], dtype=int)
    return codes, [names[value] for value in order]
