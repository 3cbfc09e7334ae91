"""Labels from files: which rows have one, which cannot have one, and what it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skdal.tables.classes import class_of, coded, is_number
from skdal.tables.entries import Entry, read_csv
from skdal.tables.ids import Ids
from skdal.tables.label_studio import read_export

_MOST_DIGITS = 19


class Labels(NamedTuple):
    """The labels that are known.

    Parameters
    ----------
    rows : ndarray of int of shape (n_labeled,)
        The rows that have one, rising.

    values : ndarray of shape (n_labeled,)
        Theirs: floats for a regression, otherwise the numbers of classes.

    classes : list of str or None
        Names of the classes, in order; None for a regression.

    skipped : ndarray of int of shape (n_skipped,)
        Rows that cannot be labeled, rising.

    Examples
    --------
    >>> import numpy as np
    >>> from skdal.tables import Labels
    >>> labels = Labels(np.array([3, 7]), np.array([1, 0]), ["cat", "dog"], np.array([5]))
    >>> labels.counts()
    {'cat': 1, 'dog': 1}
    """

    rows: np.ndarray
    values: np.ndarray
    classes: list[str] | None
    skipped: np.ndarray

    def counts(self) -> dict[str, int]:
        """Return how many rows every class has.

        Returns
        -------
        dict of str to int
            A number for every class, in their order; empty for a regression.
        """
        names = self.classes or []
        return {name: int(np.sum(self.values == number)) for number, name in enumerate(names)}


def read_labels(
    paths: Iterable[str | Path],
    n_rows: int,
    ids: Ids | None = None,
    *,
    id_column: str | None = None,
    label_column: str | None = None,
    regression: bool = False,
) -> Labels:
    r"""Read label files.

    A CSV file has a header, and columns ``row`` or ``id``, and ``label``; others are ignored.
    Semicolons or tabs may part the values as well as commas. A file that ends in ``.json`` is
    what Label Studio exports. An empty label, and a task that was skipped, mean that the row
    cannot be labeled. Several files, or lines, may say the same of a row. Numbers that are equal,
    such as 1 and 1.0, are the same class.

    Where the pool has ids, and a line has one, the line is about the row of this id, whatever its
    column ``row`` says: that was the number when the batch was written, and the pool may have been
    sorted anew.

    Parameters
    ----------
    paths : iterable of str or pathlib.Path
        The files.

    n_rows : int
        Rows of the pool.

    ids : Ids or None, default=None
        Its ids. None: the id of a row is its number.

    id_column : str or None, default=None
        Another name of the column ``id``.

    label_column : str or None, default=None
        Another name of the column ``label``; for Label Studio, which control tag it is.

    regression : bool, default=False
        Whether labels are numbers, not classes.

    Returns
    -------
    Labels
        Classes are in the order of their names, or of numbers if all of them are.

    Raises
    ------
    ValueError
        If a file is none of these, a line is incomplete, a row or an id is not in the pool, or
        is labeled twice and not alike, or a label is no number where it must be one. The message
        names file and line.
    FileNotFoundError
        If there is no such file.
    OSError
        If a file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skdal.tables import read_labels
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = Path(directory, "labels.csv")
    ...     _ = path.write_text("row,label\n7,dog\n3,cat\n5,\n")
    ...     labels = read_labels([path], n_rows=10)
    >>> labels.rows.tolist(), labels.values.tolist(), labels.classes, labels.skipped.tolist()
    ([3, 7], [0, 1], ['cat', 'dog'], [5])
    """
    known: dict[int, Entry] = {}
    may_be_cut = []
    for path in map(Path, paths):
        if not path.exists():
            raise FileNotFoundError(
                f"There is no file {path}. As long as there are no labels leave it out, or begin "
                "it with a header: row,label"
            )
        if path.suffix.lower() == ".json":
            entries = list(read_export(path, label_column))
        else:
            entries = list(read_csv(path, id_column, label_column, regression=regression))
        may_be_cut += [entry for entry in entries if entry.may_be_cut]
        for row, entry in zip(_rows(entries, n_rows, ids), entries, strict=True):
            before = known.setdefault(row, entry)
            if not _is_same(before.label, entry.label):
                raise ValueError(
                    f"{entry.where} says {_said(entry)} of {_name(entry)}, but {before.where} says "
                    f"{_said(before)}; correct one of them, or take it out."
                )
    _refuse_beginnings(may_be_cut, {str(entry.label) for entry in known.values() if entry.label})
    skipped = [row for row, entry in known.items() if not entry.label]
    rows = np.array(sorted(row for row, entry in known.items() if entry.label), dtype=int)
    texts = [str(known[row].label) for row in rows]
    values, classes = (np.empty(0), None) if regression else coded(texts)
    if regression:
        values = np.array([_number(known[row]) for row in rows], dtype=float)
    return Labels(rows, values, classes, np.array(sorted(skipped), dtype=int))


def _rows(entries: Sequence[Entry], n_rows: int, ids: Ids | None) -> Iterator[int]:
    """Return the rows that entries are about."""
    if ids is None:
        yield from (_numbered(entry, n_rows) for entry in entries)
        return
    found = iter(ids.find([entry.id for entry in entries if entry.id is not None]).tolist())
    for entry in entries:
        row = next(found) if entry.id is not None else _row_number(entry, str(entry.row), n_rows)
        if row < 0:
            raise ValueError(
                f"{entry.where} has the id {entry.id!r}, which no row of the pool has; correct "
                "it, or take it out."
            )
        yield row


def _numbered(entry: Entry, n_rows: int) -> int:
    """Return the row of an entry in a pool where the id of a row is its number."""
    texts = [text for text in (entry.row, entry.id) if text is not None]
    rows = [_row_number(entry, text, n_rows) for text in texts]
    if rows[0] != rows[-1]:
        raise ValueError(
            f"{entry.where} has the row {rows[0]} and the id {entry.id!r}, but the pool has no "
            "ids, so that both are numbers of rows; are the labels those of another pool?"
        )
    return rows[0]


def _refuse_beginnings(entries: Iterable[Entry], labels: set[str]) -> None:
    """Refuse labels that may be cut off, where another one begins with them."""
    for entry in entries:
        text = str(entry.label)
        longer = next(
            (label for label in sorted(labels) if label != text and label.startswith(text)), None
        )
        if longer is not None:
            raise ValueError(
                f"{entry.where}, the last one, ends in {text!r} without a line break, and may be "
                f"{longer!r}, cut off; complete it, and add the line break."
            )


def _row_number(entry: Entry, text: str, n_rows: int) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(
            f"{entry.where} has {text!r} for a row; rows are numbers from 0 to {n_rows - 1}. If it "
            "is an id, tell those of the pool: --ids or --id-column of the command line, ids or "
            "id_column of open_pool."
        )
    # Not every number, since int() takes no longer ones than of 4,300 digits.
    row = int(text) if len(text) < _MOST_DIGITS else n_rows
    if row >= n_rows:
        shown = text if len(text) < _MOST_DIGITS else f"{text[:_MOST_DIGITS]}..."
        raise ValueError(
            f"{entry.where} has the row {shown}, but the pool has rows from 0 to {n_rows - 1}; "
            "correct it, or take it out."
        )
    return row


def _is_same(one: str | None, other: str | None) -> bool:
    return one == other or (
        class_of(one) == class_of(other) if one and other else not (one or other)
    )


def _said(entry: Entry) -> str:
    return repr(entry.label) if entry.label else "that it cannot be labeled"


def _name(entry: Entry) -> str:
    return f"row {entry.row}" if entry.id is None else f"id {entry.id!r}"


def _number(entry: Entry) -> float:
    text = str(entry.label)
    value = float(text) if is_number(text) else math.nan
    if not math.isfinite(value):
        raise ValueError(
            f"{entry.where} has the label {text!r}, which is no finite number; correct it, or "
            "leave it empty where there is none. Classes are for classifiers, not for a "
            "regression."
        )
    return value
